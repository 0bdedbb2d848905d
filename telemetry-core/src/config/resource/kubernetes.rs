//! What Kubernetes says about the pod, through the variables that its downward API is usually mapped to.
//!
//! The API has no variable names of its own: a manifest chooses them. Names with `K8S_` are read everywhere, the
//! shorter ones only within a cluster, where they cannot mean something else.

use super::machine::Machine;
use super::semconv;
use crate::config::env::Env;

/// The attribute, its unmistakable variables, and those that count within a cluster.
const VARIABLES: [(&str, &[&str], &[&str]); 5] = [
    (
        semconv::K8S_POD_NAME,
        &["K8S_POD_NAME"],
        &["POD_NAME", "HOSTNAME"],
    ),
    (
        semconv::K8S_NAMESPACE_NAME,
        &["K8S_NAMESPACE_NAME", "K8S_POD_NAMESPACE"],
        &["POD_NAMESPACE"],
    ),
    (semconv::K8S_POD_UID, &["K8S_POD_UID"], &["POD_UID"]),
    (semconv::K8S_NODE_NAME, &["K8S_NODE_NAME"], &["NODE_NAME"]),
    (
        semconv::K8S_CONTAINER_NAME,
        &["K8S_CONTAINER_NAME"],
        &["CONTAINER_NAME"],
    ),
];

pub(crate) fn attributes(env: &Env, machine: &Machine) -> Vec<(&'static str, String)> {
    // Kubernetes sets it in every container.
    let in_cluster = env.is_set("KUBERNETES_SERVICE_HOST");
    let mut found = Vec::new();
    for (attribute, anywhere, within) in VARIABLES {
        let within = if in_cluster { within } else { &[] };
        if let Some(value) = anywhere.iter().chain(within).find_map(|name| env.get(name)) {
            found.push((attribute, value.to_owned()));
        } else if attribute == semconv::K8S_NAMESPACE_NAME && in_cluster {
            found.extend(
                machine
                    .kubernetes_namespace
                    .clone()
                    .map(|namespace| (attribute, namespace)),
            );
        }
    }
    found
}
