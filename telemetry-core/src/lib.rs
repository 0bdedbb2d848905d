#![doc = include_str!("../README.md")]
//!
//! # Example
//!
//! From a `tracing` span to an exporter, here the one that keeps spans in memory:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use telemetry_core::clock::Clock;
//! use telemetry_core::diagnostics::{Level, Voice};
//! use telemetry_core::export::Exporter;
//! use telemetry_core::export::memory::{Captured, MemoryExporter};
//! use telemetry_core::pipeline::{
//!     Backoff, Intake, Lane, LaneSettings, Pipeline, QueueLimits, Signal,
//! };
//! use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! // a lane: the bounded queue in front of one exporter, and how that one is driven
//! let settings = LaneSettings {
//!     signal: Signal::Traces,
//!     queue: QueueLimits { items: 2048, bytes: 32 << 20, wake_at: 512, item_bytes: 4 << 20 },
//!     schedule_delay: Duration::from_secs(5),
//!     export_timeout: Duration::from_secs(30),
//!     attempt_timeout: Duration::from_secs(10),
//!     batch_items: 512,
//!     batch_bytes: 4 << 20,
//!     backoff: Backoff::default(),
//! };
//! let voice = Voice::new(Level::Info, |line| eprintln!("{line}"));
//! let lane = Arc::new(Lane::new(settings, "memory", Clock::system(), voice));
//!
//! // the pipeline: a thread that drives every lane
//! let captured = Captured::new();
//! let exporter = MemoryExporter::new(Signal::Traces, captured.clone());
//! let factory = Box::new(move || Ok(Box::new(exporter) as Box<dyn Exporter>));
//! let pipeline = Pipeline::start(vec![(Arc::clone(&lane), factory)])?;
//!
//! // the engine: makes spans for the layer, and puts finished ones into the lane's queue
//! let intake = Intake::new([Arc::clone(lane.queue())]);
//! let engine = Arc::new(Engine::new(EngineSettings::new(intake)));
//! let subscriber = tracing_subscriber::registry().with(SpanLayer::new(engine));
//! tracing::subscriber::with_default(subscriber, || {
//!     let _order = tracing::info_span!("order", id = 7).entered();
//! });
//!
//! pipeline.shutdown(Duration::from_secs(5));
//! assert_eq!(captured.spans()[0].name, "order");
//! assert_eq!((lane.ledger().exported, lane.ledger().dropped.total()), (1, 0));
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod clock;
pub mod config;
pub mod context;
pub mod diagnostics;
pub mod export;
pub mod instrument;
pub mod metrics;
pub mod otlp;
pub mod pipeline;
pub mod redact;
#[cfg(feature = "runtime")]
pub mod runtime;
mod semconv;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;
