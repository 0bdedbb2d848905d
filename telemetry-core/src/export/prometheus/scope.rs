//! The labels that tell who made an instrument.

use opentelemetry::InstrumentationScope;

use super::labels::{Labels, put_label};
use crate::metrics::AttributeSet;

const PREFIX: &str = "otel_scope_";

/// The scope's name, version, schema and attributes, as labels.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#instrumentation-scope-1>.
/// Its earlier versions had the attributes in a family `otel_scope_info`, which nobody could join.
pub(super) fn labels(scope: &InstrumentationScope) -> Vec<u8> {
    let mut out = Vec::new();
    put_label(&mut out, "otel_scope_name", scope.name());
    put_label(
        &mut out,
        "otel_scope_version",
        scope.version().unwrap_or_default(),
    );
    put_label(
        &mut out,
        "otel_scope_schema_url",
        scope.schema_url().unwrap_or_default(),
    );
    let named = |key: &str| matches!(key, "name" | "version" | "schema_url");
    let attributes = scope.attributes().filter(|pair| !named(pair.key.as_str()));
    let attributes = AttributeSet::new(attributes.cloned());
    let rename = |name: String| match format!("{PREFIX}{}", name.trim_start_matches('_')) {
        name if named(&name[PREFIX.len()..]) => format!("{name}_"),
        name => name,
    };
    Labels::new(&attributes, rename).put(&mut out, &attributes);
    out
}

/// Keeps a measurement's labels apart from ours.
pub(super) fn rename(name: String, is_histogram: bool) -> String {
    if name.starts_with(PREFIX) || is_histogram && name == "le" {
        format!("exported_{name}")
    } else {
        name
    }
}
