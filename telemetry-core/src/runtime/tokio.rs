//! What a tokio runtime does.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tokio::runtime::Handle;
use tokio_metrics::{RuntimeIntervals, RuntimeMetrics, RuntimeMonitor};

use crate::clock::{Clock, Timestamp};
use crate::metrics::{Number, Registry};
use crate::pipeline::mark_own_thread;
use crate::semconv::{self, signed};

/// Observes a tokio runtime until it ends. `name` tells it from others of the process.
///
/// Its scheduling delay is how long a task that is ready waits until it runs: what the lag of the
/// event loop is elsewhere. It is measured four times a second with an empty task, which a small
/// thread spawns and waits for; a task that blocks its worker shows in it.
pub fn observe_tokio(registry: &Registry, name: &'static str, handle: &Handle) {
    let meter = semconv::meter(registry);
    let runtime = Arc::new(Observed::new(name, handle));
    let of = Arc::downgrade(&runtime);
    semconv::METRIC_TOKIO_WORKERS.observe_up_down_counter(&meter, move |out| {
        read(&of, |it, name| {
            out.observe(signed(it.latest.workers_count), name);
        });
    });
    let of = Arc::downgrade(&runtime);
    semconv::METRIC_TOKIO_WORKER_BUSY_TIME.observe_seconds(&meter, move |out| {
        read(&of, |it, name| out.observe(it.busy.as_secs_f64(), name));
    });
    let of = Arc::downgrade(&runtime);
    semconv::METRIC_TOKIO_WORKER_UTILIZATION.observe_gauge(&meter, move |out| {
        read(&of, |it, name| {
            let workers = Number::U64(it.latest.workers_count as u64)
                .as_f64()
                .max(1.0);
            // a worker's time is booked when it rests: what it did before may fall into this one
            out.observe((it.latest.busy_ratio() / workers).clamp(0.0, 1.0), name);
        });
    });
    let of = Arc::downgrade(&runtime);
    semconv::METRIC_TOKIO_TASK_ALIVE.observe_up_down_counter(&meter, move |out| {
        read(&of, |it, name| {
            out.observe(signed(it.latest.live_tasks_count), name);
        });
    });
    let of = Arc::downgrade(&runtime);
    semconv::METRIC_TOKIO_QUEUE_DEPTH.observe_up_down_counter(&meter, move |out| {
        read(&of, |it, name| {
            out.observe(signed(it.latest.global_queue_depth), name);
        });
    });
    let delays = semconv::METRIC_TOKIO_SCHEDULING_DELAY.histogram(&meter, &DELAY_SECONDS);
    let handle = handle.clone();
    // without a thread there are no delays, and nothing else: the runtime would never be let go
    drop(
        std::thread::Builder::new()
            .name("telemetry-probe".to_owned())
            .spawn(move || probe(&runtime, &handle, &delays)),
    );
}

/// How often the scheduling delay is measured.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// From an idle worker to one that is blocked for seconds.
const DELAY_SECONDS: [f64; 11] = [
    0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0,
];

/// How old a reading may be: the instruments of one collection share it.
const READING_LIFE: Duration = Duration::from_millis(50);

/// A runtime that has not ended.
struct Observed {
    name: KeyValue,
    clock: Clock,
    reading: Mutex<Reading>,
}

struct Reading {
    intervals: RuntimeIntervals,
    at: Timestamp,
    /// Since the one before.
    latest: RuntimeMetrics,
    /// Since the first.
    busy: Duration,
}

impl Observed {
    fn new(name: &'static str, handle: &Handle) -> Self {
        let clock = Clock::system();
        let mut intervals = RuntimeMonitor::new(handle).intervals();
        let latest = intervals.next().unwrap_or_default();
        let reading = Reading {
            at: clock.now(),
            busy: latest.total_busy_duration,
            latest,
            intervals,
        };
        Self {
            name: KeyValue::new(semconv::TOKIO_RUNTIME_NAME, name),
            clock,
            reading: Mutex::new(reading),
        }
    }
}

impl Reading {
    fn renew(&mut self, now: Timestamp) {
        if now.since(self.at) < READING_LIFE {
            return;
        }
        if let Some(latest) = self.intervals.next() {
            self.at = now;
            self.busy += latest.total_busy_duration;
            self.latest = latest;
        }
    }
}

fn read(runtime: &Weak<Observed>, observe: impl FnOnce(&Reading, &[KeyValue])) {
    if let Some(runtime) = runtime.upgrade() {
        let reading = runtime.reading.lock();
        let mut reading = reading.unwrap_or_else(PoisonError::into_inner);
        reading.renew(runtime.clock.now());
        observe(&reading, std::slice::from_ref(&runtime.name));
    }
}

/// Spawns an empty task, waits for it, and so on until the runtime drops it instead.
fn probe(runtime: &Observed, handle: &Handle, delays: &Histogram<f64>) {
    mark_own_thread();
    loop {
        let (done, ran) = sync_channel(1);
        let clock = runtime.clock.clone();
        let ready = clock.now();
        drop(handle.spawn(async move { done.try_send(clock.now()) }));
        let Ok(ran) = ran.recv() else {
            return;
        };
        let delay = ran.since(ready).as_secs_f64();
        delays.record(delay, std::slice::from_ref(&runtime.name));
        std::thread::sleep(PROBE_INTERVAL);
    }
}
