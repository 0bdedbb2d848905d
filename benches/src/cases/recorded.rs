//! A `debug!` of four fields with the flight recorder on, and no request that fails.

use std::hint::black_box;
use std::sync::Arc;

use telemetry_core::trace::record_lines;
use telemetry_log::{BaseFilter, Directives, LogHandle, Recorder, RecorderConfig};
use tracing::{debug, info_span, subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::harness::Case;
use crate::ours::{self, Ours};

fn line() {
    debug!(
        items = 3,
        cents = 4950,
        currency = "EUR",
        express = true,
        "order placed"
    );
}

/// The lines of one request: fewer than a recorder keeps.
const LINES: u64 = 128;

/// Keeps lines of this target, as long as what it returns.
fn start(target: &str) -> (Arc<Ours>, LogHandle) {
    let recorder = Recorder::new(RecorderConfig::new().targets([target]));
    let spans = Arc::new(Ours::recording(&recorder));
    let (layer, logs) = ours::recorded_logs(&recorder);
    let subscriber = Registry::default()
        .with(spans.layer())
        .with(layer)
        .with(BaseFilter::new(Directives::default()).recorder(recorder));
    subscriber::set_global_default(subscriber).unwrap();
    (spans, logs)
}

fn lines(count: u64) {
    for _ in 0..count {
        line();
        black_box(());
    }
}

/// Within two nested spans of two fields each, of requests that are recorded and succeed.
pub(super) fn within() -> Case {
    let alive = start(env!("CARGO_CRATE_NAME"));
    let run = |count| {
        for _ in 0..count / LINES {
            let outer = info_span!("request", tenant = "acme", attempt = 1);
            let recording = record_lines(&outer).unwrap();
            {
                let _outer = outer.enter();
                let _inner = info_span!("checkout", cart = 42, step = "pay").entered();
                lines(LINES);
            }
            recording.end(false);
        }
    };
    Case::settled(run, move || alive.0.flush())
}

/// Outside of any request.
pub(super) fn outside() -> Case {
    kept_alive(start(env!("CARGO_CRATE_NAME")))
}

/// Of a crate that is not recorded.
pub(super) fn another_crate() -> Case {
    kept_alive(start("another_crate"))
}

fn kept_alive<T: 'static>(alive: T) -> Case {
    Case::settled(lines, move || {
        black_box(&alive);
    })
}
