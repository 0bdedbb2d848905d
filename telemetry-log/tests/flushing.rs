//! When a sink is told to flush what it was given.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::{DEADLINE, parse};
use telemetry_log::{LogHandle, LogSink, Logs, SinkConfig};
use tracing::{Dispatch, info};
use tracing_subscriber::layer::SubscriberExt;

#[derive(Debug)]
enum Call {
    Write(Vec<u8>),
    Flush,
}

/// Tells its calls, and returns from a write when it is told to.
struct Told {
    calls: Sender<Call>,
    go_on: Receiver<()>,
}

impl LogSink for Told {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        drop(self.calls.send(Call::Write(lines.to_vec())));
        // a test that is over lets everything through
        let _ = self.go_on.recv();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.calls.send(Call::Flush));
        Ok(())
    }
}

struct Rig {
    dispatch: Dispatch,
    handle: LogHandle,
    calls: Receiver<Call>,
    go_on: Sender<()>,
}

fn rig() -> Rig {
    let (calls, seen) = channel();
    let (go_on, told) = channel();
    let sink = Told { calls, go_on: told };
    let logs = Logs::builder().sink(SinkConfig::custom("told", sink));
    let (layer, handle) = logs.build().unwrap();
    Rig {
        dispatch: tracing_subscriber::registry().with(layer).into(),
        handle,
        calls: seen,
        go_on,
    }
}

impl Rig {
    fn log(&self, count: usize, text: &str) {
        tracing::dispatcher::with_default(&self.dispatch, || {
            for _ in 0..count {
                info!("{text}");
            }
        });
    }

    fn call(&self) -> Call {
        self.calls.recv_timeout(DEADLINE).unwrap()
    }

    fn written(&self) -> Vec<u8> {
        match self.call() {
            Call::Write(lines) => lines,
            Call::Flush => panic!("nothing was written before the flush"),
        }
    }
}

#[test]
fn the_last_line_before_a_silence_is_flushed_by_itself() {
    let rig = rig();
    rig.log(1, "alone");
    let lines = rig.written();
    assert_eq!(
        parse(str::from_utf8(&lines).unwrap()).text("message"),
        "alone"
    );
    rig.go_on.send(()).unwrap();
    assert!(matches!(rig.call(), Call::Flush));
}

#[test]
fn a_flush_comes_after_64_kib_though_more_waits() {
    let rig = rig();
    rig.log(1, "first");
    rig.written();
    rig.log(5_000, &"x".repeat(100));
    let Rig {
        handle,
        calls,
        go_on,
        ..
    } = rig;
    drop(go_on);
    assert!(handle.shutdown(DEADLINE).in_time);
    let (mut unflushed, mut all) = (0, 0);
    for call in calls.try_iter() {
        match call {
            Call::Write(lines) => {
                assert!(unflushed < 64 * 1024, "{unflushed} bytes without a flush");
                unflushed += lines.len();
                all += lines.len();
            }
            Call::Flush => unflushed = 0,
        }
    }
    assert_eq!(unflushed, 0, "shutdown flushes");
    assert!(all > 5_000 * 100);
}

#[test]
fn a_flush_comes_within_a_second_though_lines_never_cease() {
    let rig = rig();
    rig.log(1, "first");
    rig.written();
    for _ in 0..3 {
        // something always waits when a write returns
        rig.log(1, "next");
        std::thread::sleep(Duration::from_millis(400));
        rig.go_on.send(()).unwrap();
        if let Call::Flush = rig.call() {
            return;
        }
    }
    panic!("1.2 s of lines without a flush");
}
