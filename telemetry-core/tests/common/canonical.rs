//! One order for requests that say the same.

use std::fmt::Debug;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A request that can be brought into one order.
pub(crate) trait Canonical: Message + Default + PartialEq + Debug {
    /// Sorts whatever has no order in OTLP: resources, scopes, attributes, entries of maps. Items
    /// keep the order in which they were exported within their scope.
    fn sort(&mut self);

    /// Sets all times to zero, for items that were not made at the same moment.
    fn zero_times(&mut self);
}

/// Tells where two requests differ; bytes are compared, so that NaN equals NaN.
pub(crate) fn difference<T: Canonical>(mut official: T, mut ours: T) -> Option<String> {
    official.sort();
    ours.sort();
    if official.encode_to_vec() == ours.encode_to_vec() {
        return None;
    }
    Some(format!("official: {official:#?}\nours: {ours:#?}"))
}

impl Canonical for ExportTraceServiceRequest {
    fn sort(&mut self) {
        for resource in &mut self.resource_spans {
            sort_resource(resource.resource.as_mut());
            for scope in &mut resource.scope_spans {
                sort_scope(scope.scope.as_mut());
                scope.spans.iter_mut().for_each(sort_span);
            }
            sort_by_head(&mut resource.scope_spans, |scope| {
                (scope.scope.clone(), scope.schema_url.clone())
            });
        }
    }

    fn zero_times(&mut self) {
        let resources = self.resource_spans.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_spans);
        for span in scopes.flat_map(|scope| &mut scope.spans) {
            span.start_time_unix_nano = 0;
            span.end_time_unix_nano = 0;
            for event in &mut span.events {
                event.time_unix_nano = 0;
            }
        }
    }
}

impl Canonical for ExportLogsServiceRequest {
    fn sort(&mut self) {
        for resource in &mut self.resource_logs {
            sort_resource(resource.resource.as_mut());
            for scope in &mut resource.scope_logs {
                sort_scope(scope.scope.as_mut());
                scope.log_records.iter_mut().for_each(sort_log);
            }
            sort_by_head(&mut resource.scope_logs, |scope| {
                (scope.scope.clone(), scope.schema_url.clone())
            });
        }
    }

    fn zero_times(&mut self) {
        let resources = self.resource_logs.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_logs);
        for record in scopes.flat_map(|scope| &mut scope.log_records) {
            record.time_unix_nano = 0;
            record.observed_time_unix_nano = 0;
        }
    }
}

fn sort_by_head<T>(groups: &mut [T], head: impl Fn(&T) -> (Option<InstrumentationScope>, String)) {
    groups.sort_by_cached_key(|group| {
        let (scope, schema_url) = head(group);
        (scope.unwrap_or_default().encode_to_vec(), schema_url)
    });
}

fn sort_resource(resource: Option<&mut Resource>) {
    if let Some(resource) = resource {
        sort_attributes(&mut resource.attributes);
    }
}

fn sort_scope(scope: Option<&mut InstrumentationScope>) {
    if let Some(scope) = scope {
        sort_attributes(&mut scope.attributes);
    }
}

fn sort_span(span: &mut Span) {
    sort_attributes(&mut span.attributes);
    for event in &mut span.events {
        sort_attributes(&mut event.attributes);
    }
    for link in &mut span.links {
        sort_attributes(&mut link.attributes);
    }
}

fn sort_log(record: &mut LogRecord) {
    sort_attributes(&mut record.attributes);
    if let Some(body) = &mut record.body {
        sort_value(body.value.as_mut());
    }
}

fn sort_attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes.iter_mut() {
        sort_value(attribute.value.as_mut().and_then(|any| any.value.as_mut()));
    }
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
}

fn sort_value(value: Option<&mut Value>) {
    match value {
        Some(Value::KvlistValue(map)) => sort_attributes(&mut map.values),
        Some(Value::ArrayValue(list)) => {
            for item in &mut list.values {
                sort_value(item.value.as_mut());
            }
        }
        _ => {}
    }
}
