//! Who emits: the attributes that every span, log record and metric of this process share.

mod attributes;
mod container;
mod instance;
mod kubernetes;
mod machine;
mod semconv;

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;

use super::overrides::Overrides;
use super::redact;
use super::resolver::Resolver;
use super::setting::Source;

pub(crate) use machine::Machine;
pub(crate) use semconv::SERVICE_NAME;

const SERVICE_NAME_VARIABLE: &str = "OTEL_SERVICE_NAME";

/// The resource: what was detected, under what the environment says, under what the program says.
pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides, machine: &Machine) -> Resource {
    let by_environment = attributes::read(r);
    let mut all = detected(r, machine);
    all.extend(
        by_environment
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
    );
    all.push(KeyValue::new(
        SERVICE_NAME,
        service_name(r, code, &by_environment, machine),
    ));
    all.extend(
        code.resource_attributes
            .iter()
            .filter(|kv| kv.key.as_str() != SERVICE_NAME)
            .cloned(),
    );
    all.extend(set_by_name(code));
    record_attributes(r, &by_environment, code);
    let empty: [KeyValue; 0] = [];
    Resource::builder_empty()
        .with_schema_url(empty, semconv::SCHEMA_URL)
        .with_attributes(all)
        .build()
}

/// The text of one attribute.
pub(crate) fn get(resource: &Resource, key: &'static str) -> Option<String> {
    resource
        .get(&Key::from_static_str(key))
        .map(|value: Value| value.as_str().into_owned())
}

fn detected(r: &Resolver<'_>, machine: &Machine) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new(semconv::TELEMETRY_SDK_NAME, "telemetry"),
        KeyValue::new(semconv::TELEMETRY_SDK_LANGUAGE, "rust"),
        KeyValue::new(semconv::TELEMETRY_SDK_VERSION, env!("CARGO_PKG_VERSION")),
        KeyValue::new(semconv::HOST_ARCH, machine::arch()),
        KeyValue::new(semconv::OS_TYPE, machine::os_type()),
        KeyValue::new(semconv::PROCESS_PID, i64::from(std::process::id())),
        KeyValue::new(semconv::PROCESS_RUNTIME_NAME, "rustc"),
        KeyValue::new(semconv::SERVICE_INSTANCE_ID, instance::id()),
    ];
    let version = option_env!("TELEMETRY_RUSTC_VERSION").filter(|version| !version.is_empty());
    all.extend(version.map(|version| KeyValue::new(semconv::PROCESS_RUNTIME_VERSION, version)));
    let facts = [
        (semconv::HOST_NAME, &machine.host_name),
        (semconv::PROCESS_EXECUTABLE_NAME, &machine.executable),
        (semconv::CONTAINER_ID, &machine.container_id),
    ];
    all.extend(
        facts
            .into_iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key, value.clone()?))),
    );
    all.extend(
        kubernetes::attributes(r.env, machine)
            .into_iter()
            .map(|(key, value)| KeyValue::new(key, value)),
    );
    all
}

/// The code's, else `OTEL_SERVICE_NAME`, else that of `OTEL_RESOURCE_ATTRIBUTES`, else the code's default, else
/// `unknown_service:<program>`.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/resource/#service>.
fn service_name(
    r: &mut Resolver<'_>,
    code: &Overrides,
    by_environment: &[(String, String)],
    machine: &Machine,
) -> String {
    let by_attribute = by_environment
        .iter()
        .rev()
        .find(|(key, _)| key == SERVICE_NAME)
        .map(|(_, v)| v.clone());
    let fallback = by_attribute
        .clone()
        .or_else(|| code.default_service_name.clone())
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| unknown_service(machine));
    let by_variable = r.text(SERVICE_NAME_VARIABLE, &fallback).map(str::to_owned);
    let (name, source) = match (service_name_of(code), by_variable) {
        (Some(name), _) => (name, Source::Code),
        (None, Some(name)) => (name, Source::Env(SERVICE_NAME_VARIABLE)),
        (None, None) if by_attribute.is_some() => (fallback, Source::Env(attributes::NAME)),
        (None, None) => (fallback, Source::Default),
    };
    r.record(
        SERVICE_NAME_VARIABLE,
        redact::value(SERVICE_NAME_VARIABLE, &name),
        source,
    );
    name
}

fn unknown_service(machine: &Machine) -> String {
    match &machine.executable {
        Some(executable) => format!("unknown_service:{executable}"),
        None => "unknown_service".to_owned(),
    }
}

fn service_name_of(code: &Overrides) -> Option<String> {
    let by_attribute = code
        .resource_attributes
        .iter()
        .rev()
        .find(|kv| kv.key.as_str() == SERVICE_NAME);
    let by_attribute = || by_attribute.map(|kv| kv.value.as_str().into_owned());
    code.service_name
        .clone()
        .or_else(by_attribute)
        .filter(|name| !name.trim().is_empty())
}

/// What the program says by a name of its own, which beats a list that happens to hold the same key.
fn set_by_name(code: &Overrides) -> impl Iterator<Item = KeyValue> {
    let named = [
        (semconv::SERVICE_NAMESPACE, &code.service_namespace),
        (semconv::SERVICE_VERSION, &code.service_version),
        (semconv::SERVICE_INSTANCE_ID, &code.service_instance_id),
        (semconv::VCS_REF_HEAD_REVISION, &code.commit),
    ];
    let set = |(key, value): (_, &Option<String>)| {
        let value = value.as_ref().filter(|value| !value.trim().is_empty())?;
        Some(KeyValue::new(key, value.clone()))
    };
    named.map(set).into_iter().flatten()
}

fn record_attributes(r: &mut Resolver<'_>, by_environment: &[(String, String)], code: &Overrides) {
    let keys = by_environment.iter().map(|(key, _)| key.as_str());
    let keys = keys.chain(code.resource_attributes.iter().map(|kv| kv.key.as_str()));
    let keys: Vec<&str> = keys.collect();
    let source = match (
        code.resource_attributes.is_empty(),
        by_environment.is_empty(),
    ) {
        (false, _) => Source::Code,
        (true, false) => Source::Env(attributes::NAME),
        (true, true) => Source::Default,
    };
    let shown = if keys.is_empty() {
        "detected only".to_owned()
    } else {
        redact::value(attributes::NAME, &keys.join(","))
    };
    r.record(attributes::NAME, shown, source);
}

#[cfg(test)]
mod tests;
