//! Standard measurements of what a backend does: one wrapper around a call gives a span, a duration
//! with an exemplar, and `error.type`, all named by OpenTelemetry's semantic conventions 1.42.
//!
//! ```
//! use telemetry_core::instrument;
//!
//! # async fn example() -> Result<(), std::io::Error> {
//! instrument::operation("charge")
//!     .attribute("payment.method", "card")
//!     .span_attribute("payment.id", "p-4711".to_owned())
//!     .slow_after(std::time::Duration::from_millis(500))
//!     .run(async { Ok::<_, std::io::Error>(()) })
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! Whatever is recorded is in the registry of the process, [`Registry::global`]; `docs/metrics.md`
//! has the names.
//!
//! [`Registry::global`]: crate::metrics::Registry::global

mod cache;
mod call;
mod db;
mod future;
mod kinds;
mod label;
mod queue;
mod running;
mod verdict;

pub use cache::{Cache, cache};
pub use call::{Call, Judge, JudgeOf, Kind};
pub use db::{Pool, PoolUse, db, pool};
pub use future::Run;
pub use kinds::{Acquire, CacheLookup, CacheOperation, DbOperation, Operation, Process, Transfer};
pub use label::Label;
pub use queue::{Queue, queue};
pub use verdict::{Answer, Outcome, Verdict};

use crate::semconv;

/// An operation of the program, such as `charge`.
pub fn operation(name: impl Into<Label>) -> Call<Operation> {
    let name = kinds::label(semconv::TELEMETRY_OPERATION_NAME, name);
    Call::new(vec![name])
}
