//! A `debug!` of four fields with the flight recorder on, and no request that fails.

use std::hint::black_box;
use std::sync::Arc;

use telemetry_core::trace::record_lines;
use telemetry_log::{BaseFilter, Directives, Recorder, RecorderConfig};
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

/// Keeps lines of this target.
fn start(target: &str) {
    let recorder = Recorder::new(RecorderConfig::new().targets([target]));
    let spans = Arc::new(Ours::recording(&recorder));
    let (layer, logs) = ours::recorded_logs(&recorder);
    let subscriber = Registry::default()
        .with(spans.layer())
        .with(layer)
        .with(BaseFilter::new(Directives::default()).recorder(recorder));
    subscriber::set_global_default(subscriber).unwrap();
    // for as long as the process lives
    std::mem::forget((spans, logs));
}

fn lines(count: u64) {
    for _ in 0..count {
        line();
        black_box(());
    }
}

/// Within two nested spans of two fields each, of a request that is recorded.
pub(super) fn within() -> Case {
    start(env!("CARGO_CRATE_NAME"));
    let mut open = None;
    Case::new(move |count| {
        let _ = open.get_or_insert_with(|| {
            let outer = info_span!("request", tenant = "acme", attempt = 1);
            let recording = record_lines(&outer).unwrap();
            let outer = outer.entered();
            let inner = info_span!("checkout", cart = 42, step = "pay").entered();
            (recording, outer, inner)
        });
        lines(count);
    })
}

/// Outside of any request.
pub(super) fn outside() -> Case {
    start(env!("CARGO_CRATE_NAME"));
    Case::new(lines)
}

/// Of a crate that is not recorded.
pub(super) fn another_crate() -> Case {
    start("another_crate");
    Case::new(lines)
}
