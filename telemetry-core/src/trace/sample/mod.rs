//! Which traces are recorded: the head decision, taken when a span starts.

mod ratio;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

pub use ratio::Ratio;

use crate::context::{SpanContext, TraceState, current};

/// The head sampler.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sampler {
    /// Records every trace.
    AlwaysOn,
    /// Records none.
    AlwaysOff,
    /// Records this share of traces, by their id.
    Ratio(Ratio),
    /// Does what was decided before; if nothing was, the inner sampler decides.
    ParentBased(Box<Self>),
    /// Any sampler written for the OpenTelemetry SDK.
    ///
    /// It is given the parent in a [`Context`], the name, the kind, the attributes that the span
    /// has at its start (text, numbers and truth values) and the links; its attributes and its
    /// tracestate are used. A span that it wants only recorded is not: nothing here reads
    /// what no exporter sends. One that panics drops the span.
    Custom(Box<dyn ShouldSample>),
}

/// What the sampler said.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the parts of a SamplingResult")]
pub struct Decision {
    /// Whether the span is recorded and its trace is sampled.
    pub sampled: bool,
    /// The tracestate of the span.
    pub trace_state: TraceState,
    /// Attributes that the sampler adds.
    pub attributes: Vec<KeyValue>,
}

/// What the sampler is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) parent: Option<&'a SpanContext>,
    /// What was decided before: by the parent, by headers without a parent (B3's `0`), or by
    /// nobody, even though there is a parent (B3 can defer it).
    pub(crate) sampled: Option<bool>,
    pub(crate) trace_id: TraceId,
    pub(crate) name: &'a str,
    pub(crate) kind: &'a SpanKind,
    pub(crate) attributes: &'a [KeyValue],
    pub(crate) links: &'a [Link],
}

impl Sampler {
    /// `parentbased_always_on`, the specification's default.
    #[must_use]
    pub fn parent_based_always_on() -> Self {
        Self::ParentBased(Box::new(Self::AlwaysOn))
    }

    /// Whether the answer may depend on the span's attributes.
    pub(crate) fn reads_attributes(&self, has_parent: bool) -> bool {
        match self {
            Self::Custom(_) => true,
            Self::ParentBased(root) => !has_parent && root.reads_attributes(false),
            _ => false,
        }
    }

    pub(crate) fn decide(&self, question: Question<'_>) -> Decision {
        let inherited = || {
            question
                .parent
                .map(|parent| parent.trace_state().clone())
                .unwrap_or_default()
        };
        match self {
            Self::AlwaysOn => Decision::new(true, inherited()),
            Self::AlwaysOff => Decision::new(false, inherited()),
            Self::Ratio(ratio) => {
                let state = inherited();
                let sampled = ratio.samples(question.trace_id, &state);
                Decision::new(sampled, ratio.stamp(&state, sampled))
            }
            Self::ParentBased(root) => match question.sampled {
                Some(sampled) => Decision::new(sampled, inherited()),
                None => root.decide(question),
            },
            Self::Custom(sampler) => ask(sampler.as_ref(), question),
        }
    }
}

impl Decision {
    fn new(sampled: bool, trace_state: TraceState) -> Self {
        Self {
            sampled,
            trace_state,
            attributes: Vec::new(),
        }
    }
}

fn ask(sampler: &dyn ShouldSample, question: Question<'_>) -> Decision {
    let context = context_of(question.parent);
    let answer = catch_unwind(AssertUnwindSafe(|| {
        sampler.should_sample(
            Some(&context),
            question.trace_id,
            question.name,
            question.kind,
            question.attributes,
            question.links,
        )
    }));
    let Ok(SamplingResult {
        decision,
        attributes,
        trace_state,
    }) = answer
    else {
        let parent = question.parent.map(SpanContext::trace_state);
        return Decision::new(false, parent.cloned().unwrap_or_default());
    };
    Decision {
        sampled: decision == SamplingDecision::RecordAndSample,
        trace_state: TraceState::from_opentelemetry(&trace_state),
        attributes,
    }
}

/// The current context, whose baggage a sampler may read, with the parent as its span.
fn context_of(parent: Option<&SpanContext>) -> Context {
    let current = current::with_opentelemetry(Context::clone).unwrap_or_default();
    match parent {
        Some(parent) => current.with_remote_span_context(parent.into()),
        None if current.has_active_span() => Context::new(),
        None => current,
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysOn => f.write_str("always_on"),
            Self::AlwaysOff => f.write_str("always_off"),
            Self::Ratio(ratio) => write!(f, "traceidratio({})", ratio.probability()),
            Self::ParentBased(root) => write!(f, "parentbased_{root}"),
            Self::Custom(_) => f.write_str("custom"),
        }
    }
}

/// The flags of a new span: sampled by the decision; random if the trace's id is ours or the
/// parent said so. <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>
pub(crate) fn flags(parent: Option<&SpanContext>, sampled: bool) -> TraceFlags {
    let random = parent.map_or(RANDOM, |parent| parent.trace_flags().to_u8() & RANDOM);
    TraceFlags::new(random | u8::from(sampled))
}

const RANDOM: u8 = 0x02;
