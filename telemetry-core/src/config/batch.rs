//! When a batch leaves, and how much may wait: `OTEL_BSP_*` and `OTEL_BLRP_*`.

use std::time::Duration;

use super::kind::{MILLIS, POSITIVE};
use super::overrides::BatchOverrides;
use super::resolver::Resolver;

/// How one signal's records are queued and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchPlan {
    /// The longest time a record waits for its batch to fill.
    pub schedule_delay: Duration,
    /// The longest time one batch may take to be sent, retries included.
    pub export_timeout: Duration,
    /// The most records that wait; more are dropped and counted.
    pub max_queue_size: usize,
    /// The most records in one batch, at most `max_queue_size`.
    pub max_export_batch_size: usize,
    /// The most bytes that wait; more are dropped and counted. Default: [`BatchPlan::MAX_QUEUE_BYTES`].
    pub max_queue_bytes: usize,
}

impl BatchPlan {
    /// 32 MiB: the default queue of 2048 records at 16 KiB each, ten times a usual span with 30 attributes.
    ///
    /// The specification bounds a queue by records alone, and 2048 records of a megabyte are the end of most containers.
    pub const MAX_QUEUE_BYTES: usize = 32 * 1024 * 1024;
}

/// The variables of one batch processor, and the one default in which the two differ.
pub(crate) struct BatchVariables {
    schedule_delay: &'static str,
    export_timeout: &'static str,
    max_queue_size: &'static str,
    max_export_batch_size: &'static str,
    /// No variable: the specification bounds records only.
    max_queue_bytes: &'static str,
    default_delay: Duration,
}

/// The batch span processor's. Source of the defaults:
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>.
pub(crate) const SPANS: BatchVariables = BatchVariables {
    schedule_delay: "OTEL_BSP_SCHEDULE_DELAY",
    export_timeout: "OTEL_BSP_EXPORT_TIMEOUT",
    max_queue_size: "OTEL_BSP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    max_queue_bytes: "traces.max_queue_bytes",
    default_delay: Duration::from_millis(5000),
};

/// The batch log record processor's. Source of the defaults:
/// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-logrecord-processor>.
pub(crate) const LOG_RECORDS: BatchVariables = BatchVariables {
    schedule_delay: "OTEL_BLRP_SCHEDULE_DELAY",
    export_timeout: "OTEL_BLRP_EXPORT_TIMEOUT",
    max_queue_size: "OTEL_BLRP_MAX_QUEUE_SIZE",
    max_export_batch_size: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    max_queue_bytes: "logs.max_queue_bytes",
    default_delay: Duration::from_millis(1000),
};

const EXPORT_TIMEOUT: Duration = Duration::from_millis(30_000);
const MAX_QUEUE_SIZE: usize = 2048;
const MAX_EXPORT_BATCH_SIZE: usize = 512;

pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    names: &BatchVariables,
    code: &BatchOverrides,
) -> BatchPlan {
    let queue = r.value(
        &[names.max_queue_size],
        code.max_queue_size,
        &POSITIVE,
        MAX_QUEUE_SIZE,
    );
    BatchPlan {
        schedule_delay: r.value(
            &[names.schedule_delay],
            code.schedule_delay,
            &MILLIS,
            names.default_delay,
        ),
        export_timeout: r.value(
            &[names.export_timeout],
            code.export_timeout,
            &MILLIS,
            EXPORT_TIMEOUT,
        ),
        max_queue_size: queue,
        max_export_batch_size: batch_size(r, names, code.max_export_batch_size, queue),
        max_queue_bytes: r.value(
            &[names.max_queue_bytes],
            code.max_queue_bytes,
            &POSITIVE,
            BatchPlan::MAX_QUEUE_BYTES,
        ),
    }
}

/// At most the queue's size: a larger batch could never fill. The default gives way without a word.
fn batch_size(
    r: &mut Resolver<'_>,
    names: &BatchVariables,
    code: Option<usize>,
    queue: usize,
) -> usize {
    let name = names.max_export_batch_size;
    let default = MAX_EXPORT_BATCH_SIZE.min(queue);
    let size = r.value(&[name], code, &POSITIVE, default);
    if size <= queue {
        return size;
    }
    let reason = format!("more than {} ({queue})", names.max_queue_size);
    r.report
        .ignore(name, &size.to_string(), reason, queue.to_string());
    r.correct(name, queue.to_string());
    queue
}
