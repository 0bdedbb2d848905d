//! Service level objectives inside the process: error budgets, burn rates and alerts that fire once.
//!
//! ```text
//! request ──► SloHandle::record ──► Tally (sharded counts, no clock)
//!                                      │ every 10 s
//!             Tracker::tick_at ──► Pyramid (counts at past boundaries) ──► burn of each window
//!                                      │                                        │
//!                                   Status (budget, burn, alerts) ◄── Alert (page, ticket) ──► Transition
//! ```
//!
//! An [`Objective`] is a promise: 99.9 % of requests are answered without a failure, over 30 days.
//! The events that break it spend an error budget, and the [`BurnRate`] says how fast. An alert
//! fires when the budget burns fast enough over a long window and still does over a short one.
//!
//! Nothing here does I/O or reads a clock. [`Tracker`] has an example.

mod alert;
mod burn_rate;
mod counts;
mod error;
mod evaluator;
mod labels;
mod objective;
mod period;
mod pyramid;
mod ratio;
mod sli;
mod status;
mod tier;
mod time;
mod tracker;

pub use alert::{AlertState, AlertTiming, TransitionKind};
pub use burn_rate::BurnRate;
pub use counts::Counts;
pub use error::SloError;
pub use labels::Labels;
pub use objective::{Cold, Objective, Resolution};
pub use period::Period;
pub use ratio::Ratio;
pub use sli::{Request, Sli};
pub use status::{AlertStatus, Budget, Gate, Status, TierStatus, WindowStatus};
pub use tier::{AlertSeverity, Tier};
pub use time::Time;
pub use tracker::{ClockJumps, SloHandle, Tracker, Transition};
