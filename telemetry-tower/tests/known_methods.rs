//! The environment's list of methods, read in a process of its own.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;

use http::Method;
use telemetry_tower::KnownMethods;

/// Runs in the child: says which of some methods are known.
#[test]
fn say() {
    if std::env::var_os("SAY_KNOWN").is_none() {
        return;
    }
    let known = KnownMethods::default();
    for name in ["GET", "POST", "QUERY", "PURGE", "get"] {
        let method: Method = name.parse().unwrap();
        let word = known.name(&method).unwrap_or("_OTHER");
        eprintln!("known {name}={word}");
    }
}

fn known(list: Option<&str>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["say", "--exact", "--nocapture"]);
    child
        .env("SAY_KNOWN", "1")
        .env_remove(KnownMethods::VARIABLE);
    if let Some(list) = list {
        child.env(KnownMethods::VARIABLE, list);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("known "));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_environment_replaces_the_known_methods() {
    let standard = "GET=GET POST=POST QUERY=QUERY PURGE=_OTHER get=_OTHER";
    assert_eq!(known(None), standard);
    for nothing in [" ", ",", "not a method", "(x),,"] {
        assert_eq!(known(Some(nothing)), standard, "{nothing:?} is unset");
    }
    let own = "GET=GET POST=_OTHER QUERY=_OTHER PURGE=PURGE get=_OTHER";
    assert_eq!(known(Some("GET, PURGE,not a method")), own);
}
