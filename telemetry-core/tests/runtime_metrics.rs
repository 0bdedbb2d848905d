//! The metrics of the process and of tokio, against what the test makes them do.
#![expect(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and bound their own waits"
)]

mod metrics_values;

use std::time::{Duration, Instant};

use metrics_values::{count_of, value_of};
use telemetry_core::metrics::{Points, Registry, RegistrySettings};
use telemetry_core::runtime;

fn value(registry: &Registry, name: &str) -> f64 {
    let values = value_of(&registry.collect(), name);
    values.values().sum()
}

fn await_that(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < end, "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_is_what_proc_says() {
    let registry = Registry::new(RegistrySettings::default());
    runtime::observe_process(&registry);
    let resident = value(&registry, "process.memory.usage");
    assert!((1e6..1e11).contains(&resident), "{resident} bytes");
    assert!(value(&registry, "process.memory.virtual") >= resident);
    assert!((0.0..3600.0).contains(&value(&registry, "process.uptime")));

    // other tests of this file have threads and files too: what is held here is a lower bound
    let name = "process.unix.file_descriptor.count";
    let files: Vec<_> = (0..200)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    assert!((200.0..400.0).contains(&value(&registry, name)));
    drop(files);
    assert!(value(&registry, name) < 200.0);
    let (hold, held) = std::sync::mpsc::sync_channel::<()>(0);
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let held = std::sync::Arc::clone(&held);
            std::thread::spawn(move || held.lock().unwrap().recv())
        })
        .collect();
    assert!((50.0..200.0).contains(&value(&registry, "process.thread.count")));
    drop(hold);
    threads.into_iter().for_each(|thread| {
        let _gone = thread.join().unwrap();
    });

    let cpu = || value(&registry, "process.cpu.time");
    let before = cpu();
    await_that("0.1 s of processor time", || {
        std::hint::black_box((0..1_000_000_u64).sum::<u64>());
        cpu() >= before + 0.1
    });
    let modes = value_of(&registry.collect(), "process.cpu.time");
    let modes: Vec<_> = modes.keys().collect();
    assert_eq!(
        modes,
        [
            "process.cpu.time{cpu.mode=system}",
            "process.cpu.time{cpu.mode=user}"
        ]
    );
}

#[test]
fn a_runtime_tells_its_workers_tasks_and_queue_until_it_ends() {
    let registry = Registry::new(RegistrySettings::default());
    let tokio = ::tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime::observe_tokio(&registry, "main", tokio.handle());
    let workers = value_of(&registry.collect(), "tokio.workers");
    assert_eq!(
        workers.get("tokio.workers{tokio.runtime.name=main}"),
        Some(&2.0)
    );
    for _ in 0..5 {
        tokio.spawn(std::future::pending::<()>());
    }
    // the probe's own task may be alive too
    await_that("five tasks", || {
        (5.0..=6.0).contains(&value(&registry, "tokio.task.alive"))
    });

    // both workers are blocked: what is spawned waits, the probe's task among it
    let (hold, held) = std::sync::mpsc::sync_channel::<()>(0);
    let held = std::sync::Arc::new(std::sync::Mutex::new(held));
    for _ in 0..2 {
        let held = std::sync::Arc::clone(&held);
        tokio.spawn(async move { held.lock().unwrap().recv() });
    }
    await_that("tasks that wait", || {
        tokio.spawn(std::future::ready(()));
        value(&registry, "tokio.queue.depth") >= 3.0
    });
    std::thread::sleep(Duration::from_millis(400));
    drop(hold);
    await_that("an empty queue", || {
        value(&registry, "tokio.queue.depth") < 1.0
    });
    await_that("a delay of the blocked workers", || {
        longest_delay(&registry) >= 0.1
    });
    await_that("busy workers", || {
        value(&registry, "tokio.worker.busy_time") > 0.1
    });
    let utilization = value(&registry, "tokio.worker.utilization");
    assert!((0.0..=1.0).contains(&utilization), "{utilization}");

    tokio.shutdown_background();
    await_that("the end", || {
        value_of(&registry.collect(), "tokio.workers").is_empty()
    });
    let delays = count_of(&registry.collect(), "tokio.scheduling.delay");
    assert_eq!(delays.len(), 1, "{delays:?}");
}

fn longest_delay(registry: &Registry) -> f64 {
    let mut longest = 0.0;
    for metric in registry.collect().metrics {
        if metric.descriptor.name != "tokio.scheduling.delay" {
            continue;
        }
        if let Points::Histogram(points) = &metric.points {
            let ranges = points.iter().filter_map(|point| point.value.range);
            longest = ranges.fold(longest, |longest, (_, max)| max.max(longest));
        }
    }
    longest
}
