//! Versions of `opentelemetry` in lock files and executables.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Run, doctor};

/// Sends nothing, so that only the files can be wrong.
const NOWHERE: [(&str, &str); 3] = [
    ("OTEL_TRACES_EXPORTER", "none"),
    ("OTEL_LOGS_EXPORTER", "none"),
    ("OTEL_METRICS_EXPORTER", "none"),
];

const LOCK: &str = r#"version = 4

[[package]]
name = "opentelemetry"
version = "0.31.0"

[[package]]
name = "opentelemetry"
version = "0.33.1"

[[package]]
name = "old-library"
version = "2.0.0"
dependencies = [
 "opentelemetry 0.31.0",
]

[[package]]
name = "shop"
version = "1.0.0"
dependencies = [
 "old-library",
 "opentelemetry 0.33.1",
]
"#;

fn versions(run: &Run) -> Vec<String> {
    let json = run.json();
    let versions = json["opentelemetry"][0]["versions"].as_array().unwrap();
    let version = |version: &Value| version["version"].as_str().unwrap().to_owned();
    versions.iter().map(version).collect()
}

#[track_caller]
fn assert_two(run: &Run) {
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(versions(run), ["0.31.0", "0.33.1"], "{run:?}");
    let json = run.json();
    let finding = &json["opentelemetry"][0]["finding"];
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.starts_with("2 versions of opentelemetry (0.31.0, 0.33.1)"),
        "{finding}"
    );
    assert!(
        finding["remedy"].as_str().unwrap().contains("cargo tree"),
        "{finding}"
    );
}

#[test]
fn a_second_version_in_a_lock_file() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("Cargo.lock");
    fs::write(&lock, LOCK).unwrap();
    let run = doctor(&["--lock", lock.to_str().unwrap()], &NOWHERE);
    assert_two(&run);
    let json = run.json();
    let used_by = &json["opentelemetry"][0]["versions"][0]["used_by"];
    assert_eq!(used_by.to_string(), r#"["old-library 2.0.0"]"#);
    let missing = doctor(&["--lock", "missing.lock"], &NOWHERE);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stdout.contains("missing.lock cannot be read"),
        "{missing:?}"
    );
}

#[test]
fn the_lock_file_of_this_folder_is_read_unasked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.lock"), LOCK).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_telemetry"))
        .arg("doctor")
        .current_dir(folder.path())
        .env_clear()
        .envs(NOWHERE)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("0.31.0  used by old-library 2.0.0"), "{text}");
}

#[test]
fn one_version_is_well() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.lock");
    let run = doctor(&["--lock", lock], &NOWHERE);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(versions(&run).len(), 1, "{run:?}");
    // the doctor itself is a program that links OpenTelemetry
    let run = doctor(&["--exe", env!("CARGO_BIN_EXE_telemetry")], &NOWHERE);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(versions(&run)[0].starts_with("0.33."), "{run:?}");
}

#[test]
fn a_second_version_in_an_executable() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&["-g"][..], &["-O", "-C", "strip=symbols"]] {
        let program = program(&folder, flags);
        let run = doctor(&["--exe", program.to_str().unwrap()], &NOWHERE);
        assert_two(&run);
    }
    let source = folder.path().join("main.rs");
    let run = doctor(&["--exe", source.to_str().unwrap()], &NOWHERE);
    assert!(
        run.stdout.contains("no version of opentelemetry is in it"),
        "{run:?}"
    );
}

/// A program of the compiler's making, with two crates in folders as Cargo's registry has them.
fn program(folder: &TempDir, flags: &[&str]) -> PathBuf {
    let libraries = ["0.31.0", "0.33.1"].map(|version| {
        let source = folder
            .path()
            .join(format!("opentelemetry-{version}/src/lib.rs"));
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        let code = "#[inline(never)] pub fn pick(list: &[u8], at: usize) -> u8 { list[at] }";
        fs::write(&source, code).unwrap();
        let library = folder
            .path()
            .join(format!("libopentelemetry{}.rlib", &version[2..4]));
        let kind = ["--crate-type=rlib", "--crate-name=opentelemetry"];
        let id = format!("-Cmetadata={version}");
        compile(&source, &library, &[&kind[..], &[&id], flags].concat());
        library
    });
    let source = folder.path().join("main.rs");
    let code = "fn main() { let n = std::env::args().count(); \
        std::process::exit(i32::from(old::pick(&[0; 2], n) + new::pick(&[0; 2], n))) }";
    fs::write(&source, code).unwrap();
    let program = folder.path().join("program");
    let [old, new] = libraries.map(|library| library.to_str().unwrap().to_owned());
    let (old, new) = (format!("--extern=old={old}"), format!("--extern=new={new}"));
    compile(
        &source,
        &program,
        &[&[old.as_str(), &new][..], flags].concat(),
    );
    program
}

fn compile(source: &Path, into: &Path, flags: &[&str]) {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        .args(["--edition=2024", "-o"])
        .arg(into)
        .arg(source)
        .args(flags);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
