//! Requests in protobuf.
//!
//! All signals have the same shape and field numbers, so one writer serves them:
//! `Export*ServiceRequest { resource_* { resource, scope_* { scope, items, schema_url }, schema_url } }`.

use crate::otlp::wire::{
    bytes_field_len, bytes_tag, message_len, put_bytes_field, put_len, put_message,
};
use crate::pipeline::Batch;

use super::grouping::{Group, Grouping};
use super::resource::EncodedResource;

/// The field of `Export*ServiceRequest` with the telemetry of a resource.
const RESOURCE_ITEMS: u8 = 1;
/// The fields of `ResourceSpans`, `ResourceLogs` and `ResourceMetrics`.
const RESOURCE: u8 = 1;
const SCOPE_ITEMS: u8 = 2;
/// The fields of `ScopeSpans`, `ScopeLogs` and `ScopeMetrics`.
const SCOPE: u8 = 1;
const ITEMS: u8 = 2;
/// The field of all of them.
const SCHEMA_URL: u8 = 3;

pub(super) fn write(
    resource: &EncodedResource,
    grouping: &Grouping,
    batch: &Batch,
    buffer: &mut Vec<u8>,
) {
    let size = resource_items_size(resource, grouping);
    buffer.reserve(message_len(size));
    put_head(buffer, RESOURCE_ITEMS, size);
    put_message(buffer, RESOURCE, resource.as_bytes());
    for group in grouping.groups() {
        put_head(buffer, SCOPE_ITEMS, scope_items_size(group));
        put_message(buffer, SCOPE, group.scope().as_bytes());
        for message in grouping.messages(group, batch) {
            put_message(buffer, ITEMS, message);
        }
        put_bytes_field(buffer, SCHEMA_URL, group.schema_url().as_bytes());
    }
    put_bytes_field(buffer, SCHEMA_URL, resource.schema_url().as_bytes());
}

fn resource_items_size(resource: &EncodedResource, grouping: &Grouping) -> usize {
    let scopes: usize = grouping
        .groups()
        .iter()
        .map(|group| message_len(scope_items_size(group)))
        .sum();
    message_len(resource.as_bytes().len()) + scopes + bytes_field_len(resource.schema_url().len())
}

fn scope_items_size(group: &Group) -> usize {
    message_len(group.scope().as_bytes().len())
        + group.items_size()
        + bytes_field_len(group.schema_url().len())
}

/// What stands before the content of a length-delimited field.
fn put_head(buffer: &mut Vec<u8>, field: u8, len: usize) {
    buffer.push(bytes_tag(field));
    put_len(buffer, len);
}
