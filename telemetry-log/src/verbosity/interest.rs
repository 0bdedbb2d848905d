//! What `tracing` and `log` remember of what the filter said.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a thread waits for another one that asks every callsite already. That takes some 30 µs
/// for a thousand; only foreign code that hangs could take longer.
const PATIENCE: Duration = Duration::from_secs(1);

static PROGRESS: Mutex<Progress> = Mutex::new(Progress {
    asked: 0,
    done: 0,
    running: false,
});

static DONE: Condvar = Condvar::new();

thread_local! {
    static REBUILDING: Cell<bool> = const { Cell::new(false) };
}

/// The interest of a callsite is the last that somebody stored, not the newest that the filter
/// said: so one thread asks at a time, and asks again if something changed meanwhile.
#[derive(Debug)]
struct Progress {
    asked: u64,
    done: u64,
    running: bool,
}

/// Asks the filter about every callsite again, and tells `log` the most verbose level that
/// `max_log_level` gives, if any. No lock is held meanwhile: every layer of the process is asked,
/// and may do what it likes. When it returns, what the caller changed is in force.
pub(super) fn rebuild(max_log_level: impl Fn() -> Option<log::LevelFilter>) {
    let mut progress = lock();
    progress.asked += 1;
    let ticket = progress.asked;
    if progress.running {
        // a layer that changes the level while it is asked would wait for itself
        if !REBUILDING.get() {
            let waiting = DONE.wait_timeout_while(progress, PATIENCE, |it| it.done < ticket);
            drop(waiting);
        }
        return;
    }
    progress.running = true;
    drop(progress);
    let mut turn = Turn { done: 0 };
    REBUILDING.set(true);
    while let Some(asked) = turn.next() {
        tracing_core::callsite::rebuild_interest_cache();
        if let Some(level) = max_log_level() {
            log::set_max_level(level);
        }
        turn.done = asked;
    }
}

/// Ends the turn also if a layer panics.
struct Turn {
    done: u64,
}

impl Turn {
    /// What is to be done next; none ends the turn.
    fn next(&self) -> Option<u64> {
        let mut progress = lock();
        progress.done = progress.done.max(self.done);
        DONE.notify_all();
        if progress.done < progress.asked {
            return Some(progress.asked);
        }
        progress.running = false;
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        REBUILDING.set(false);
        lock().running = false;
    }
}

fn lock() -> MutexGuard<'static, Progress> {
    PROGRESS.lock().unwrap_or_else(PoisonError::into_inner)
}
