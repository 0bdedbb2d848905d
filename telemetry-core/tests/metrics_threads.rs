//! Nothing is lost, however many threads record and whenever they end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod metrics_support;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use metrics_support::{Bench, find, histogram_points, k, meter, number, total};
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use proptest::prelude::*;
use telemetry_core::metrics::{
    Aggregation, BoundCounter, BoundHistogram, Number, Registry, RegistrySettings, View, bind,
};

#[derive(Clone)]
struct Instruments {
    counter: Counter<u64>,
    bound: BoundCounter<f64>,
    level: UpDownCounter<i64>,
    histogram: Histogram<f64>,
    bound_histogram: BoundHistogram<u64>,
}

impl Instruments {
    fn new(registry: &Registry) -> Self {
        let meter = meter(registry);
        Self {
            counter: meter.u64_counter("counter").build(),
            bound: bind(&meter.f64_counter("bound").build(), &k("a")),
            level: meter.i64_up_down_counter("level").build(),
            histogram: meter.f64_histogram("histogram").build(),
            bound_histogram: bind(&meter.u64_histogram("bound_histogram").build(), &[]),
        }
    }

    /// Numbers whose sums are exact in any order.
    fn record(&self, times: u32) {
        for n in 0..times {
            self.counter.add(1, &k("a"));
            self.bound.add(0.25);
            self.level.add(if n % 3 == 0 { -3 } else { 1 }, &[]);
            self.histogram.record(f64::from(n % 8) * 10.0, &[]);
            self.bound_histogram.record(u64::from(n % 8));
        }
    }
}

/// What must be there after so many calls of `record` with these arguments.
#[derive(Default)]
struct Expected {
    calls: u64,
    level: i64,
    sum: u64,
    most: Option<u32>,
}

impl Expected {
    fn of(times: &[u32]) -> Self {
        let mut all = Self::default();
        for n in times.iter().flat_map(|times| 0..*times) {
            all.calls += 1;
            all.level += if n % 3 == 0 { -3 } else { 1 };
            all.sum += u64::from(n % 8);
            all.most = all.most.max(Some(n % 8));
        }
        all
    }

    fn check(&self, registry: &Registry) {
        let snapshot = registry.collect();
        assert_eq!(total(&snapshot, "counter"), self.calls);
        let quarters = f64::from(u32::try_from(self.calls).unwrap()) / 4.0;
        assert_eq!(number(&snapshot, "bound"), Number::F64(quarters));
        assert_eq!(number(&snapshot, "level"), Number::I64(self.level));
        for (name, unit) in [("histogram", 10.0), ("bound_histogram", 1.0)] {
            let points = histogram_points(&snapshot, name);
            let [point] = &points[..] else {
                panic!("{points:?}")
            };
            let sum = f64::from(u32::try_from(self.sum).unwrap()) * unit;
            assert_eq!(point.value.count(), self.calls, "{name}");
            assert_eq!(point.value.sum.to_bits(), sum.to_bits(), "{name}");
            let range = self.most.map(|most| (0.0, f64::from(most) * unit));
            assert_eq!(point.value.range, range, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Waves of threads, more at a time than have a place of their own. Some of each wave stay,
    /// and record again after the others have given their places back.
    #[test]
    fn threads_that_come_and_go_lose_nothing(
        waves in prop::collection::vec(prop::collection::vec((1_u32..400, any::<bool>()), 1..40), 1..5),
    ) {
        let bench = Bench::new();
        let instruments = Instruments::new(&bench.registry);
        let is_over = AtomicBool::new(false);
        let stay = Barrier::new(staying(&waves) + 1);
        let (is_over, all, stay) = (&is_over, &instruments, &stay);
        thread::scope(|scope| {
            scope.spawn(|| reads_never_go_back(&bench.registry, is_over));
            for wave in &waves {
                let together = Arc::new(Barrier::new(wave.len()));
                let threads: Vec<_> = wave.iter().map(|&(times, stays)| {
                    let together = Arc::clone(&together);
                    let thread = scope.spawn(move || {
                        all.record(times);
                        // all have a place, or know that there is none
                        together.wait();
                        all.record(times);
                        if stays {
                            stay.wait();
                            all.record(times);
                        }
                    });
                    (thread, stays)
                }).collect();
                // only then is a thread's place free again
                threads.into_iter().filter(|(_, stays)| !stays).for_each(|(t, _)| t.join().unwrap());
            }
            stay.wait();
            is_over.store(true, Ordering::Relaxed);
        });
        let times = waves.iter().flatten().flat_map(|&(times, stays)| {
            std::iter::repeat_n(times, if stays { 3 } else { 2 })
        });
        Expected::of(&times.collect::<Vec<_>>()).check(&bench.registry);
    }
}

fn staying(waves: &[Vec<(u32, bool)>]) -> usize {
    waves.iter().flatten().filter(|(_, stays)| *stays).count()
}

fn reads_never_go_back(registry: &Registry, is_over: &AtomicBool) {
    let mut last = 0;
    while !is_over.load(Ordering::Relaxed) {
        let snapshot = registry.collect();
        if find(&snapshot, "counter").is_some() {
            let now = total(&snapshot, "counter");
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        thread::yield_now();
    }
}

#[test]
fn what_a_thread_records_while_it_ends_counts() {
    /// Records when the thread's variables are destroyed.
    struct Last(RefCell<Option<Instruments>>);

    impl Drop for Last {
        fn drop(&mut self) {
            if let Some(instruments) = self.0.take() {
                instruments.record(5);
            }
        }
    }

    thread_local! {
        static EARLY: Last = const { Last(RefCell::new(None)) };
        static LATE: Last = const { Last(RefCell::new(None)) };
    }

    let bench = Bench::new();
    let instruments = Instruments::new(&bench.registry);
    for _ in 0..40 {
        let instruments = instruments.clone();
        let thread = thread::spawn(move || {
            // one is destroyed after the place is given back, the other before
            EARLY.with(|last| last.0.replace(Some(instruments.clone())));
            instruments.record(5);
            LATE.with(|last| last.0.replace(Some(instruments)));
        });
        thread.join().unwrap();
    }
    Expected::of(&[5; 120]).check(&bench.registry);
}

#[test]
fn handles_of_earlier_settings_lose_nothing() {
    const THREADS: usize = 6;
    const TIMES: u32 = 3000;
    let registry = Registry::new(RegistrySettings::default());
    let instruments = Instruments::new(&registry);
    instruments.record(9);
    let views = ["counter", "bound", "level", "histogram", "bound_histogram"].map(|name| {
        let view = View::of(name).describe("told later");
        if name == "histogram" {
            let bounds = vec![20.0, 40.0, 60.0];
            return view.aggregate(Aggregation::ExplicitBuckets(bounds));
        }
        view
    });
    registry.configure(RegistrySettings {
        views: views.into(),
        ..RegistrySettings::default()
    });
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| instruments.record(TIMES));
        }
        for _ in 0..50 {
            drop(registry.collect());
        }
    });
    let mut times = vec![TIMES; THREADS];
    times.push(9);
    let expected = Expected::of(&times);
    expected.check(&registry);
    // what was told once is not told again
    expected.check(&registry);
}
