//! What is known about the machine and the process without asking the user.

use std::env::consts;
use std::fs::File;
use std::io::Read;

use super::container;
use crate::config::env::Env;

/// The facts, read once; tests write their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) host_name: Option<String>,
    pub(crate) executable: Option<String>,
    pub(crate) container_id: Option<String>,
    /// The namespace that Kubernetes mounts into each pod that has a service account.
    pub(crate) kubernetes_namespace: Option<String>,
}

impl Machine {
    pub(crate) fn read(env: &Env) -> Self {
        Self {
            host_name: host_name(env),
            executable: executable(),
            container_id: container_id(),
            kubernetes_namespace: line("/var/run/secrets/kubernetes.io/serviceaccount/namespace"),
        }
    }
}

/// The convention's word for the processor.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/host/#host-arch>.
pub(crate) fn arch() -> &'static str {
    match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// The convention's word for the operating system.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/os/#os-type>.
pub(crate) fn os_type() -> &'static str {
    match consts::OS {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        "android" => "linux",
        other => other,
    }
}

fn host_name(env: &Env) -> Option<String> {
    let by_variable = || {
        ["HOSTNAME", "COMPUTERNAME"]
            .iter()
            .find_map(|name| env.get(name))
            .map(str::to_owned)
    };
    line("/proc/sys/kernel/hostname").or_else(by_variable)
}

fn executable() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn container_id() -> Option<String> {
    let by_cgroup = content("/proc/self/cgroup")
        .and_then(|text| container::id_from_cgroup(&text).map(str::to_owned));
    by_cgroup.or_else(|| {
        container::id_from_mountinfo(&content("/proc/self/mountinfo")?).map(str::to_owned)
    })
}

fn line(path: &str) -> Option<String> {
    let text = content(path)?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Far more than these files hold, so that a strange mount cannot fill the memory.
const MAX_BYTES: u64 = 1024 * 1024;

fn content(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
