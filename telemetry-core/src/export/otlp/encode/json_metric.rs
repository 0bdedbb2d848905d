//! The `Metric` message in JSON: its fields by number, each with its name and its form.

use crate::otlp::metric::unzigzag;
use crate::otlp::wire::{FieldValue, Fields, packed_fixed64, packed_varints};

use super::json::{encoded_attributes, named_attributes};
use super::json_object::{JsonObject, put, put_double};

/// A field of a message: its number, its name in JSON, how it is written.
struct Spec(u64, &'static str, Form);

/// How a field is written in JSON, <https://protobuf.dev/programming-guides/json/>, with the
/// exceptions of <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
enum Form {
    Text,
    Id,
    Bool,
    Enum,
    /// A number of 32 bits in its short form.
    Signed,
    /// A number of 64 bits, which is text in JSON.
    Long,
    /// As [`Form::Long`], with a sign.
    SignedLong,
    Double,
    Longs,
    Varints,
    Doubles,
    Attributes,
    Message(&'static [Spec]),
    Messages(&'static [Spec]),
}

use Form::{
    Attributes, Bool, Double, Doubles, Enum, Id, Long, Longs, Message, Messages, Signed,
    SignedLong, Text, Varints,
};

const METRIC: &[Spec] = &[
    Spec(1, "name", Text),
    Spec(2, "description", Text),
    Spec(3, "unit", Text),
    Spec(
        5,
        "gauge",
        Message(&[Spec(1, "dataPoints", Messages(NUMBER))]),
    ),
    Spec(7, "sum", Message(SUM)),
    Spec(9, "histogram", Message(HISTOGRAMS)),
    Spec(10, "exponentialHistogram", Message(EXPONENTIALS)),
];

const SUM: &[Spec] = &[
    Spec(1, "dataPoints", Messages(NUMBER)),
    Spec(2, "aggregationTemporality", Enum),
    Spec(3, "isMonotonic", Bool),
];

const HISTOGRAMS: &[Spec] = &[
    Spec(1, "dataPoints", Messages(HISTOGRAM)),
    Spec(2, "aggregationTemporality", Enum),
];

const EXPONENTIALS: &[Spec] = &[
    Spec(1, "dataPoints", Messages(EXPONENTIAL)),
    Spec(2, "aggregationTemporality", Enum),
];

const NUMBER: &[Spec] = &[
    Spec(7, "attributes", Attributes),
    Spec(2, "startTimeUnixNano", Long),
    Spec(3, "timeUnixNano", Long),
    Spec(4, "asDouble", Double),
    Spec(6, "asInt", SignedLong),
    Spec(5, "exemplars", Messages(EXEMPLAR)),
];

const HISTOGRAM: &[Spec] = &[
    Spec(9, "attributes", Attributes),
    Spec(2, "startTimeUnixNano", Long),
    Spec(3, "timeUnixNano", Long),
    Spec(4, "count", Long),
    Spec(5, "sum", Double),
    Spec(6, "bucketCounts", Longs),
    Spec(7, "explicitBounds", Doubles),
    Spec(8, "exemplars", Messages(EXEMPLAR)),
    Spec(11, "min", Double),
    Spec(12, "max", Double),
];

const EXPONENTIAL: &[Spec] = &[
    Spec(1, "attributes", Attributes),
    Spec(2, "startTimeUnixNano", Long),
    Spec(3, "timeUnixNano", Long),
    Spec(4, "count", Long),
    Spec(5, "sum", Double),
    Spec(6, "scale", Signed),
    Spec(7, "zeroCount", Long),
    Spec(8, "positive", Message(BUCKETS)),
    Spec(9, "negative", Message(BUCKETS)),
    Spec(11, "exemplars", Messages(EXEMPLAR)),
    Spec(12, "min", Double),
    Spec(13, "max", Double),
];

const BUCKETS: &[Spec] = &[Spec(1, "offset", Signed), Spec(2, "bucketCounts", Varints)];

const EXEMPLAR: &[Spec] = &[
    Spec(7, "filteredAttributes", Attributes),
    Spec(2, "timeUnixNano", Long),
    Spec(3, "asDouble", Double),
    Spec(6, "asInt", SignedLong),
    Spec(4, "spanId", Id),
    Spec(5, "traceId", Id),
];

/// Writes the fields of a `Metric` message.
pub(super) fn metric(object: &mut JsonObject<'_>, message: &[u8]) {
    fields(object, message, METRIC);
}

fn fields(object: &mut JsonObject<'_>, message: &[u8], specs: &'static [Spec]) {
    for Spec(number, name, form) in specs {
        let mut values = Fields::new(message)
            .filter(|field| field.number == *number)
            .map(|field| field.value);
        match form {
            Attributes => {
                named_attributes(object, name, encoded_attributes(message, *number));
            }
            Messages(specs) => object.objects(name, values, |object, value| {
                fields(object, value.bytes(), specs);
            }),
            _ => {
                if let Some(value) = values.next() {
                    single(object, name, form, value);
                }
            }
        }
    }
}

fn single(object: &mut JsonObject<'_>, name: &'static str, form: &Form, value: FieldValue<'_>) {
    match form {
        Text => object.text(name, value.text()),
        Id => object.id(name, value.bytes()),
        Bool => put(object.key(name), format_args!("{}", value.number() != 0)),
        Enum => put(object.key(name), format_args!("{}", value.number())),
        Signed => put(
            object.key(name),
            format_args!("{}", unzigzag(value.number())),
        ),
        Long => object.u64(name, value.number()),
        SignedLong => {
            let number = value.number().cast_signed();
            put(object.key(name), format_args!("\"{number}\""));
        }
        Double => put_double(object.key(name), f64::from_bits(value.number())),
        Longs => list(
            object,
            name,
            packed_fixed64(value.bytes()),
            |buffer, number| {
                put(buffer, format_args!("\"{number}\""));
            },
        ),
        Varints => list(
            object,
            name,
            packed_varints(value.bytes()),
            |buffer, number| {
                put(buffer, format_args!("\"{number}\""));
            },
        ),
        Doubles => list(
            object,
            name,
            packed_fixed64(value.bytes()),
            |buffer, number| {
                put_double(buffer, f64::from_bits(number));
            },
        ),
        Message(specs) => object.object(name, |object| fields(object, value.bytes(), specs)),
        Attributes | Messages(_) => {}
    }
}

fn list(
    object: &mut JsonObject<'_>,
    name: &'static str,
    numbers: impl Iterator<Item = u64>,
    write: impl Fn(&mut Vec<u8>, u64),
) {
    let buffer = object.key(name);
    buffer.push(b'[');
    let mut separator = None;
    for number in numbers {
        buffer.extend(separator);
        write(buffer, number);
        separator = Some(b',');
    }
    buffer.push(b']');
}
