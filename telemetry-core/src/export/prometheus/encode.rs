//! Families as text.

use std::collections::HashSet;
use std::sync::Arc;

use opentelemetry::Value;

use super::accept::Format;
use super::family::{Family, Type, describe};
use super::labels::Labels;
use super::number::{bound, put_f64, put_number, put_seconds, put_u64};
use super::problems::Problems;
use super::{exemplar, exponential, scope, text};
use crate::metrics::{AttributeSet, Exemplar, Metric, Number, Point, Points};

/// Appends families to a page.
#[derive(Debug)]
pub(super) struct Encoder<'p> {
    pub(super) out: Vec<u8>,
    pub(super) format: Format,
    pub(super) created: bool,
    pub(super) problems: &'p mut Problems,
}

impl Encoder<'_> {
    pub(super) fn put_family(&mut self, family: &Family<'_>) {
        self.put_head(family);
        let mut seen = may_repeat(&family.members).then(HashSet::new);
        for metric in &family.members {
            let mut series = SeriesEncoder::new(family, metric, self, seen.as_mut());
            match &metric.points {
                Points::Sum(points) if family.kind == Type::Counter => {
                    points.iter().for_each(|point| series.put_counter(point));
                }
                Points::Sum(points) | Points::Gauge(points) => {
                    points.iter().for_each(|point| series.put_gauge(point));
                }
                Points::Histogram(points) => {
                    let mut limits = Limits::default();
                    for point in points {
                        let value = &point.value;
                        limits.update(&value.bounds);
                        let least = value.range.map(|(least, _)| least);
                        series.put_histogram(point, &limits, &value.counts, value.sum, least);
                    }
                }
                Points::ExponentialHistogram(points) => {
                    let mut limits = Limits::default();
                    for point in points {
                        let (bounds, counts) = exponential::explicit(&point.value);
                        limits.update(&bounds.into());
                        let least = point.value.range.map(|(least, _)| least);
                        series.put_histogram(point, &limits, &counts, point.value.sum, least);
                    }
                }
            }
        }
    }

    fn put_head(&mut self, family: &Family<'_>) {
        let title = family.title(self.format);
        let out = &mut self.out;
        put_all(out, &[b"# HELP ", title.as_bytes(), b" "]);
        text::put_help(out, &family.help, self.format);
        let kind = family.kind.name().as_bytes();
        put_all(out, &[b"\n# TYPE ", title.as_bytes(), b" ", kind, b"\n"]);
        if self.format == Format::OpenMetrics && !family.unit.is_empty() {
            let unit = family.unit.as_bytes();
            put_all(out, &[b"# UNIT ", title.as_bytes(), b" ", unit, b"\n"]);
        }
    }
}

/// Appends the series of one metric.
struct SeriesEncoder<'e> {
    name: &'e [u8],
    metric: &'e Metric,
    scope: Vec<u8>,
    /// How the last point's attributes became labels.
    plan: Option<Labels>,
    /// The labels of the point at hand.
    labels: Vec<u8>,
    is_histogram: bool,
    exemplars: bool,
    created: bool,
    out: &'e mut Vec<u8>,
    problems: &'e mut Problems,
    seen: Option<&'e mut HashSet<Vec<u8>>>,
}

impl<'e> SeriesEncoder<'e> {
    fn new(
        family: &'e Family<'_>,
        metric: &'e Metric,
        encoder: &'e mut Encoder<'_>,
        seen: Option<&'e mut HashSet<Vec<u8>>>,
    ) -> Self {
        let open_metrics = encoder.format == Format::OpenMetrics;
        Self {
            name: family.name.as_bytes(),
            metric,
            scope: scope::labels(metric.descriptor.scope.scope().get()),
            plan: None,
            labels: Vec::new(),
            is_histogram: family.kind == Type::Histogram,
            exemplars: open_metrics,
            created: open_metrics && encoder.created,
            out: &mut encoder.out,
            problems: encoder.problems,
            seen,
        }
    }

    fn put_counter(&mut self, point: &Point<Number>) {
        let value = point.value.as_f64();
        if value.is_nan() || value < 0.0 {
            self.leave_out("is negative, which no counter can be");
        } else if self.begin(&point.attributes) {
            self.put_name(b"_total", b"");
            put_number(self.out, point.value);
            if let Some(exemplar) = point.exemplars.iter().max_by_key(|e| e.unix_nanos) {
                self.put_exemplar(exemplar);
            }
            self.out.push(b'\n');
            self.put_created(point.start_unix_nanos);
        }
    }

    fn put_gauge(&mut self, point: &Point<Number>) {
        if self.begin(&point.attributes) {
            self.put_name(b"", b"");
            put_number(self.out, point.value);
            self.out.push(b'\n');
        }
    }

