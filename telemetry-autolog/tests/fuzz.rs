//! The API fuzzed from its own description, by schemathesis.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::env;
use std::io::{self, Write};
use std::process::Command;

use common::{Server, servers_with};
use telemetry_autolog::Settings;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance,unsupported_method";
/// More than the longest that `wait` may be: what takes longer hangs.
const REQUEST_TIMEOUT: &str = "60";
const EXAMPLES: &str = "25";

fn fuzzer() -> Option<String> {
    let fuzzer = env::var("TELEMETRY_TEST_FUZZER")
        .ok()
        .filter(|path| !path.is_empty());
    if fuzzer.is_none() {
        let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "TELEMETRY_TEST_FUZZER is not set: run scripts/test");
        drop(writeln!(io::stderr(), "skipped: run scripts/test"));
    }
    fuzzer
}

fn fuzz(program: &str, server: &Server) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .arg("run")
        .arg(format!("http://{}/openapi.json", server.address))
        .args([
            "--checks",
            CHECKS,
            "--max-examples",
            EXAMPLES,
            "--generation-deterministic",
        ])
        .args([
            "--request-timeout",
            REQUEST_TIMEOUT,
            "--phases",
            "examples,coverage,fuzzing",
        ])
        .args([
            "--header",
            "Authorization: Bearer token",
            "--suppress-health-check",
            "all",
        ])
        .args(["--continue-on-failure", "--no-color"])
        .current_dir(folder.path())
        .output()
        .expect("schemathesis");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_makes_a_server_error_or_an_answer_that_is_not_described() {
    let Some(program) = fuzzer() else {
        return;
    };
    let mut settings = Settings::default();
    settings.webhook_secret = Some("token".to_owned());
    settings.api_token = Some("token".to_owned());
    for server in servers_with(settings).await {
        let program = program.clone();
        let run = || fuzz(&program, &server);
        let (well, said) = tokio::task::block_in_place(run);
        assert!(well, "{}\n{said}", server.store);
        assert_eq!(server.get("/health").await.status, 200, "{}", server.store);
    }
}
