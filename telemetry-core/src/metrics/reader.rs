//! What a reader makes of a snapshot: the values since its last collection, where it wants those.

mod change;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use change::Change;

use super::{
    Exemplar, ExponentialHistogram, Histogram, InstrumentKind, Number, Point, Points, SeriesId,
    Snapshot, ValueTemporality,
};
use crate::config::Temporality;

/// Gives snapshots of what was recorded.
pub trait Producer: Send + Sync {
    /// Everything recorded, after the callbacks of observable instruments have run. Those are
    /// foreign code, which may block or panic: the pipeline calls this on a thread of its own.
    fn collect(&self) -> Snapshot;

    /// Everything recorded but what callbacks observe; must not block. The pipeline asks for it when
    /// a callback blocks or panics. `None`, the default, if the producer has no such thing.
    fn without_callbacks(&self) -> Option<Snapshot> {
        None
    }
}

impl<F: Fn() -> Snapshot + Send + Sync> Producer for F {
    fn collect(&self) -> Snapshot {
        self()
    }
}

/// Turns cumulative snapshots into what a temporality wants. Each reader has its own memory of
/// the values that it saw last.
///
/// With [`Temporality::Delta`], sums and distributions count from the reader's last collection,
/// and their points start there. Series of synchronous instruments in which nothing was recorded
/// since are left out, those of observable ones are not, because they were asked:
/// <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#collect>. What goes up and down stays
/// cumulative:
/// <https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration>.
/// The least and the greatest value are known for the first change of a series only.
///
/// Exemplars are those since the last collection, whatever the temporality. A series that is no
/// longer in the snapshot is forgotten; one that begins anew counts from zero.
///
/// ```
/// use telemetry_core::config::Temporality;
/// use telemetry_core::metrics::{MetricReader, Snapshot};
///
/// let mut reader = MetricReader::new(Temporality::Delta);
/// let changes = reader.read(Snapshot::default());
/// assert!(changes.metrics.is_empty());
/// ```
#[derive(Debug)]
pub struct MetricReader {
    temporality: Temporality,
    sums: Seen<Number>,
    histograms: Seen<Histogram>,
    exponential: Seen<ExponentialHistogram>,
    last: Option<u64>,
}

/// The values of one kind at the last collection, and those of the one that is being read.
#[derive(Debug)]
struct Seen<V> {
    before: HashMap<SeriesId, Value<V>>,
    now: HashMap<SeriesId, Value<V>>,
}

#[derive(Debug)]
struct Value<V> {
    start_unix_nanos: u64,
    seen_unix_nanos: u64,
    value: V,
}

/// What is to become of the points of a metric.
#[derive(Clone, Copy)]
struct Reading {
    now: u64,
    last: Option<u64>,
    keep_unchanged: bool,
}

impl MetricReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new(temporality: Temporality) -> Self {
        Self {
            temporality,
            sums: Seen::default(),
            histograms: Seen::default(),
            exponential: Seen::default(),
            last: None,
        }
    }

    /// Reads the next snapshot. Metrics without a point are left out.
    #[must_use]
    pub fn read(&mut self, snapshot: Snapshot) -> Snapshot {
        let read = self.read_present(snapshot);
        self.sums.turn();
        self.histograms.turn();
        self.exponential.turn();
        read
    }

    /// Reads a snapshot that does not have everything, such as
    /// [`Producer::without_callbacks`]: what it lacks is not forgotten.
    #[must_use]
    pub fn read_part(&mut self, snapshot: Snapshot) -> Snapshot {
        let read = self.read_present(snapshot);
        self.sums.turn_part();
        self.histograms.turn_part();
        self.exponential.turn_part();
        read
    }

    fn read_present(&mut self, mut snapshot: Snapshot) -> Snapshot {
        let (now, last) = (snapshot.unix_nanos, self.last);
        for metric in &mut snapshot.metrics {
            let kind = metric.descriptor.kind;
            let reading = Reading {
                now,
                last,
                keep_unchanged: kind.is_observable(),
            };
            if let Some(last) = last {
                keep_new_exemplars(&mut metric.points, last, now);
            }
            if temporality_of(self.temporality, kind) == ValueTemporality::Delta {
                metric.temporality = ValueTemporality::Delta;
                self.read_changes(&mut metric.points, reading);
            }
        }
        snapshot.metrics.retain(|metric| !metric.points.is_empty());
        self.last = Some(now);
        snapshot
    }

    fn read_changes(&mut self, points: &mut Points, reading: Reading) {
        match points {
            Points::Sum(points) => self.sums.changes(points, reading),
            Points::Histogram(points) => self.histograms.changes(points, reading),
            Points::ExponentialHistogram(points) => self.exponential.changes(points, reading),
            // a last value is of no interval
            Points::Gauge(_) => {}
        }
    }
}

