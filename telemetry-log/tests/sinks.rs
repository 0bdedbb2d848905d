//! Sinks that are slow, stuck, broken or full.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{DEADLINE, Memory, NOW, parse, run};
use telemetry_core::clock::Clock;
use telemetry_core::otlp::Severity;
use telemetry_core::pipeline::DropReason;
use telemetry_log::{
    FileConfig, JsonFormat, Keys, LogHandle, LogSink, Logs, Overflow, Rotation, SinkConfig,
    SinkLimits,
};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level, info, warn};
use tracing_subscriber::layer::SubscriberExt;

struct Pipe(io::PipeWriter);

impl LogSink for Pipe {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)
    }
}

/// Writes when it gets a permit; without a sender, at once.
struct Gated {
    permits: mpsc::Receiver<()>,
    memory: Memory,
}

impl LogSink for Gated {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        // a sender that is gone lets everything through
        let _ = self.permits.recv();
        self.memory.write(lines)
    }
}

fn build(sink: SinkConfig) -> (Dispatch, LogHandle) {
    let (layer, handle) = Logs::builder()
        .clock(Clock::manual(NOW))
        .diagnostics(|_| {})
        .sink(sink)
        .build()
        .unwrap();
    (tracing_subscriber::registry().with(layer).into(), handle)
}

fn log_numbers(dispatch: &Dispatch, numbers: std::ops::Range<u64>) {
    tracing::dispatcher::with_default(dispatch, || {
        for n in numbers {
            info!(n, "line");
        }
    });
}

fn numbers(text: &str) -> Vec<i64> {
    text.lines().map(|line| parse(line).int("n")).collect()
}

/// Waits until the sink's thread has taken the first line and hangs in its write.
fn wait_until_taken(handle: &LogHandle) {
    assert!(!handle.flush(Duration::from_millis(50)).in_time);
}

#[test]
fn a_pipe_that_nobody_reads_holds_nobody_up() {
    let (reader, writer) = io::pipe().unwrap();
    let limits = SinkLimits {
        lines: 1_000,
        bytes: 1 << 20,
    };
    let (dispatch, handle) = build(SinkConfig::custom("pipe", Pipe(writer)).limits(limits));
    log_numbers(&dispatch, 0..20_000);
    let report = handle.shutdown(Duration::from_millis(200));
    assert!(!report.in_time);
    assert!(report.left > 0 && report.left <= 1_000, "{report:?}");
    assert_eq!(
        report.written + report.dropped.total() + report.left,
        20_000
    );
    assert!(report.dropped.get(DropReason::QueueFull) > 0);
    log_numbers(&dispatch, 0..5);
    assert_eq!(handle.dropped().get(DropReason::Shutdown), 5);
    assert_eq!(handle.lines(), 20_005);
    drop(reader);
}

#[test]
fn what_a_stuck_pipe_held_arrives_when_it_is_read_again() {
    let (mut reader, writer) = io::pipe().unwrap();
    let (dispatch, handle) = build(SinkConfig::custom("pipe", Pipe(writer)));
    log_numbers(&dispatch, 0..5_000);
    wait_until_taken(&handle);
    let thread = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let report = handle.shutdown(DEADLINE);
    assert_eq!((report.in_time, report.written), (true, 5_000));
    assert_eq!(numbers(&thread.join().unwrap()), Vec::from_iter(0..5_000));
}

/// What is written of 100 lines when the queue holds 10 and the first write hangs.
fn overflow(policy: Overflow) -> (Vec<i64>, u64) {
    let memory = Memory::default();
    let (permit, permits) = mpsc::channel();
    let sink = Gated {
        permits,
        memory: memory.clone(),
    };
    let limits = SinkLimits {
        lines: 10,
        bytes: 1 << 20,
    };
    let config = SinkConfig::custom("gated", sink)
        .limits(limits)
        .overflow(policy);
    let (dispatch, handle) = build(config);
    log_numbers(&dispatch, 0..1);
    wait_until_taken(&handle);
    log_numbers(&dispatch, 1..100);
    drop(permit);
    assert!(handle.shutdown(DEADLINE).in_time);
    assert!(handle.ledger().balances());
    (numbers(&memory.text()), handle.dropped().total())
}

#[test]
fn the_newest_or_the_oldest_lines_are_dropped() {
    assert_eq!(overflow(Overflow::DropNewest), (Vec::from_iter(0..10), 90));
    let kept = std::iter::once(0).chain(91..100).collect();
    assert_eq!(overflow(Overflow::DropOldest), (kept, 90));
}

