//! `telemetry doctor` as a process, judged by what it says, its exit status, and an independent
//! receiver.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod backends;
mod files;
mod network;
mod run;
mod settings;
