//! Finding a crate's versions in an executable.
//!
//! The compiler writes the path of a source file into the program for each place that can panic,
//! and into the debug information, if there is any:
//! `…/registry/src/index.crates.io-…/opentelemetry-0.33.1/src/context.rs`. A release build that is
//! stripped keeps the former, of which `opentelemetry` has some. Neither is there if paths were
//! trimmed or remapped, and a vendored crate's folder usually has no version in its name.

use std::collections::BTreeSet;
use std::io::{self, Read};

const FOLDER: &[u8] = b"opentelemetry-";

/// The longest version that is looked for, with what stands before it.
const LONGEST: usize = 64;

const CHUNK: usize = 1 << 20;

/// The versions whose paths are in it.
pub(super) fn versions(mut file: impl Read) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut window = Vec::with_capacity(CHUNK + LONGEST);
    loop {
        let kept = window.len();
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut window)?;
        scan(&window, &mut found);
        if read == 0 {
            return Ok(found);
        }
        // a path may lie across two chunks
        let keep = window.len().saturating_sub(LONGEST.min(kept + read));
        window.drain(..keep);
    }
}

fn scan(bytes: &[u8], found: &mut BTreeSet<String>) {
    let mut rest = bytes;
    while let Some(at) = rest.windows(FOLDER.len() + 1).position(is_folder) {
        rest = rest.get(at + 1 + FOLDER.len()..).unwrap_or_default();
        found.extend(version(rest));
    }
}

/// A path component that begins with the crate's name; the byte before it is its separator.
fn is_folder(window: &[u8]) -> bool {
    matches!(window, [b'/' | b'\\', name @ ..] if name == FOLDER)
}

/// `1.2.3` or `1.2.3-rc.1`, if the component ends after it.
fn version(bytes: &[u8]) -> Option<String> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+".contains(byte);
    let len = bytes
        .iter()
        .take(LONGEST)
        .take_while(|b| is_part(b))
        .count();
    let ends = matches!(bytes.get(len)?, b'/' | b'\\' | 0);
    let text = std::str::from_utf8(bytes.get(..len)?).ok()?;
    let numbers = text.split(['-', '+']).next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_version = numbers.split('.').count() == 3 && numbers.split('.').all(is_number);
    (ends && is_version).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Vec<String> {
        versions(bytes).unwrap().into_iter().collect()
    }

    #[test]
    fn paths_are_found_and_other_mentions_are_not() {
        assert_eq!(
            found(b"\0/r/opentelemetry-0.31.0/src/context.rs/r/x"),
            ["0.31.0"]
        );
        // debug information names the folder alone; Windows writes backslashes
        assert_eq!(found(b"/r/opentelemetry-0.33.1\0src/lib.rs"), ["0.33.1"]);
        assert_eq!(
            found(br"C:\r\opentelemetry-1.0.0-rc.1\src\lib.rs"),
            ["1.0.0-rc.1"]
        );
        for other in [
            &b"/r/opentelemetry-otlp-0.33.0/src/lib.rs"[..],
            b"/r/opentelemetry_sdk-0.33.0/src/lib.rs",
            b"opentelemetry-0.33.0/src/lib.rs",
            b"/r/opentelemetry-proto/src",
            b"/opentelemetry-0.33 is documented",
            b"/opentelemetry-",
        ] {
            assert_eq!(found(other), [""; 0], "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn a_path_across_two_chunks_is_found() {
        let path = b"/opentelemetry-0.31.0/src";
        for offset in 0..=path.len() {
            let mut bytes = vec![b'x'; CHUNK - offset];
            bytes.extend_from_slice(path);
            bytes.resize(2 * CHUNK + 7, b'y');
            assert_eq!(found(&bytes), ["0.31.0"], "{offset}");
        }
    }

    /// The program of this very test, with debug information; it links one version.
    #[test]
    fn a_program_names_the_version_that_it_links() {
        let program = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let found = versions(program).unwrap();
        // this file's own examples are in the program, too
        assert!(
            found.iter().any(|version| version.starts_with("0.33.")),
            "{found:?}"
        );
    }
}
