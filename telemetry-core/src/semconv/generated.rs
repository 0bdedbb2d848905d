//! Written by scripts/registry from docs/registry.

use super::Metric;

pub(crate) const CPU_MODE: &str = "cpu.mode";
pub(crate) const DB_CLIENT_CONNECTION_POOL_NAME: &str = "db.client.connection.pool.name";
pub(crate) const DB_CLIENT_CONNECTION_STATE: &str = "db.client.connection.state";
pub(crate) const DB_COLLECTION_NAME: &str = "db.collection.name";
pub(crate) const DB_NAMESPACE: &str = "db.namespace";
pub(crate) const DB_OPERATION_NAME: &str = "db.operation.name";
pub(crate) const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub(crate) const DB_SYSTEM_NAME: &str = "db.system.name";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_ROUTE: &str = "http.route";
pub(crate) const LEVEL: &str = "level";
pub(crate) const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";
pub(crate) const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
pub(crate) const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
pub(crate) const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
pub(crate) const MESSAGING_SYSTEM: &str = "messaging.system";
pub(crate) const OTEL_COMPONENT_NAME: &str = "otel.component.name";
pub(crate) const OTEL_COMPONENT_TYPE: &str = "otel.component.type";
pub(crate) const OTEL_SPAN_SAMPLING_RESULT: &str = "otel.span.sampling_result";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const TELEMETRY_CACHE_NAME: &str = "telemetry.cache.name";
pub(crate) const TELEMETRY_CACHE_OPERATION_NAME: &str = "telemetry.cache.operation.name";
pub(crate) const TELEMETRY_CACHE_RESULT: &str = "telemetry.cache.result";
pub(crate) const TELEMETRY_LOG_RECORDER_OUTCOME: &str = "telemetry.log.recorder.outcome";
pub(crate) const TELEMETRY_LOG_SINK: &str = "telemetry.log.sink";
pub(crate) const TELEMETRY_OPERATION_NAME: &str = "telemetry.operation.name";
pub(crate) const TELEMETRY_OPERATION_SLOW_AFTER: &str = "telemetry.operation.slow_after";
pub(crate) const TELEMETRY_QUEUE_ATTEMPT: &str = "telemetry.queue.attempt";
pub(crate) const TELEMETRY_QUEUE_CONTEXT_REASON: &str = "telemetry.queue.context.reason";
pub(crate) const TELEMETRY_QUEUE_SETTLEMENT: &str = "telemetry.queue.settlement";
pub(crate) const TELEMETRY_REDACTED_PLACE: &str = "telemetry.redacted.place";
pub(crate) const TELEMETRY_SUPPRESSED_BY: &str = "telemetry.suppressed.by";
pub(crate) const TOKIO_RUNTIME_NAME: &str = "tokio.runtime.name";

pub(crate) const METRIC_DB_CLIENT_CONNECTION_COUNT: Metric = Metric {
    name: "db.client.connection.count",
    unit: "{connection}",
    description: "Connections of a pool, by what they do.",
};

pub(crate) const METRIC_DB_CLIENT_CONNECTION_MAX: Metric = Metric {
    name: "db.client.connection.max",
    unit: "{connection}",
    description: "Connections that a pool may have.",
};

pub(crate) const METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS: Metric = Metric {
    name: "db.client.connection.pending_requests",
    unit: "{request}",
    description: "Requests that wait for a connection of a pool.",
};

pub(crate) const METRIC_DB_CLIENT_CONNECTION_TIMEOUTS: Metric = Metric {
    name: "db.client.connection.timeouts",
    unit: "{timeout}",
    description: "Requests for a connection of a pool that got none in time.",
};

pub(crate) const METRIC_DB_CLIENT_CONNECTION_WAIT_TIME: Metric = Metric {
    name: "db.client.connection.wait_time",
    unit: "s",
    description: "Time until a pool gave a connection, or did not.",
};

pub(crate) const METRIC_DB_CLIENT_OPERATION_DURATION: Metric = Metric {
    name: "db.client.operation.duration",
    unit: "s",
    description: "Time of database operations.",
};

pub(crate) const METRIC_MESSAGING_CLIENT_CONSUMED_MESSAGES: Metric = Metric {
    name: "messaging.client.consumed.messages",
    unit: "{message}",
    description: "Messages that were given to a consumer.",
};

pub(crate) const METRIC_MESSAGING_CLIENT_OPERATION_DURATION: Metric = Metric {
    name: "messaging.client.operation.duration",
    unit: "s",
    description: "Time to send or to receive messages.",
};

pub(crate) const METRIC_MESSAGING_CLIENT_SENT_MESSAGES: Metric = Metric {
    name: "messaging.client.sent.messages",
    unit: "{message}",
    description: "Messages that were given to a broker.",
};

