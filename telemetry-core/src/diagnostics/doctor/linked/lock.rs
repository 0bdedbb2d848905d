//! Reading `Cargo.lock`, as Cargo writes it: one key a line, arrays one item a line.

use super::LinkedVersion;

const CRATE: &str = "opentelemetry";

#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
}

/// The versions of `opentelemetry`, and who uses each.
pub(super) fn versions(text: &str) -> Vec<LinkedVersion> {
    let packages = packages(text);
    let ours = packages.iter().filter(|package| package.name == CRATE);
    ours.map(|package| LinkedVersion {
        version: package.version.to_owned(),
        used_by: users(&packages, package.version),
    })
    .collect()
}

/// A dependency is `name`, or `name version` where there are several versions of that name.
fn users(packages: &[Package<'_>], version: &str) -> Vec<String> {
    let uses = |dependency: &&str| {
        let mut words = dependency.split(' ');
        words.next() == Some(CRATE) && words.next().is_none_or(|word| word == version)
    };
    packages
        .iter()
        .filter(|package| package.dependencies.iter().any(uses))
        .map(|package| format!("{} {}", package.name, package.version))
        .collect()
}

fn packages(text: &str) -> Vec<Package<'_>> {
    let mut packages: Vec<Package<'_>> = Vec::new();
    let mut in_package = false;
    let mut in_dependencies = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_package = line == "[[package]]";
            in_dependencies = false;
            packages.extend(in_package.then(Package::default));
        }
        let Some(package) = packages.last_mut().filter(|_| in_package) else {
            continue;
        };
        if let Some(value) = value(line, "name") {
            package.name = value;
        } else if let Some(value) = value(line, "version") {
            package.version = value;
        } else if line.starts_with("dependencies") {
            in_dependencies = true;
        } else if line == "]" {
            in_dependencies = false;
        } else if in_dependencies {
            package.dependencies.push(line.trim_matches([',', '"']));
        }
    }
    packages
}

/// The text of `key = "text"`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
    rest.trim().strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
version = 4

[[package]]
name = "opentelemetry"
version = "0.31.0"
dependencies = [
 "futures-core",
]

[[package]]
name = "opentelemetry"
version = "0.33.1"

[[package]]
name = "opentelemetry_sdk"
version = "0.31.0"
dependencies = [
 "opentelemetry 0.31.0",
 "rand",
]

[[package]]
name = "shop"
version = "1.0.0"
dependencies = [
 "opentelemetry 0.33.1",
 "opentelemetry_sdk",
]

[metadata]
name = "opentelemetry"
"#;

    #[test]
    fn each_version_is_found_with_its_users() {
        let found = versions(TWO);
        let shown: Vec<_> = found
            .iter()
            .map(|v| (v.version.as_str(), v.used_by.join(",")))
            .collect();
        assert_eq!(
            shown,
            [
                ("0.31.0", "opentelemetry_sdk 0.31.0".to_owned()),
                ("0.33.1", "shop 1.0.0".to_owned())
            ]
        );
    }

    #[test]
    fn a_single_version_is_a_dependency_without_version() {
        let lock = "[[package]]\r\nname = \"opentelemetry\"\r\nversion = \"0.33.1\"\r\n\r\n\
            [[package]]\r\nname = \"a\"\r\nversion = \"1.0.0\"\r\ndependencies = [\r\n \"opentelemetry\",\r\n]\r\n";
        let found = versions(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].used_by, ["a 1.0.0"]);
    }

    /// This workspace's own lock file, which Cargo wrote. A peer that the benches measure has an older
    /// version.
    #[test]
    fn the_lock_file_of_this_workspace_tells_who_uses_which_version() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
        let found = versions(&std::fs::read_to_string(path).unwrap());
        let ours = concat!("telemetry-core ", env!("CARGO_PKG_VERSION"));
        let (current, old): (Vec<_>, Vec<_>) = found
            .iter()
            .partition(|found| found.used_by.iter().any(|user| user == ours));
        assert_eq!(current.len(), 1, "{found:?}");
        let users: Vec<_> = old.iter().flat_map(|old| &old.used_by).collect();
        let peers = ["axum-otel-metrics ", "opentelemetry_sdk 0.32"];
        let is_peer = |user: &&String| peers.iter().any(|peer| user.starts_with(peer));
        assert!(users.iter().all(is_peer), "{found:?}");
    }
}
