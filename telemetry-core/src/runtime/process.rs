//! What the process takes of its machine.

use std::fs;

use opentelemetry::KeyValue;

use crate::clock::Clock;
use crate::metrics::{Number, Registry};
use crate::semconv::{self, signed};

/// Observes the process: its uptime everywhere; its processor time, memory, threads and file
/// descriptors where there is `/proc`, which is on Linux.
///
/// Everything is read when metrics are collected: some ten microseconds, and one more for each
/// hundred open files.
pub fn observe_process(registry: &Registry) {
    let meter = semconv::meter(registry);
    semconv::METRIC_PROCESS_CPU_TIME.observe_seconds(&meter, |out| {
        if let Some(stat) = Stat::read() {
            for (mode, ticks) in [("user", stat.user_ticks), ("system", stat.system_ticks)] {
                let mode = KeyValue::new(semconv::CPU_MODE, mode);
                out.observe(seconds(ticks), &[mode]);
            }
        }
    });
    semconv::METRIC_PROCESS_MEMORY_USAGE.observe_up_down_counter(&meter, |out| {
        if let Some(bytes) = resident_bytes() {
            out.observe(signed(bytes), &[]);
        }
    });
    semconv::METRIC_PROCESS_MEMORY_VIRTUAL.observe_up_down_counter(&meter, |out| {
        if let Some(stat) = Stat::read() {
            out.observe(signed(stat.virtual_bytes), &[]);
        }
    });
    semconv::METRIC_PROCESS_THREAD_COUNT.observe_up_down_counter(&meter, |out| {
        if let Some(stat) = Stat::read() {
            out.observe(signed(stat.threads), &[]);
        }
    });
    semconv::METRIC_PROCESS_UNIX_FILE_DESCRIPTOR_COUNT.observe_up_down_counter(&meter, |out| {
        if let Some(count) = descriptors() {
            out.observe(signed(count), &[]);
        }
    });
    let (clock, here) = (Clock::system(), Clock::system().now());
    semconv::METRIC_PROCESS_UPTIME.observe_gauge(&meter, move |out| {
        let here = clock.now().since(here).as_secs_f64();
        out.observe(uptime().unwrap_or(here), &[]);
    });
}

/// Clock ticks a second in `/proc`: the kernel's `USER_HZ`, which is 100 on all architectures that
/// Rust knows. Source: <https://man7.org/linux/man-pages/man7/time.7.html>.
const TICKS_PER_SECOND: f64 = 100.0;

/// What `/proc/self/stat` says of the whole process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    user_ticks: u64,
    system_ticks: u64,
    threads: u64,
    /// Since the machine started.
    start_ticks: u64,
    virtual_bytes: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// Source: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
    fn parse(text: &str) -> Option<Self> {
        // the name, in parentheses, may itself have spaces and parentheses
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse().ok();
        Some(Self {
            user_ticks: number(14)?,
            system_ticks: number(15)?,
            threads: number(20)?,
            start_ticks: number(22)?,
            virtual_bytes: number(23)?,
        })
    }
}

/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn descriptors() -> Option<usize> {
    // the folder is open while it is read
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(open.saturating_sub(1))
}

/// The time since the process started, in seconds.
fn uptime() -> Option<f64> {
    let machine = fs::read_to_string("/proc/uptime").ok()?;
    let machine: f64 = machine.split_ascii_whitespace().next()?.parse().ok()?;
    Some((machine - seconds(Stat::read()?.start_ticks)).max(0.0))
}

fn seconds(ticks: u64) -> f64 {
    Number::U64(ticks).as_f64() / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 1400 150 0 0 20 0 12 0 2200 23000000 24 25";
        let stat = Stat::parse(&format!("4711 (a) b (c) {fields}"));
        let expected = Stat {
            user_ticks: 1400,
            system_ticks: 150,
            threads: 12,
            start_ticks: 2200,
            virtual_bytes: 23_000_000,
        };
        assert_eq!(stat, Some(expected));
    }

    #[test]
    fn what_is_no_stat_is_nothing() {
        for text in [
            "",
            "4711 (a) S",
            "4711 (a) S x x x x x x x x x x x x x x x x x x x x",
        ] {
            assert_eq!(Stat::parse(text), None, "{text}");
        }
    }
}