pub(crate) const METRIC_MESSAGING_PROCESS_DURATION: Metric = Metric {
    name: "messaging.process.duration",
    unit: "s",
    description: "Time to process a message.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED: Metric = Metric {
    name: "otel.sdk.exporter.log.exported",
    unit: "{log_record}",
    description: "Log records whose export has ended, with the reason if they did not arrive.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_LOG_INFLIGHT: Metric = Metric {
    name: "otel.sdk.exporter.log.inflight",
    unit: "{log_record}",
    description: "Log records that are being exported.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED: Metric = Metric {
    name: "otel.sdk.exporter.metric_data_point.exported",
    unit: "{data_point}",
    description: "Data points whose export has ended, with the reason if they did not arrive.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT: Metric = Metric {
    name: "otel.sdk.exporter.metric_data_point.inflight",
    unit: "{data_point}",
    description: "Data points that are being exported.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_OPERATION_DURATION: Metric = Metric {
    name: "otel.sdk.exporter.operation.duration",
    unit: "s",
    description: "Time to export a batch, all attempts together.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED: Metric = Metric {
    name: "otel.sdk.exporter.span.exported",
    unit: "{span}",
    description: "Spans whose export has ended, with the reason if they did not arrive.",
};

pub(crate) const METRIC_OTEL_SDK_EXPORTER_SPAN_INFLIGHT: Metric = Metric {
    name: "otel.sdk.exporter.span.inflight",
    unit: "{span}",
    description: "Spans that are being exported.",
};

pub(crate) const METRIC_OTEL_SDK_LOG_CREATED: Metric = Metric {
    name: "otel.sdk.log.created",
    unit: "{log_record}",
    description: "Log records that were made for an exporter.",
};

pub(crate) const METRIC_OTEL_SDK_METRIC_READER_COLLECTION_DURATION: Metric = Metric {
    name: "otel.sdk.metric_reader.collection.duration",
    unit: "s",
    description: "Time to collect all metrics for a reader.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_LOG_PROCESSED: Metric = Metric {
    name: "otel.sdk.processor.log.processed",
    unit: "{log_record}",
    description: "Log records that were handed to the exporter, or dropped before it, with the reason.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY: Metric = Metric {
    name: "otel.sdk.processor.log.queue.capacity",
    unit: "{log_record}",
    description: "Log records that the queue has room for.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE: Metric = Metric {
    name: "otel.sdk.processor.log.queue.size",
    unit: "{log_record}",
    description: "Log records that wait or are being exported.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_SPAN_PROCESSED: Metric = Metric {
    name: "otel.sdk.processor.span.processed",
    unit: "{span}",
    description: "Spans that were handed to the exporter, or dropped before it, with the reason.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY: Metric = Metric {
    name: "otel.sdk.processor.span.queue.capacity",
    unit: "{span}",
    description: "Spans that the queue has room for.",
};

pub(crate) const METRIC_OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE: Metric = Metric {
    name: "otel.sdk.processor.span.queue.size",
    unit: "{span}",
    description: "Spans that wait or are being exported.",
};

pub(crate) const METRIC_OTEL_SDK_SPAN_LIVE: Metric = Metric {
    name: "otel.sdk.span.live",
    unit: "{span}",
    description: "Recorded spans that have not ended.",
};

pub(crate) const METRIC_OTEL_SDK_SPAN_STARTED: Metric = Metric {
    name: "otel.sdk.span.started",
    unit: "{span}",
    description: "Spans that were started and are recorded.",
};

pub(crate) const METRIC_PROCESS_CPU_TIME: Metric = Metric {
    name: "process.cpu.time",
    unit: "s",
    description: "Processor time of the process, by mode.",
};

pub(crate) const METRIC_PROCESS_MEMORY_USAGE: Metric = Metric {
    name: "process.memory.usage",
    unit: "By",
    description: "Physical memory in use.",
};

pub(crate) const METRIC_PROCESS_MEMORY_VIRTUAL: Metric = Metric {
    name: "process.memory.virtual",
    unit: "By",
    description: "Virtual memory that is reserved.",
};

pub(crate) const METRIC_PROCESS_THREAD_COUNT: Metric = Metric {
    name: "process.thread.count",
    unit: "{thread}",
    description: "Threads.",
};

pub(crate) const METRIC_PROCESS_UNIX_FILE_DESCRIPTOR_COUNT: Metric = Metric {
    name: "process.unix.file_descriptor.count",
    unit: "{file_descriptor}",
    description: "Open file descriptors.",
};

pub(crate) const METRIC_PROCESS_UPTIME: Metric = Metric {
    name: "process.uptime",
    unit: "s",
    description: "Time since the process started.",
};

pub(crate) const METRIC_TELEMETRY_CACHE_LOOKUPS: Metric = Metric {
    name: "telemetry.cache.lookups",
    unit: "{lookup}",
    description: "Look-ups in a cache, by result.",
};

