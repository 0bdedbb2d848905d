//! Hands the compiler's version to the resource attribute `process.runtime.version`.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=RUSTC");
    println!("cargo:rerun-if-changed=build.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = Command::new(compiler).arg("--version").output();
    let text = answer
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    // `rustc 1.88.0 (6b00bc388 2025-06-23)`
    if let Some(version) = text.split_whitespace().nth(1) {
        println!("cargo:rustc-env=TELEMETRY_RUSTC_VERSION={version}");
    }
}