#[test]
fn a_queue_that_blocks_loses_nothing() {
    let memory = Memory::default();
    let limits = SinkLimits {
        lines: 4,
        bytes: 1 << 20,
    };
    let config = SinkConfig::custom("memory", memory.clone())
        .limits(limits)
        .overflow(Overflow::Block);
    let (dispatch, handle) = build(config);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| log_numbers(&dispatch, 0..50));
        }
    });
    assert!(handle.shutdown(DEADLINE).in_time);
    assert_eq!((handle.lines(), handle.dropped().total()), (200, 0));
    assert_eq!(memory.lines().len(), 200);
}

#[test]
fn a_bound_in_bytes() {
    let (dispatch, handle) = build(SinkConfig::custom("memory", Memory::default()).limits(
        SinkLimits {
            lines: 10,
            bytes: 50,
        },
    ));
    log_numbers(&dispatch, 0..3);
    assert_eq!(handle.dropped().get(DropReason::TooLarge), 3);
}

#[test]
fn eight_threads_lose_and_mix_nothing() {
    let memory = Memory::default();
    let (dispatch, handle) = build(SinkConfig::custom("memory", memory.clone()));
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let dispatch = &dispatch;
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    let _span = tracing::info_span!("worker", thread).entered();
                    for n in 0..2_000_u64 {
                        info!(n, "line");
                    }
                });
            });
        }
    });
    assert!(handle.shutdown(DEADLINE).in_time);
    assert!(handle.ledger().balances());
    let mut next = [0; 8];
    for line in memory.lines() {
        let thread = usize::try_from(line.int("thread")).unwrap();
        assert_eq!(
            line.int("n"),
            next[thread],
            "lines of one thread keep their order"
        );
        next[thread] += 1;
    }
    let taken: i64 = next.iter().sum();
    assert_eq!(taken.unsigned_abs() + handle.dropped().total(), 16_000);
    assert_eq!(handle.lines_of(Severity::Info), 16_000);
}

#[test]
fn lines_that_follow_each_other_across_threads_keep_their_order() {
    let memory = Memory::default();
    let (layer, handle) = Logs::builder()
        .sink(SinkConfig::custom("memory", memory.clone()))
        .build()
        .unwrap();
    let dispatch: Dispatch = tracing_subscriber::registry().with(layer).into();
    for n in 0..20 {
        let dispatch = &dispatch;
        std::thread::scope(|scope| {
            scope.spawn(move || log_numbers(dispatch, n..n + 1));
        });
    }
    assert!(handle.shutdown(DEADLINE).in_time);
    assert_eq!(numbers(&memory.text()), Vec::from_iter(0..20));
}

