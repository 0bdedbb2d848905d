//! From the application's threads to the exporters: bounded queues, batches, one telemetry thread.
//!
//! A finished item enters through [`Intake`], waits in the [`Queue`] of each exporter's [`Lane`],
//! and leaves in a [`Batch`] on the telemetry thread of the [`Pipeline`]. Every loss is booked in
//! the lane's [`Ledger`]. Metrics do not wait: their lane asks a [`MetricSource`] at each interval, on
//! flush and on shutdown.

mod batch;
mod collection;
mod delivery;
mod exports;
mod intake;
mod lane;
mod ledger;
mod own_thread;
mod queue;
mod report;
mod retry;
mod thread;
mod until;
mod warning;

pub use batch::{Batch, Item, Items, Signal};
pub use collection::MetricSource;
pub(crate) use exports::{component, error_type};
pub use intake::Intake;
pub use lane::{ExporterFactory, Lane, LaneSettings};
pub use ledger::{DropReason, Drops, Ledger};
pub use own_thread::{is_own_thread, mark_own_thread};
pub use queue::{Queue, QueueLimits};
pub use report::{FlushError, ShutdownReport};
pub use retry::Backoff;
pub use thread::{Pipeline, Service, ServiceFuture};
pub use until::until;
