//! The alerts that open sessions: judged by the tools of those who run them.
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::program;

const LABELS: [&str; 3] = ["service_name", "deployment_environment_name", "http_route"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/alerts")
}

/// What the tool says, and whether it is content.
fn judge(tool: &Path, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the tool");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn each_alert_fires_when_it_should_with_every_label() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let (well, said) = judge(&promtool, &["check", "rules", "prometheus.yml"], &folder());
    assert!(well, "{said}");
    let (well, said) = judge(
        &promtool,
        &["test", "rules", "prometheus_test.yml"],
        &folder(),
    );
    assert!(well, "{said}");
}

#[test]
fn an_alert_that_loses_a_label_is_found() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    let rules = fs::read_to_string(folder().join("prometheus.yml")).unwrap();
    for label in LABELS {
        for (index, _) in rules.match_indices("sum by (") {
            let (before, rule) = rules.split_at(index);
            let broken = rule.replacen(label, "job", 1);
            let scratch = tempfile::tempdir().unwrap();
            fs::write(
                scratch.path().join("prometheus.yml"),
                format!("{before}{broken}"),
            )
            .unwrap();
            let test = "prometheus_test.yml";
            fs::copy(folder().join(test), scratch.path().join(test)).unwrap();
            let (well, said) = judge(&promtool, &["test", "rules", test], scratch.path());
            assert!(!well, "{label} lost at {index}: {said}");
        }
    }
}

#[test]
fn the_rules_for_loki_are_the_same_alerts_with_the_same_labels() {
    let read = |name| fs::read_to_string(folder().join(name)).unwrap();
    let (prometheus, loki) = (read("prometheus.yml"), read("loki.yml"));
    let lines = |text: &str, begin: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| line.starts_with(begin))
            .map(str::to_owned)
            .collect()
    };
    for same in [
        "- alert:",
        ") >",
        "sum by",
        "autolog:",
        "severity:",
        "summary:",
    ] {
        assert_eq!(lines(&prometheus, same), lines(&loki, same), "{same}");
    }
    let sums = lines(&loki, "sum by");
    assert_eq!(sums.len(), 3);
    assert!(
        sums.iter()
            .all(|sum| LABELS.iter().all(|label| sum.contains(label))),
        "{sums:?}"
    );
    for window in ["[2m]", "[15m]", "[5m]"] {
        assert!(
            loki.contains(window) && prometheus.contains(window),
            "{window}"
        );
    }
}

#[test]
fn alertmanager_takes_the_example() {
    let Some(amtool) = program("amtool") else {
        return;
    };
    let (well, said) = judge(&amtool, &["check-config", "alertmanager.yml"], &folder());
    assert!(well, "{said}");
    let route = [
        "config",
        "routes",
        "test",
        "--config.file=alertmanager.yml",
        "autolog=true",
    ];
    let (well, said) = judge(&amtool, &route, &folder());
    assert!(well && said.contains("autolog"), "{said}");
}