/// What the sums of an instrument count from.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration>.
#[must_use]
pub fn temporality_of(preference: Temporality, kind: InstrumentKind) -> ValueTemporality {
    use InstrumentKind::{
        Counter, Gauge, Histogram, ObservableCounter, ObservableGauge, ObservableUpDownCounter,
        UpDownCounter,
    };
    match (preference, kind) {
        (_, UpDownCounter | ObservableUpDownCounter)
        | (Temporality::LowMemory, ObservableCounter)
        | (Temporality::Cumulative, _) => ValueTemporality::Cumulative,
        (
            Temporality::Delta | Temporality::LowMemory,
            Counter | Histogram | Gauge | ObservableCounter | ObservableGauge,
        ) => ValueTemporality::Delta,
    }
}

impl<V: Change> Seen<V> {
    /// Replaces the values by their changes.
    fn changes(&mut self, points: &mut Vec<Point<V>>, reading: Reading) {
        points.retain_mut(|point| self.change(point, reading));
    }

    /// Replaces a value by its change. Returns whether the point is wanted.
    fn change(&mut self, point: &mut Point<V>, reading: Reading) -> bool {
        let start_unix_nanos = point.start_unix_nanos;
        let before = self.before.remove(&point.series);
        let before = before.filter(|seen| seen.start_unix_nanos == start_unix_nanos);
        let since = before.as_ref().map(|seen| seen.seen_unix_nanos);
        let value = point.value.clone();
        let changed = match before.and_then(|seen| point.value.since(seen.value)) {
            Some(change) => {
                let changed = !change.is_none();
                point.value = change;
                changed
            }
            None => true,
        };
        let seen = Value {
            start_unix_nanos,
            seen_unix_nanos: reading.now,
            value,
        };
        self.now.insert(point.series, seen);
        let since = since.or(reading.last).unwrap_or(0);
        // the wall clock may have been set back
        point.start_unix_nanos = start_unix_nanos.max(since).min(reading.now);
        changed || reading.keep_unchanged
    }

    /// As [`Seen::turn`], but what was not read now is kept.
    fn turn_part(&mut self) {
        self.before.extend(self.now.drain());
    }

    /// What was read now is what was read before, next time; what was not is forgotten.
    fn turn(&mut self) {
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
    }
}

impl<V> Default for Seen<V> {
    fn default() -> Self {
        Self {
            before: HashMap::new(),
            now: HashMap::new(),
        }
    }
}

/// If the wall clock was set back since the last collection, nobody knows which are new.
fn keep_new_exemplars(points: &mut Points, last: u64, now: u64) {
    fn of<V>(points: &mut [Point<V>], is_new: impl Fn(&Exemplar) -> bool) {
        for point in points {
            point.exemplars.retain(&is_new);
        }
    }
    let is_new = |exemplar: &Exemplar| exemplar.unix_nanos > last || now < last;
    match points {
        Points::Sum(points) | Points::Gauge(points) => of(points, is_new),
        Points::Histogram(points) => of(points, is_new),
        Points::ExponentialHistogram(points) => of(points, is_new),
    }
}
