//! Structured logs that carry the trace id: JSON lines and OTLP log records from one visit.
//!
//! ```text
//! tracing event ──► LogLayer ──┬─► line ──► queue ──► thread ──► stdout, file, LogSink …
//! log record    ──►            └─► OTLP log record ──► telemetry_core::pipeline
//! ```
//!
//! Applications use the facade `telemetry`; this crate is for those who compose their own
//! subscriber.
//!
//! ```
//! use std::time::Duration;
//! use telemetry_log::{BaseFilter, Directives, Logs, SinkConfig};
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let (directives, _errors) = Directives::parse("info,hyper=warn");
//! let (layer, logs) = Logs::builder().service("shop").sink(SinkConfig::stdout()).build()?;
//! let subscriber = tracing_subscriber::registry().with(layer).with(BaseFilter::new(directives));
//! tracing::subscriber::with_default(subscriber, || {
//!     let order = tracing::info_span!("order", id = 7);
//!     let _entered = order.enter();
//!     tracing::info!(items = 3, "accepted");
//! });
//! let report = logs.shutdown(Duration::from_secs(1));
//! assert_eq!(report.written, 1);
//! # Ok::<(), telemetry_log::BuildError>(())
//! ```
//!
//! # A line
//!
//! ```json
//! {"timestamp":"2026-11-21T14:23:01.234567Z","level":"INFO","target":"shop","message":"accepted","service":"shop","items":3,"id":7}
//! ```
//!
//! - The line's own members come first ([`Key`], renamed with [`Keys`]), then the event's fields,
//!   then those of its spans from the inside out ([`SpanFields`]). `trace_id`, `span_id` and
//!   `trace_flags` are there within a trace.
//! - A key never occurs twice. Within an event the later field wins, a span's field gives way to
//!   the event's and to inner spans', and a field that has a name of the line's own becomes
//!   `fields.<name>`. A span's fields that begin with `otel.` steer the span and are left out.
//! - Every line is strict JSON: numbers that are not finite become `null`, integers beyond 64
//!   bits strings of digits, bytes base64; text is escaped, and cut after 64 KiB with the mark
//!   `…[truncated N bytes]`. A value whose `Debug` panics becomes `<formatting failed>`.
//! - An error (`error = &error as &dyn Error`) becomes `exception.type`, `exception.message` and, if
//!   it has causes, `exception.stacktrace` with all of them. The type is what the error's
//!   `Debug` begins with. Further errors of an event are one string each.
//! - [`fatal!`] writes severity `FATAL`; [`event()`](crate::event()) records a change event.
//!
//! # Sinks
//!
//! Each [`SinkConfig`] has its own format, level, bounded queue and thread. A caller never waits
//! for a sink, unless [`Overflow::Block`] says so; what does not fit is dropped, counted in
//! [`LogHandle::ledger`] and reported. The first line after a silence is written at once,
//! further ones gather for 10 ms.

#[cfg(feature = "autolog")]
mod autolog;
mod bridge;
mod directives;
mod error;
mod event;
mod gathered;
mod json;
mod layer;
mod limit;
mod logs;
mod pretty;
mod recorder;
mod scope;
mod sink;
mod span;
mod spans;
mod text;
mod verbosity;
mod visit;

#[cfg(feature = "autolog")]
pub use autolog::{Autolog, AutologSession, AutologStatus};
pub use bridge::{LogBridgeError, init_log_bridge};
pub use directives::{Directives, ParseError};
pub use event::event;
pub use json::{JsonFormat, Key, Keys, LevelNames, SpanFields};
pub use layer::LogLayer;
pub use limit::{Rate, Suppressed, SuppressedBy};
pub use logs::{BuildError, FlushReport, LogHandle, Logs, SinkStatus};
pub use pretty::PrettyFormat;
pub use recorder::{Recorder, RecorderConfig, RecorderStatus};
pub use scope::{EnteredLogScope, InLogScope, LogScope, LogScoped, scope};
pub use sink::{FileConfig, LogSink, Overflow, Rotation, SinkConfig, SinkLimits};
pub use verbosity::{
    AtBaseLevel, BaseFilter, Defeat, Override, OverrideError, OverrideId, OverrideStatus,
    SESSION_ID, Scope, Verbosity, at_base_level,
};
#[cfg(feature = "verbose-token")]
pub use verbosity::{TokenError, Tokens};

/// What [`fatal!`] expands to. Outside of semver.
#[doc(hidden)]
pub mod __macro_support {
    pub use tracing::{Level, event};
}
