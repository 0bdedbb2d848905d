//! What is changed on the way from an instrument to its streams.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::Key;

use super::boundaries::{self, Boundaries};
use super::exponential::{MAX_SCALE, MAX_SIZE};
use super::snapshot::{Descriptor, InstrumentKind};
use crate::config::HistogramAggregation;

/// Selects instruments and says what becomes of their measurements.
///
/// An instrument that several views select has one stream for each; one that none selects has one
/// with the defaults.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#view>.
///
/// ```
/// use telemetry_core::metrics::{Aggregation, View};
///
/// let views = vec![
///     View::of("http.server.*").keep_attributes(["http.route", "http.response.status_code"]),
///     View::of("db.client.operation.duration").aggregate(Aggregation::exponential()),
///     View::of("chatty").drop(),
/// ];
/// # assert_eq!(views.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct View {
    name: String,
    kind: Option<InstrumentKind>,
    unit: Option<String>,
    scope: Option<String>,
    rename: Option<Cow<'static, str>>,
    description: Option<Cow<'static, str>>,
    aggregation: Aggregation,
    keep: Option<Arc<[Key]>>,
}

/// How measurements become points.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Aggregation {
    /// As the instrument's kind wants it.
    #[default]
    Default,
    /// Not at all.
    Drop,
    /// As a sum.
    Sum,
    /// As the last value.
    LastValue,
    /// As a distribution over buckets that end at these values.
    ExplicitBuckets(Vec<f64>),
    /// As a distribution over buckets that adapt.
    Exponential {
        /// The most buckets of positive, and of negative values; at least 2.
        max_size: u16,
        /// The finest scale, from -10 to 20.
        max_scale: i8,
    },
}

impl Aggregation {
    /// An exponential histogram of 160 buckets that begins at scale 20.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#base2-exponential-bucket-histogram-aggregation>.
    #[must_use]
    pub const fn exponential() -> Self {
        Self::Exponential {
            max_size: MAX_SIZE,
            max_scale: MAX_SCALE,
        }
    }
}

impl View {
    /// A view of the instruments with this name, in which `*` stands for any text and `?` for one
    /// character. Upper and lower case are the same.
    #[must_use]
    pub fn of(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: None,
            unit: None,
            scope: None,
            rename: None,
            description: None,
            aggregation: Aggregation::Default,
            keep: None,
        }
    }

    /// Only instruments of this kind.
    #[must_use]
    pub fn of_kind(mut self, kind: InstrumentKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only instruments with this unit.
    #[must_use]
    pub fn of_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Only instruments of meters with this name.
    #[must_use]
    pub fn of_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Gives the stream another name. Ignored, with a warning, if the view's name has `*` or `?`:
    /// several instruments would share one name.
    #[must_use]
    pub fn rename(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.rename = Some(name.into());
        self
    }

    /// Gives the stream another description.
    #[must_use]
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Aggregates measurements in another way.
    #[must_use]
    pub fn aggregate(mut self, aggregation: Aggregation) -> Self {
        self.aggregation = aggregation;
        self
    }

    /// Keeps nothing of the measurements.
    #[must_use]
    pub fn drop(self) -> Self {
        self.aggregate(Aggregation::Drop)
    }

    /// Keeps only these attributes; exemplars have the others.
    #[must_use]
    pub fn keep_attributes<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keep = Some(keys.into_iter().map(Into::into).collect());
        self
    }

    /// What is wrong with it, in words.
    pub(super) fn mistake(&self) -> Option<String> {
        let name = &self.name;
        if self.rename.is_some() && self.has_wildcard() {
            return Some(format!(
                "telemetry: the view of \"{name}\" renames several instruments to one name; the name is ignored. Name one instrument in the view"
            ));
        }
        match &self.aggregation {
            Aggregation::ExplicitBuckets(bounds) if !boundaries::are_valid(bounds) => {
                Some(format!(
                    "telemetry: the view of \"{name}\" has boundaries that are not finite and ascending; the default ones are used"
                ))
            }
            _ => None,
        }
    }

    fn has_wildcard(&self) -> bool {
        self.name.contains(['*', '?'])
    }

    fn selects(&self, instrument: &Descriptor) -> bool {
        let scope = instrument.scope.scope();
        let matches = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        self.kind.is_none_or(|kind| kind == instrument.kind)
            && matches(&self.unit, &instrument.unit)
            && matches(&self.scope, scope.get().name())
            && glob(
                self.name.to_ascii_lowercase().as_bytes(),
                instrument.name.to_ascii_lowercase().as_bytes(),
            )
    }

    fn stream(&self, instrument: &Descriptor, advice: &Advice) -> Option<StreamSpec> {
        let mut descriptor = instrument.clone();
        if let Some(name) = self.rename.clone().filter(|_| !self.has_wildcard()) {
            descriptor.name = name;
        }
        if let Some(description) = self.description.clone() {
            descriptor.description = description;
        }
        Some(StreamSpec {
            resolved: resolve(&self.aggregation, instrument, advice)?,
            descriptor,
            keep: self.keep.clone(),
        })
    }
}

