//! Values that log while they are formatted. `tracing` lets such events through only if the
//! subscriber is the global one, so this is a process of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fmt;

use common::{Memory, NOW};
use telemetry_core::clock::Clock;
use telemetry_log::{Logs, SinkConfig};
use tracing::{debug, info, info_span};
use tracing_subscriber::layer::SubscriberExt;

struct Chatty;

impl fmt::Debug for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug!(inner = true, "from within");
        f.write_str("chatty")
    }
}

#[test]
fn a_value_that_logs_gets_its_own_line() {
    let memory = Memory::default();
    let (layer, handle) = Logs::builder()
        .clock(Clock::manual(NOW))
        .sink(SinkConfig::custom("memory", memory.clone()))
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let span = info_span!("outer", span = ?Chatty, late = tracing::field::Empty).entered();
    span.record("late", tracing::field::debug(Chatty));
    info!(a = ?Chatty, b = 1, "outer {:?}", Chatty);
    info!(b = 2, "after");
    assert!(handle.flush(common::DEADLINE).in_time);

    let lines = memory.lines();
    assert_eq!(lines.len(), 6, "{}", memory.text());
    for line in &lines[..4] {
        assert_eq!(line.text("message"), "from within");
        assert_eq!(line.get("b"), None);
    }
    let outer = &lines[4];
    assert_eq!(outer.text("message"), "outer chatty");
    assert_eq!(outer.text("a"), "chatty");
    assert_eq!(outer.text("span"), "chatty");
    assert_eq!(outer.text("late"), "chatty");
    assert_eq!(outer.int("b"), 1);
    assert_eq!(lines[5].get("a"), None);
}
