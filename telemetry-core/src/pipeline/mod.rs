//! From the application's threads to the exporters: bounded queues, batches, one telemetry thread.

mod batch;
mod intake;
mod ledger;
mod queue;

pub use batch::{Batch, Item, Items, Signal};
pub use intake::Intake;
pub use ledger::{DropReason, Drops, Ledger};
pub use queue::{Queue, QueueLimits};
