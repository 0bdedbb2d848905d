//! Which versions of the `opentelemetry` crate a program has. Two do not know each other: what
//! one records, the other never sees.

mod executable;
mod lock;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;

/// The versions of `opentelemetry` that one file names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Linked {
    /// The file.
    pub file: PathBuf,
    /// The versions in it, each once.
    pub versions: Vec<LinkedVersion>,
    /// What is wrong or unknown about that.
    pub finding: Option<Finding>,
}

/// One version of `opentelemetry`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkedVersion {
    /// The version.
    pub version: String,
    /// The packages that depend on it, with their versions; empty if the file does not tell.
    pub used_by: Vec<String>,
}

/// The versions that a `Cargo.lock` names.
pub(super) fn in_lock(file: &Path) -> Linked {
    let read = std::fs::read_to_string(file);
    let found = read.map(|text| lock::versions(&text));
    linked(
        file,
        found,
        "the program is not built with OpenTelemetry, or this is another's lock file",
    )
}

/// The versions whose source paths an executable holds.
pub(super) fn in_executable(file: &Path) -> Linked {
    let found = open(file).and_then(executable::versions);
    let found = found.map(|versions| {
        let unused = |version| LinkedVersion {
            version,
            used_by: Vec::new(),
        };
        versions.into_iter().map(unused).collect()
    });
    linked(
        file,
        found,
        "it names no source path of the crate: it has none, or was built with trim-paths, \
         remapped paths or vendored sources; look at its Cargo.lock instead",
    )
}

/// Opening a pipe would wait for its other end.
fn open(file: &Path) -> io::Result<File> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    File::open(file)
}

fn linked(file: &Path, found: io::Result<Vec<LinkedVersion>>, none: &str) -> Linked {
    let (versions, finding) = match found {
        Err(error) => (Vec::new(), Some(unreadable(file, &error))),
        Ok(versions) if versions.is_empty() => (
            versions,
            Some(Finding::hint("no version of opentelemetry is in it").remedy(none)),
        ),
        Ok(versions) => {
            let finding = several(&versions);
            (versions, finding)
        }
    };
    Linked {
        file: file.to_owned(),
        versions,
        finding,
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Finding {
    let shown = file.display();
    Finding::problem(format!("{shown} cannot be read"))
        .caused_by(error)
        .remedy("Name the Cargo.lock of the program, or its executable")
}

fn several(versions: &[LinkedVersion]) -> Option<Finding> {
    if versions.len() < 2 {
        return None;
    }
    let names: Vec<&str> = versions.iter().map(|v| v.version.as_str()).collect();
    let message = format!(
        "{} versions of opentelemetry ({}): what is recorded through one never reaches the other",
        names.len(),
        names.join(", ")
    );
    Some(Finding::problem(message).remedy(
        "Bring every dependency to one version; cargo tree --invert opentelemetry@VERSION shows \
         who holds one back",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_problem_and_nothing_found_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let missing = in_lock(&folder.path().join("Cargo.lock")).finding.unwrap();
        assert!(missing.message.ends_with("Cargo.lock cannot be read"));
        assert_eq!(missing.causes.len(), 1);
        let directory = in_executable(folder.path()).finding.unwrap();
        assert_eq!(directory.causes, ["it is no file"]);
        let file = folder.path().join("empty");
        std::fs::write(&file, "").unwrap();
        for linked in [in_lock(&file), in_executable(&file)] {
            let severity = linked.finding.unwrap().severity;
            assert_eq!(severity, super::super::Severity::Hint);
        }
    }
}