    fn put_histogram<V>(
        &mut self,
        point: &Point<V>,
        limits: &Limits,
        counts: &[u64],
        sum: f64,
        least: Option<f64>,
    ) {
        if !self.begin(&point.attributes) {
            return;
        }
        let mut total = 0;
        let (mut from, mut above) = (0, f64::NEG_INFINITY);
        for limit in &limits.limits {
            total += counts.iter().take(limit.end).skip(from).sum::<u64>();
            self.put_name(b"_bucket", &limit.label);
            put_u64(self.out, total);
            let inside = |e: &&Exemplar| {
                let value = e.value.as_f64();
                value > above && value <= limit.bound
            };
            if let Some(exemplar) = point.exemplars.iter().rfind(inside) {
                self.put_exemplar(exemplar);
            }
            self.out.push(b'\n');
            (from, above) = (limit.end, limit.bound);
        }
        let grows = sum >= 0.0 && least.is_none_or(|least| least >= 0.0) && limits.positive();
        // classic text may count without a sum
        if grows || !self.exemplars {
            self.put_name(b"_count", b"");
            put_u64(self.out, total);
            self.out.push(b'\n');
        }
        if grows {
            self.put_name(b"_sum", b"");
            put_f64(self.out, sum);
            self.out.push(b'\n');
        }
        self.put_created(point.start_unix_nanos);
    }

    /// Makes the labels of a series. False if the page has it already.
    fn begin(&mut self, attributes: &AttributeSet) -> bool {
        self.labels.clone_from(&self.scope);
        if !attributes.is_empty() {
            let plan = self.plan.take().filter(|plan| plan.fit(attributes));
            let plan = plan.unwrap_or_else(|| {
                let rename = |name| scope::rename(name, self.is_histogram);
                Labels::new(attributes, rename)
            });
            plan.put(&mut self.labels, attributes);
            self.plan = Some(plan);
        }
        let is_new = match &mut self.seen {
            Some(seen) => seen.insert(self.labels.clone()),
            None => true,
        };
        if !is_new {
            self.leave_out("has the same name and labels as another");
        }
        is_new
    }

    fn leave_out(&mut self, why: &str) {
        self.problems.left_out += 1;
        self.problems.report(format!(
            "a series of {} is left out: it {why}",
            describe(self.metric)
        ));
    }

    /// Appends the name with its suffix and all labels, and a space.
    fn put_name(&mut self, suffix: &[u8], more: &[u8]) {
        put_all(self.out, &[self.name, suffix]);
        match (self.labels.is_empty(), more.is_empty()) {
            (true, true) => self.out.push(b' '),
            (true, false) => put_all(self.out, &[b"{", more, b"} "]),
            (false, true) => put_all(self.out, &[b"{", &self.labels, b"} "]),
            (false, false) => put_all(self.out, &[b"{", &self.labels, b",", more, b"} "]),
        }
    }

    fn put_exemplar(&mut self, exemplar: &Exemplar) {
        if self.exemplars && exemplar.value.as_f64().is_finite() {
            exemplar::put(self.out, exemplar);
        }
    }

    fn put_created(&mut self, start_unix_nanos: u64) {
        if self.created {
            self.put_name(b"_created", b"");
            put_seconds(self.out, start_unix_nanos);
            self.out.push(b'\n');
        }
    }
}

/// The labels `le` of a histogram's buckets, made once for all series with the same bounds.
#[derive(Default)]
struct Limits {
    bounds: Option<Arc<[f64]>>,
    limits: Vec<Limit>,
}

struct Limit {
    /// `le="…"`.
    label: Vec<u8>,
    bound: f64,
    /// The first bucket above.
    end: usize,
}

impl Limits {
    fn update(&mut self, bounds: &Arc<[f64]>) {
        if self
            .bounds
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, bounds))
        {
            return;
        }
        self.limits.clear();
        for (at, value) in bounds.iter().enumerate() {
            let above = self
                .limits
                .last()
                .map_or(f64::NEG_INFINITY, |limit| limit.bound);
            if value.is_finite() && *value > above {
                self.limits.push(Limit::new(*value, bound(*value), at + 1));
            }
        }
        self.limits
            .push(Limit::new(f64::INFINITY, "+Inf".to_owned(), usize::MAX));
        self.bounds = Some(Arc::clone(bounds));
    }

    fn positive(&self) -> bool {
        self.limits.first().is_some_and(|limit| limit.bound >= 0.0)
    }
}

impl Limit {
    fn new(bound: f64, text: String, end: usize) -> Self {
        let label = format!("le=\"{text}\"").into_bytes();
        Self { label, bound, end }
    }
}

/// Whether two series could get the same labels, so that each must be compared: never for one
/// metric whose series have the same keys with values of the same types.
fn may_repeat(members: &[&Metric]) -> bool {
    let [metric] = members else {
        return true;
    };
    match &metric.points {
        Points::Sum(points) | Points::Gauge(points) => differ(points),
        Points::Histogram(points) => differ(points),
        Points::ExponentialHistogram(points) => differ(points),
    }
}

fn differ<V>(points: &[Point<V>]) -> bool {
    let Some((first, others)) = points.split_first() else {
        return false;
    };
    let first = &*first.attributes;
    if others.is_empty() {
        return false;
    }
    let plan = Labels::new(first, |name| scope::rename(name, true));
    plan.join()
        || others
            .iter()
            .any(|point| !plan.fit(&point.attributes) || !same_types(first, &point.attributes))
}

/// Whether different values have different texts too.
fn same_types(first: &AttributeSet, second: &AttributeSet) -> bool {
    let same = |first: &Value, second: &Value| {
        matches!(
            (first, second),
            (Value::String(_), Value::String(_))
                | (Value::I64(_), Value::I64(_))
                | (Value::Bool(_), Value::Bool(_))
        )
    };
    let mut pairs = first.iter().zip(second);
    pairs.all(|(first, second)| same(&first.value, &second.value))
}

fn put_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}
