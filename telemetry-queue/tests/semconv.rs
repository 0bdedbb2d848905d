//! The names are those of the conventions.

use opentelemetry_semantic_conventions::{attribute, metric};
use telemetry_queue::semconv;

#[test]
fn the_names_are_those_of_the_conventions() {
    for (ours, theirs) in [
        (
            semconv::MESSAGING_BATCH_MESSAGE_COUNT,
            attribute::MESSAGING_BATCH_MESSAGE_COUNT,
        ),
        (
            semconv::MESSAGING_CONSUMER_GROUP_NAME,
            attribute::MESSAGING_CONSUMER_GROUP_NAME,
        ),
        (
            semconv::MESSAGING_DESTINATION_NAME,
            attribute::MESSAGING_DESTINATION_NAME,
        ),
        (
            semconv::MESSAGING_MESSAGE_BODY_SIZE,
            attribute::MESSAGING_MESSAGE_BODY_SIZE,
        ),
        (
            semconv::MESSAGING_MESSAGE_ID,
            attribute::MESSAGING_MESSAGE_ID,
        ),
        (
            semconv::MESSAGING_OPERATION_NAME,
            attribute::MESSAGING_OPERATION_NAME,
        ),
        (
            semconv::MESSAGING_OPERATION_TYPE,
            attribute::MESSAGING_OPERATION_TYPE,
        ),
        (semconv::MESSAGING_SYSTEM, attribute::MESSAGING_SYSTEM),
        (
            semconv::METRIC_MESSAGING_CLIENT_SENT_MESSAGES,
            metric::MESSAGING_CLIENT_SENT_MESSAGES,
        ),
        (
            semconv::METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES,
            metric::MESSAGING_CLIENT_CONSUMED_MESSAGES,
        ),
    ] {
        assert_eq!(ours, theirs);
    }
}
