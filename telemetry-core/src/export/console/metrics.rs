//! The exporter of metrics to a terminal: a table at each export.

use std::sync::Arc;

use super::attributes::{all_attributes, push_attributes};
use super::line::{Line, Style};
use super::terminal::Terminal;
use super::time;
use crate::export::memory::{CapturedMetric, CapturedPoint, CapturedPointValue};
use crate::export::writer::WriterThread;
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::metrics::{Number, Quantile, ValueTemporality};
use crate::pipeline::Batch;

/// Writes a table of all metrics at each export: a line for each series, with its value or, of a
/// distribution, its count, sum and quantiles.
#[derive(Debug)]
pub struct ConsoleMetricExporter {
    writer: Arc<WriterThread>,
    terminal: Terminal,
    text: Vec<u8>,
}

/// The most lines of a table; a terminal is no place for more.
const MAX_LINES: usize = 500;

/// Where values begin, so that they stand below each other.
const VALUE_COLUMN: usize = 28;

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

impl ConsoleMetricExporter {
    /// An exporter that writes for `terminal` to `writer`.
    #[must_use]
    pub fn new(writer: Arc<WriterThread>, terminal: Terminal) -> Self {
        Self {
            writer,
            terminal,
            text: Vec::new(),
        }
    }
}

impl Exporter for ConsoleMetricExporter {
    fn destination(&self) -> String {
        "console".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let metrics: Vec<_> = batch.items().map(CapturedMetric::read).collect();
        self.text = render(&metrics, self.terminal).into_bytes();
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let written = super::write(&self.writer, &mut self.text).map(|()| Accepted::all());
        Box::pin(std::future::ready(written))
    }

    fn release(&mut self) {
        self.text = Vec::new();
    }

    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(super::flush(&self.writer))
    }
}

pub(super) fn render(metrics: &[CapturedMetric], terminal: Terminal) -> String {
    let points = metrics.iter().flat_map(|metric| &metric.points);
    let Some(newest) = points.map(|point| point.unix_nanos).max() else {
        return String::new();
    };
    let mut head = Line::new(terminal.color);
    head.push(Style::Dim, &time::timestamp(newest));
    head.push(Style::Bold, " METRICS");
    let mut text = head.finish();
    let mut lines = 1;
    for metric in metrics {
        if lines >= MAX_LINES {
            break;
        }
        text.push_str(&title(metric, terminal));
        let mut series: Vec<_> = metric.points.iter().map(|of| row(of, terminal)).collect();
        series.sort_unstable();
        series.truncate(MAX_LINES.saturating_sub(lines));
        lines += 1 + series.len();
        text.extend(series.into_iter().map(|(_, row)| row));
    }
    let total: usize = metrics.iter().map(|metric| 1 + metric.points.len()).sum();
    if 1 + total > lines {
        let mut rest = Line::new(terminal.color);
        rest.push(Style::Dim, &format!("  … {} more lines", 1 + total - lines));
        text.push_str(&rest.finish());
    }
    text
}

fn title(metric: &CapturedMetric, terminal: Terminal) -> String {
    let mut line = Line::new(terminal.color);
    line.gap();
    line.push(Style::Cyan, &metric.name);
    if !metric.unit.is_empty() {
        line.push(Style::Dim, &format!(" [{}]", metric.unit));
    }
    if metric.temporality == ValueTemporality::Delta {
        line.push(Style::Dim, " since the last export");
    }
    line.finish()
}

/// A series: what it is sorted by, and its line.
fn row(point: &CapturedPoint, terminal: Terminal) -> (Vec<String>, String) {
    let mut line = Line::new(terminal.color);
    line.push(Style::Plain, "    ");
    line.push(Style::Bold, &value(&point.value));
    let attributes = all_attributes(&point.attributes);
    if !attributes.is_empty() {
        line.pad_to(VALUE_COLUMN);
        push_attributes(&mut line, &attributes, usize::MAX);
    }
    (attributes, line.finish())
}

fn value(value: &CapturedPointValue) -> String {
    let at = |(name, value): (&str, f64)| format!("{name}={}", short(value));
    match value {
        CapturedPointValue::Number(Number::F64(number)) => short(*number),
        CapturedPointValue::Number(Number::I64(number)) => number.to_string(),
        CapturedPointValue::Number(Number::U64(number)) => number.to_string(),
        CapturedPointValue::Histogram(histogram) => {
            let quantiles = QUANTILES.iter().filter_map(|(name, q)| {
                Some(match histogram.quantile(*q)? {
                    Quantile::At(value) => at((name, value)),
                    Quantile::Above(bound) => format!("{name}>{}", short(bound)),
                })
            });
            distribution(histogram.count(), histogram.sum, quantiles)
        }
        CapturedPointValue::ExponentialHistogram(histogram) => {
            let quantiles = QUANTILES
                .iter()
                .filter_map(|(name, q)| Some(at((name, histogram.quantile(*q)?))));
            distribution(histogram.count(), histogram.sum, quantiles)
        }
    }
}

fn distribution(count: u64, sum: f64, quantiles: impl Iterator<Item = String>) -> String {
    let mut text = format!("count={count} sum={}", short(sum));
    for quantile in quantiles {
        text.push(' ');
        text.push_str(&quantile);
    }
    text
}

/// A number with four digits after the first that is not zero; large ones whole.
fn short(number: f64) -> String {
    let magnitude = number.abs();
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let decimals = [1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001]
        .iter()
        .take_while(|bound| magnitude < **bound)
        .count();
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