#[test]
fn losses_are_reported_with_the_reason() {
    struct Broken;
    impl LogSink for Broken {
        fn write(&mut self, lines: &[u8]) -> io::Result<()> {
            match lines.len() {
                0 => Ok(()),
                _ => Err(io::Error::other("disk on fire")),
            }
        }
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let logs = Logs::builder()
        .diagnostics(move |message| hear.lock().unwrap().push(message.to_owned()))
        .sink(SinkConfig::custom("broken", Broken));
    let handle = run(logs, || info!("lost"));
    assert!(handle.shutdown(DEADLINE).in_time);
    assert_eq!(
        *told.lock().unwrap(),
        [
            "telemetry: 1 lines dropped on their way to broken (in all: 1 refused); last error: disk on fire"
        ]
    );
    let status = &handle.sinks()[0];
    assert_eq!(status.ledger.dropped.get(DropReason::Refused), 1);
    assert_eq!(status.last_error.as_deref(), Some("disk on fire"));
}

#[test]
fn a_sink_that_panics_is_asked_again() {
    struct Panicky(bool, Memory);
    impl LogSink for Panicky {
        fn write(&mut self, lines: &[u8]) -> io::Result<()> {
            if std::mem::replace(&mut self.0, false) {
                panic!("first write");
            }
            info!("about the sink itself");
            self.1.write(lines)
        }
    }
    let memory = Memory::default();
    let (dispatch, handle) = build(SinkConfig::custom("panicky", Panicky(true, memory.clone())));
    log_numbers(&dispatch, 0..1);
    assert!(handle.flush(DEADLINE).in_time);
    log_numbers(&dispatch, 1..2);
    assert!(handle.flush(DEADLINE).in_time);
    assert_eq!(numbers(&memory.text()), [1]);
    assert_eq!(handle.dropped().get(DropReason::Refused), 1);
}

#[test]
fn several_sinks_with_their_own_levels_and_formats() {
    let [all, ecs, quiet] = [(); 3].map(|()| Memory::default());
    let logs = Logs::builder().sinks([
        SinkConfig::custom("all", all.clone()),
        SinkConfig::custom("ecs", ecs.clone())
            .json(JsonFormat::new().keys(Keys::ecs()))
            .level(LevelFilter::WARN),
        SinkConfig::custom("quiet", quiet.clone()).below(Level::WARN),
    ]);
    run(logs, || {
        info!("fine");
        warn!("careful");
    });
    let messages = |memory: &Memory| -> Vec<String> {
        let lines = memory.lines();
        lines
            .iter()
            .map(|line| line.text("message").to_owned())
            .collect()
    };
    assert_eq!(messages(&all), ["fine", "careful"]);
    assert_eq!(messages(&ecs), ["careful"]);
    assert_eq!(ecs.lines()[0].text("log.level"), "WARN");
    assert_eq!(messages(&quiet), ["fine"]);
}

#[test]
fn shutdown_twice_tells_the_same() {
    let (dispatch, handle) = build(SinkConfig::custom("memory", Memory::default()));
    log_numbers(&dispatch, 0..3);
    let first = handle.shutdown(DEADLINE);
    assert_eq!(first, handle.shutdown(DEADLINE));
    assert_eq!(first.written, 3);
}

fn files(folder: &Path) -> Vec<(String, Vec<i64>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, numbers(&fs::read_to_string(path).unwrap()))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_file_is_replaced_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/app.log");
    let file = FileConfig::new(&path).max_bytes(1).keep(2);
    let (dispatch, handle) = build(SinkConfig::file(file));
    for n in 0..4 {
        log_numbers(&dispatch, n..n + 1);
        assert!(handle.flush(DEADLINE).in_time);
    }
    assert_eq!(
        files(path.parent().unwrap()),
        [
            ("app.log".to_owned(), vec![3]),
            ("app.log.1".to_owned(), vec![2]),
            ("app.log.2".to_owned(), vec![1]),
        ]
    );
    assert_eq!(handle.dropped().total(), 0);
}

#[test]
fn a_file_is_replaced_when_an_hour_begins() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW);
    let file = FileConfig::new(folder.path().join("app.log"))
        .rotation(Rotation::Hourly)
        .clock(clock.clone());
    let (dispatch, handle) = build(SinkConfig::file(file));
    // NOW is 14:23
    for (n, minutes) in [(0, 0), (1, 36), (2, 1), (3, 59)] {
        clock.advance(Duration::from_secs(60 * minutes));
        log_numbers(&dispatch, n..n + 1);
        assert!(handle.flush(DEADLINE).in_time);
    }
    assert_eq!(
        files(folder.path()),
        [
            ("app.log".to_owned(), vec![2, 3]),
            ("app.log.1".to_owned(), vec![0, 1]),
        ]
    );
}

#[test]
fn a_file_whose_folder_vanishes_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let (dispatch, handle) = build(SinkConfig::file(FileConfig::new(logs.join("app.log"))));
    log_numbers(&dispatch, 0..1);
    assert!(handle.flush(DEADLINE).in_time);

    fs::remove_dir_all(&logs).unwrap();
    fs::write(&logs, "a file where the folder was").unwrap();
    log_numbers(&dispatch, 1..3);
    assert!(handle.flush(DEADLINE).in_time);
    assert_eq!(handle.dropped().get(DropReason::Refused), 2);

    fs::remove_file(&logs).unwrap();
    log_numbers(&dispatch, 3..4);
    assert!(handle.flush(DEADLINE).in_time);
    assert_eq!(files(&logs), [("app.log".to_owned(), vec![3])]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_counted() {
    let (dispatch, handle) = build(SinkConfig::file(FileConfig::new("/dev/full")));
    log_numbers(&dispatch, 0..3);
    assert!(handle.flush(DEADLINE).in_time);
    assert_eq!(handle.dropped().get(DropReason::Refused), 3);
    assert!(
        handle.sinks()[0]
            .last_error
            .as_deref()
            .unwrap()
            .contains("space")
    );
}
