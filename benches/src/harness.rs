//! How a case is measured.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::allocations;

/// One thing to measure, by one library. A process measures one case, because subscribers,
/// propagators and providers are global.
pub(crate) struct Case {
    /// Does it a number of times.
    pub(crate) run: Box<dyn FnMut(u64)>,
    /// Empties the queues that it filled; not measured.
    pub(crate) settle: Box<dyn FnMut()>,
    /// How often it is done between two readings of the clock.
    pub(crate) batch: u64,
}

/// What one operation costs the thread that does it.
pub(crate) struct Cost {
    pub(crate) nanos: f64,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

/// Few enough that the queues of all libraries hold what one batch puts in.
pub(crate) const BATCH: u64 = 1024;
const WARM_UP: usize = 30;
const BATCHES: usize = 100;

impl Case {
    /// A case with nothing to empty.
    pub(crate) fn new(run: impl FnMut(u64) + 'static) -> Self {
        Self::settled(run, || {})
    }

    pub(crate) fn settled(run: impl FnMut(u64) + 'static, settle: impl FnMut() + 'static) -> Self {
        Self {
            run: Box::new(run),
            settle: Box::new(settle),
            batch: BATCH,
        }
    }

    /// For what is done so many times at once or not at all.
    pub(crate) fn in_batches_of(self, batch: u64) -> Self {
        Self { batch, ..self }
    }

    /// Thread-CPU time as the median of batches, allocations as their mean.
    pub(crate) fn measure(mut self) -> Cost {
        self.repeat(WARM_UP);
        let mut nanos = Vec::with_capacity(BATCHES);
        let (mut count, mut bytes) = (0, 0);
        for _ in 0..BATCHES {
            let allocated = allocations::so_far();
            let start = thread_time();
            measured(&mut self.run, self.batch);
            nanos.push((thread_time() - start).as_nanos());
            let now = allocations::so_far();
            count += now.0 - allocated.0;
            bytes += now.1 - allocated.1;
            (self.settle)();
        }
        nanos.sort_unstable();
        let operations = self.batch * BATCHES as u64;
        Cost {
            nanos: ratio(nanos[BATCHES / 2], self.batch.into()),
            allocations: ratio(count.into(), operations.into()),
            bytes: ratio(bytes.into(), operations.into()),
        }
    }

    /// Runs some batches, for those who count instructions from outside.
    pub(crate) fn repeat(&mut self, batches: usize) {
        for _ in 0..batches {
            measured(&mut self.run, self.batch);
            (self.settle)();
        }
    }
}

/// The function within which instructions are counted.
#[inline(never)]
fn measured(run: &mut dyn FnMut(u64), count: u64) {
    run(count);
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "all far below 2^52")]
fn ratio(of: u128, to: u128) -> f64 {
    of as f64 / to as f64
}
