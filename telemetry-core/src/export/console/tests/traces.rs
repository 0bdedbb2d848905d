//! When traces are shown.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::held::{Held, HeldLimits, Ready};
use super::super::{ConsoleSpanExporter, Terminal};
use super::spans::{Made, batch, made};
use crate::clock::Clock;
use crate::export::writer::{WriterLimits, WriterThread};
use crate::export::{ExportErrorKind, Exporter};

fn held() -> Held {
    Held::new(HeldLimits {
        traces: 4,
        spans: 10,
        bytes: 4_000,
        age: Duration::from_secs(5),
    })
}

fn names(ready: &[Ready]) -> Vec<Vec<&str>> {
    ready
        .iter()
        .map(|ready| ready.spans.iter().map(|span| span.name.as_str()).collect())
        .collect()
}

fn in_trace(trace: u128, mut span: Made) -> Made {
    span.trace = trace;
    span
}

#[test]
fn a_trace_waits_for_its_root_over_batches() {
    let mut held = held();
    let now = Clock::manual(0).now();
    assert!(
        held.absorb(&batch(&[made(3, 2, "leaf", 2, 3)]), now)
            .is_empty()
    );
    assert!(
        held.absorb(&batch(&[made(2, 1, "middle", 1, 4)]), now)
            .is_empty()
    );
    let ready = held.absorb(&batch(&[made(1, 0, "root", 0, 5)]), now);
    assert_eq!(names(&ready), [["leaf", "middle", "root"]]);
    assert!(held.is_empty());
}

#[test]
fn a_remote_parent_makes_a_local_root() {
    let mut held = held();
    let mut root = made(2, 77, "handler", 0, 5);
    root.is_remote = true;
    let ready = held.absorb(&batch(&[root]), Clock::manual(0).now());
    assert_eq!(names(&ready), [["handler"]]);
}

#[test]
fn two_requests_of_one_trace_are_shown_each_with_its_own() {
    let mut held = held();
    let now = Clock::manual(0).now();
    let mut second = made(20, 77, "second", 0, 5);
    second.is_remote = true;
    let spans = [
        made(11, 10, "of-first", 1, 2),
        made(21, 20, "of-second", 1, 2),
        second,
    ];
    assert_eq!(
        names(&held.absorb(&batch(&spans), now)),
        [["of-second", "second"]]
    );
    let ready = held.absorb(&batch(&[made(10, 0, "first", 0, 9)]), now);
    assert_eq!(names(&ready), [["of-first", "first"]]);
}

#[test]
fn a_trace_without_a_root_is_shown_after_its_time() {
    let mut held = held();
    let clock = Clock::manual(0);
    assert!(
        held.absorb(&batch(&[made(3, 2, "leaf", 2, 3)]), clock.now())
            .is_empty()
    );
    clock.advance(Duration::from_millis(4_999));
    assert!(held.take_older(clock.now()).is_empty());
    clock.advance(Duration::from_millis(1));
    assert_eq!(names(&held.take_older(clock.now())), [["leaf"]]);
}

#[test]
fn too_many_traces_push_the_oldest_out() {
    let mut held = held();
    let now = Clock::manual(0).now();
    let spans: Vec<Made> = (1..=6)
        .map(|trace| in_trace(trace, made(2, 1, &format!("t{trace}"), 0, 1)))
        .collect();
    assert_eq!(names(&held.absorb(&batch(&spans), now)), [["t1"], ["t2"]]);
    let large = in_trace(9, made(2, 1, &"x".repeat(3_900), 0, 1));
    assert_eq!(names(&held.absorb(&batch(&[large]), now)).len(), 4);
    assert_eq!(held.take_all().len(), 1);
    assert!(held.is_empty());
}

#[test]
fn a_giant_trace_keeps_its_root_and_counts_the_rest() {
    let mut held = held();
    let mut spans: Vec<Made> = (2..=30).map(|id| made(id, 1, "job", 0, 1)).collect();
    spans.push(made(1, 0, "root", 0, 9));
    let ready = held.absorb(&batch(&spans), Clock::manual(0).now());
    assert_eq!(ready.len(), 1);
    assert_eq!((ready[0].spans.len(), ready[0].missing.spans), (11, 19));
    assert_eq!(ready[0].spans.last().unwrap().name, "root");
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn exporter(writer: impl Write + Send + 'static, limits: WriterLimits) -> ConsoleSpanExporter {
    let writer = WriterThread::spawn("test-console", Box::new(writer), limits).unwrap();
    ConsoleSpanExporter::new(Arc::new(writer), Terminal::plain(), Clock::manual(0))
}

#[tokio::test]
async fn a_flush_shows_what_still_waits() {
    let shown = Shown::default();
    let mut exporter = exporter(shown.clone(), WriterLimits::default());
    let spans = [
        in_trace(1, made(1, 0, "complete", 0, 1)),
        in_trace(2, made(2, 1, "waiting", 0, 1)),
    ];
    exporter.prepare(&batch(&spans)).unwrap();
    exporter.attempt().await.unwrap();
    exporter.flush().await.unwrap();
    let text = shown.text();
    assert!(text.starts_with("complete  1.0 µs  trace 0"), "{text}");
    assert!(text.contains("1 span without a root"), "{text}");
    assert_eq!(text.matches("─ waiting").count(), 1, "{text}");
}

/// A pipe that nobody reads, until it is dropped.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(match self.0.recv() {
            Ok(()) => std::io::ErrorKind::Other.into(),
            Err(_) => std::io::ErrorKind::BrokenPipe.into(),
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stuck_terminal_is_tried_again_and_a_closed_one_is_not() {
    let (reader, pipe) = std::sync::mpsc::channel();
    let mut exporter = exporter(Stuck(pipe), WriterLimits { items: 9, bytes: 1 });
    let root = batch(&[made(1, 0, "root", 0, 1)]);
    exporter.prepare(&root).unwrap();
    exporter.attempt().await.unwrap();
    exporter.prepare(&root).unwrap();
    for _ in 0..2 {
        let error = exporter.attempt().await.unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Retryable { after: None });
    }
    drop(reader);
    let kind = loop {
        match exporter.attempt().await {
            Err(error) if error.kind() == (ExportErrorKind::Retryable { after: None }) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // taken in the moment before the pipe was found closed
            Ok(_) => exporter.prepare(&root).unwrap(),
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(kind, ExportErrorKind::Permanent);
}