/// Whether `*` and `?` in the pattern can be replaced so that it is the text.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut retry) = ((0, 0), None);
    while at.1 < text.len() {
        match pattern.get(at.0) {
            Some(b'*') => {
                retry = Some(at);
                at.0 += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at.1] => at = (at.0 + 1, at.1 + 1),
            // let the last star stand for one more
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    at = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at.0..].iter().all(|byte| *byte == b'*')
}

/// What else decides on the aggregation of histograms.
#[derive(Clone, Debug)]
pub(super) struct Advice {
    /// What the instrument asks for.
    pub(super) boundaries: Option<Arc<[f64]>>,
    pub(super) histograms: HistogramAggregation,
}

/// What a stream is to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StreamSpec {
    pub(super) descriptor: Descriptor,
    pub(super) resolved: Resolved,
    pub(super) keep: Option<Arc<[Key]>>,
}

/// How a stream aggregates, with nothing left open.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved {
    Sum,
    LastValue,
    Histogram(Arc<Boundaries>),
    Exponential { max_size: u16, max_scale: i8 },
}

/// The streams of an instrument.
pub(super) fn streams(views: &[View], instrument: &Descriptor, advice: &Advice) -> Vec<StreamSpec> {
    let selecting: Vec<_> = views.iter().filter(|v| v.selects(instrument)).collect();
    if selecting.is_empty() {
        return View::of("*")
            .stream(instrument, advice)
            .into_iter()
            .collect();
    }
    let streams = selecting.iter();
    streams
        .filter_map(|view| view.stream(instrument, advice))
        .collect()
}

fn resolve(aggregation: &Aggregation, of: &Descriptor, advice: &Advice) -> Option<Resolved> {
    Some(match aggregation {
        Aggregation::Drop => return None,
        Aggregation::Sum => Resolved::Sum,
        Aggregation::LastValue => Resolved::LastValue,
        Aggregation::ExplicitBuckets(bounds) if boundaries::are_valid(bounds) => {
            histogram(bounds.as_slice().into())
        }
        Aggregation::ExplicitBuckets(_) => explicit(of, advice),
        Aggregation::Exponential {
            max_size,
            max_scale,
        } => Resolved::Exponential {
            max_size: (*max_size).max(2),
            max_scale: (*max_scale).clamp(-10, MAX_SCALE),
        },
        Aggregation::Default => by_kind(of, advice),
    })
}

/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#default-aggregation>.
fn by_kind(of: &Descriptor, advice: &Advice) -> Resolved {
    match (of.kind, advice.histograms) {
        (InstrumentKind::Gauge | InstrumentKind::ObservableGauge, _) => Resolved::LastValue,
        (InstrumentKind::Histogram, HistogramAggregation::Base2Exponential) => {
            Resolved::Exponential {
                max_size: MAX_SIZE,
                max_scale: MAX_SCALE,
            }
        }
        (InstrumentKind::Histogram, HistogramAggregation::ExplicitBucket) => explicit(of, advice),
        _ => Resolved::Sum,
    }
}

fn explicit(of: &Descriptor, advice: &Advice) -> Resolved {
    let advised = advice.boundaries.clone();
    histogram(advised.unwrap_or_else(|| boundaries::of_unit(&of.unit)))
}

fn histogram(bounds: Arc<[f64]>) -> Resolved {
    Resolved::Histogram(Arc::new(bounds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a.b", true),
            ("a.*", "a.b.c", true),
            ("a.*", "b.a.c", false),
            ("*.c", "a.c.b.c", true),
            ("*b*d", "abcd", true),
            ("*b*d", "abc", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "ab", false),
            ("ab", "abc", false),
        ] {
            let got = glob(pattern.as_bytes(), text.as_bytes());
            assert_eq!(got, expected, "{pattern} on {text}");
        }
    }
}
