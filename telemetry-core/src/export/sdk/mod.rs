//! Any exporter written for `opentelemetry_sdk`, plugged into our pipeline.
//!
//! A foreign exporter may block, panic, or want a tokio runtime. It gets a thread of its own,
//! where it runs as the SDK would run it: outside of any runtime's `block_on`, so that blocking
//! clients work, and inside a runtime's context, so that asynchronous ones do. That runtime's
//! timers and sockets are driven by a second thread.
//!
//! An SDK exporter does its own retries, so what it reports as failed is final; a timeout of its
//! own is treated as ours is.

mod convert;
mod host;
mod logs;
mod spans;

pub use logs::SdkLogExporter;
pub use spans::SdkSpanExporter;

#[cfg(test)]
mod tests;
