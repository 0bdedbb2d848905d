//! From the application's threads to the exporters: bounded queues, batches, one telemetry thread.

mod batch;

pub use batch::{Batch, Item, Items, Signal};
