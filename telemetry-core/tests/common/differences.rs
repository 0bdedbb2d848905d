//! Where we differ from the official exporter on purpose: the rows of `docs/otlp-differences.md`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;

/// A difference: how what the official exporter sends becomes what we send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// The first column of the table.
    pub(crate) id: &'static str,
    span: fn(&mut Span),
    log: fn(&mut LogRecord),
}

/// The differences in the order in which they apply.
pub(crate) const DIFFERENCES: [Difference; 7] = [
    Difference {
        id: "unset-status",
        span: |span| span.status = span.status.take().filter(|status| status.code != 0),
        log: |_| {},
    },
    Difference {
        id: "empty-key",
        span: |span| each_list(span, refuse_empty_keys),
        log: |log| refuse_empty_keys(&mut log.attributes, &mut log.dropped_attributes_count),
    },
    Difference {
        id: "repeated-key",
        span: |span| each_list(span, keep_last),
        log: |log| keep_last(&mut log.attributes, &mut log.dropped_attributes_count),
    },
    Difference {
        id: "attribute-limit",
        span: |span| each_list(span, keep_128),
        log: |log| keep_128(&mut log.attributes, &mut log.dropped_attributes_count),
    },
    Difference {
        id: "nested-values",
        span: |_| {},
        log: |log| {
            for value in log
                .attributes
                .iter_mut()
                .filter_map(|entry| entry.value.as_mut())
            {
                cut_depth(value, 0);
            }
        },
    },
    Difference {
        id: "empty-body",
        span: |_| {},
        log: |log| {
            let empty = Some(Value::StringValue(String::new()));
            log.body = log.body.take().filter(|body| body.value != empty);
        },
    },
    Difference {
        id: "zero-span-id",
        span: |_| {},
        log: |log| {
            if log.span_id.iter().all(|byte| *byte == 0) {
                log.span_id.clear();
            }
        },
    },
];

impl Difference {
    pub(crate) fn apply_to_traces(self, request: &mut ExportTraceServiceRequest) {
        let resources = request.resource_spans.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_spans);
        scopes
            .flat_map(|scope| &mut scope.spans)
            .for_each(self.span);
    }

    pub(crate) fn apply_to_logs(self, request: &mut ExportLogsServiceRequest) {
        let resources = request.resource_logs.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_logs);
        scopes
            .flat_map(|scope| &mut scope.log_records)
            .for_each(self.log);
    }
}

fn each_list(span: &mut Span, change: fn(&mut Vec<KeyValue>, &mut u32)) {
    change(&mut span.attributes, &mut span.dropped_attributes_count);
    for event in &mut span.events {
        change(&mut event.attributes, &mut event.dropped_attributes_count);
    }
    for link in &mut span.links {
        change(&mut link.attributes, &mut link.dropped_attributes_count);
    }
}

fn refuse_empty_keys(attributes: &mut Vec<KeyValue>, dropped: &mut u32) {
    let before = attributes.len();
    attributes.retain(|attribute| !attribute.key.is_empty());
    *dropped += u32::try_from(before - attributes.len()).expect("a small number");
}

fn keep_last(attributes: &mut Vec<KeyValue>, _: &mut u32) {
    let mut kept: Vec<KeyValue> = Vec::new();
    for attribute in attributes.drain(..) {
        kept.retain(|earlier| earlier.key != attribute.key);
        kept.push(attribute);
    }
    *attributes = kept;
}

fn keep_128(attributes: &mut Vec<KeyValue>, dropped: &mut u32) {
    *dropped += u32::try_from(attributes.len().saturating_sub(128)).expect("a small number");
    attributes.truncate(128);
}

fn cut_depth(any: &mut AnyValue, depth: u32) {
    match &mut any.value {
        Some(Value::ArrayValue(_) | Value::KvlistValue(_)) if depth >= 16 => any.value = None,
        Some(Value::ArrayValue(list)) => {
            for item in &mut list.values {
                cut_depth(item, depth + 1);
            }
        }
        Some(Value::KvlistValue(map)) => {
            for item in map
                .values
                .iter_mut()
                .filter_map(|entry| entry.value.as_mut())
            {
                cut_depth(item, depth + 1);
            }
        }
        _ => {}
    }
}
