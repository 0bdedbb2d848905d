//! Written by scripts/registry from docs/registry: names of OpenTelemetry's conventions for messages, and ours.

/// The attribute `messaging.batch.message_count`, of the conventions.
pub const MESSAGING_BATCH_MESSAGE_COUNT: &str = "messaging.batch.message_count";

/// The attribute `messaging.consumer.group.name`, of the conventions.
pub const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";

/// The attribute `messaging.destination.name`, of the conventions.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";

/// The attribute `messaging.message.body.size`, of the conventions.
pub const MESSAGING_MESSAGE_BODY_SIZE: &str = "messaging.message.body.size";

/// The attribute `messaging.message.id`, of the conventions.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";

/// The attribute `messaging.operation.name`, of the conventions.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";

/// The attribute `messaging.operation.type`, of the conventions.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";

/// The attribute `messaging.system`, of the conventions.
pub const MESSAGING_SYSTEM: &str = "messaging.system";

/// The attribute `telemetry.queue.attempt`, ours.
pub const TELEMETRY_QUEUE_ATTEMPT: &str = "telemetry.queue.attempt";

/// The attribute `telemetry.queue.context.reason`, ours.
pub const TELEMETRY_QUEUE_CONTEXT_REASON: &str = "telemetry.queue.context.reason";

/// The attribute `telemetry.queue.settlement`, ours.
pub const TELEMETRY_QUEUE_SETTLEMENT: &str = "telemetry.queue.settlement";

/// Time to send or to receive messages. A histogram in `s`.
pub const METRIC_MESSAGING_CLIENT_OPERATION_DURATION: &str = "messaging.client.operation.duration";

/// Time to process a message. A histogram in `s`.
pub const METRIC_MESSAGING_PROCESS_DURATION: &str = "messaging.process.duration";

/// Messages that were given to a broker. A counter in `{message}`.
pub const METRIC_MESSAGING_CLIENT_SENT_MESSAGES: &str = "messaging.client.sent.messages";

/// Messages that were given to a consumer. A counter in `{message}`.
pub const METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES: &str = "messaging.client.consumed.messages";

/// Messages that wait in a queue. A up-down counter in `{message}`.
pub const METRIC_TELEMETRY_QUEUE_DEPTH: &str = "telemetry.queue.depth";

/// Messages that a consumer has not yet processed. A up-down counter in `{message}`.
pub const METRIC_TELEMETRY_QUEUE_CONSUMER_LAG: &str = "telemetry.queue.consumer.lag";

/// Time from when a message was sent to when it was received. A histogram in `s`.
pub const METRIC_TELEMETRY_QUEUE_WAIT_DURATION: &str = "telemetry.queue.wait.duration";

/// Contexts that found no place in a message, or not their whole place, and values that were too large to be read. A counter in `{context}`.
pub const METRIC_TELEMETRY_QUEUE_CONTEXT_DISCARDED: &str = "telemetry.queue.context.discarded";