pub(crate) const METRIC_TELEMETRY_CACHE_OPERATION_DURATION: Metric = Metric {
    name: "telemetry.cache.operation.duration",
    unit: "s",
    description: "Time of cache operations.",
};

pub(crate) const METRIC_TELEMETRY_LOG_LINES: Metric = Metric {
    name: "telemetry.log.lines",
    unit: "{line}",
    description: "Log lines that a sink has written, or lost, with the reason.",
};

pub(crate) const METRIC_TELEMETRY_LOG_LINES_PENDING: Metric = Metric {
    name: "telemetry.log.lines.pending",
    unit: "{line}",
    description: "Log lines that wait for a sink.",
};

pub(crate) const METRIC_TELEMETRY_LOG_RECORDER_LINES: Metric = Metric {
    name: "telemetry.log.recorder.lines",
    unit: "{line}",
    description: "Log lines that the flight recorder kept, by what became of them.",
};

pub(crate) const METRIC_TELEMETRY_LOG_RECORDER_REQUESTS: Metric = Metric {
    name: "telemetry.log.recorder.requests",
    unit: "{request}",
    description: "Requests that the flight recorder was told of, by what became of their lines.",
};

pub(crate) const METRIC_TELEMETRY_LOG_RECORDS: Metric = Metric {
    name: "telemetry.log.records",
    unit: "{record}",
    description: "Log records whose level is wanted, by severity and, where it is known, route; what is held back is counted too.",
};

pub(crate) const METRIC_TELEMETRY_LOG_SUPPRESSED: Metric = Metric {
    name: "telemetry.log.suppressed",
    unit: "{record}",
    description: "Log records that were held back before a line was made, by reason.",
};

pub(crate) const METRIC_TELEMETRY_METRIC_REFUSED: Metric = Metric {
    name: "telemetry.metric.refused",
    unit: "{measurement}",
    description: "Measurements that were refused: NaN, infinities, and negative values of counters.",
};

pub(crate) const METRIC_TELEMETRY_OPERATION_DURATION: Metric = Metric {
    name: "telemetry.operation.duration",
    unit: "s",
    description: "Time of operations of the program.",
};

pub(crate) const METRIC_TELEMETRY_QUEUE_CONSUMER_LAG: Metric = Metric {
    name: "telemetry.queue.consumer.lag",
    unit: "{message}",
    description: "Messages that a consumer has not yet processed.",
};

pub(crate) const METRIC_TELEMETRY_QUEUE_CONTEXT_DISCARDED: Metric = Metric {
    name: "telemetry.queue.context.discarded",
    unit: "{context}",
    description: "Contexts that found no place in a message, or not their whole place, and values that were too large to be read.",
};

pub(crate) const METRIC_TELEMETRY_QUEUE_DEPTH: Metric = Metric {
    name: "telemetry.queue.depth",
    unit: "{message}",
    description: "Messages that wait in a queue.",
};

pub(crate) const METRIC_TELEMETRY_QUEUE_WAIT_DURATION: Metric = Metric {
    name: "telemetry.queue.wait.duration",
    unit: "s",
    description: "Time from when a message was sent to when it was received.",
};

pub(crate) const METRIC_TELEMETRY_REDACTED_VALUES: Metric = Metric {
    name: "telemetry.redacted.values",
    unit: "{value}",
    description: "Values that held a secret and were hidden, or left out.",
};

pub(crate) const METRIC_TELEMETRY_SPAN_LATE_PARENTS: Metric = Metric {
    name: "telemetry.span.late_parents",
    unit: "{span}",
    description: "Spans whose remote parent came after their ids were used, and became a link.",
};

pub(crate) const METRIC_TOKIO_QUEUE_DEPTH: Metric = Metric {
    name: "tokio.queue.depth",
    unit: "{task}",
    description: "Tasks that are ready and wait in the global queue.",
};

pub(crate) const METRIC_TOKIO_SCHEDULING_DELAY: Metric = Metric {
    name: "tokio.scheduling.delay",
    unit: "s",
    description: "Time that a task which is ready waits until it runs, measured with a small task of our own.",
};

pub(crate) const METRIC_TOKIO_TASK_ALIVE: Metric = Metric {
    name: "tokio.task.alive",
    unit: "{task}",
    description: "Tasks that have not ended.",
};

pub(crate) const METRIC_TOKIO_WORKER_BUSY_TIME: Metric = Metric {
    name: "tokio.worker.busy_time",
    unit: "s",
    description: "Time that all workers were busy.",
};

pub(crate) const METRIC_TOKIO_WORKER_UTILIZATION: Metric = Metric {
    name: "tokio.worker.utilization",
    unit: "1",
    description: "Share of the workers' time since the last collection in which they were busy.",
};

pub(crate) const METRIC_TOKIO_WORKERS: Metric = Metric {
    name: "tokio.workers",
    unit: "{worker}",
    description: "Worker threads of the runtime.",
};
