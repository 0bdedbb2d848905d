//! What `tracing` cannot say about a span.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use tracing::Span;
use tracing_core::span::Id;
use tracing_core::{Dispatch, Metadata};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

use super::engine::key_values;
use super::exception::Exception;
use super::layer::SpanLayer;
use super::record::Record;
use super::state::SpanState;
use super::table;
use crate::clock::Timestamp;
use crate::context::{SpanContext, current};
use crate::otlp::{Encode, Kind, StatusCode};

/// Adds to [`tracing::Span`] what OpenTelemetry has and `tracing` has not.
///
/// Everything here does nothing where the span is disabled or no telemetry layer is installed.
///
/// ```
/// use telemetry_core::trace::SpanExt;
///
/// let span = tracing::info_span!("charge");
/// span.set_attribute("payment.provider", "acme");
/// span.update_name("charge acme");
/// ```
pub trait SpanExt: sealed::Sealed {
    /// The span's identity, to send or to link to; `None` where the span is not recorded by us.
    fn span_context(&self) -> Option<SpanContext>;

    /// Makes this span a child of `parent`, usually from another process. A parent without valid
    /// ids changes nothing.
    ///
    /// It works as if the span had been made so while the span is a local root and nobody has
    /// used its ids: no child, no log line, no request has gone out. Attributes set before are
    /// kept if the span was sampled by its own decision. Another thread in which the span is
    /// entered meanwhile keeps the old ids until it leaves.
    ///
    /// # Errors
    ///
    /// [`SetParentError::IdsInUse`] if it comes too late; then the parent becomes a link. Hand
    /// the parent over when the span is made instead: [`with_remote_parent`](super::with_remote_parent).
    /// [`SetParentError::NotRecorded`] if there is no span to change.
    fn set_parent(&self, parent: SpanContext) -> Result<(), SetParentError>;

    /// Links this span to another.
    fn add_link(&self, to: &SpanContext, attributes: &[KeyValue]);

    /// Sets an attribute, replacing the value that its key has.
    fn set_attribute(&self, key: &str, value: impl Into<Value>);

    /// Sets many attributes at once.
    fn set_attributes<'a>(&self, attributes: impl IntoIterator<Item = &'a KeyValue>);

    /// Adds an event now.
    fn add_event(&self, name: &str, attributes: &[KeyValue]);

    /// Adds an exception event with the error's chain of sources. The status stays as it is: an
    /// error that is handled is no failure of the span.
    fn record_error(&self, error: &(dyn Error + 'static));

    /// Sets the status. `Ok` is final.
    fn set_status(&self, status: Status);

    /// Replaces the span's name.
    fn update_name(&self, name: impl Into<Cow<'static, str>>);
}

/// Why a span did not get a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetParentError {
    /// The span's ids were already used or it has a parent; a link was added instead.
    IdsInUse,
    /// The span is disabled, or no telemetry layer is installed.
    NotRecorded,
}

impl fmt::Display for SetParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdsInUse => "the span's ids are in use: its parent must be given when it is made (with_remote_parent); a link was added instead",
            Self::NotRecorded => "the span is disabled or no telemetry layer is installed: check the level filter and that init() has run",
        })
    }
}

impl Error for SetParentError {}

impl SpanExt for Span {
    fn span_context(&self) -> Option<SpanContext> {
        with_state(self, |_, state, _| state.span_context())
    }

    fn set_parent(&self, parent: SpanContext) -> Result<(), SetParentError> {
        self.with_subscriber(|(id, dispatch)| set_parent(dispatch, id, &parent))
            .unwrap_or(Err(SetParentError::NotRecorded))
    }

    fn add_link(&self, to: &SpanContext, attributes: &[KeyValue]) {
        with_record(self, |record| record.add_link(to, attributes));
    }

    fn set_attribute(&self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        with_record(self, |record| record.attributes.set(key, &value));
    }

    fn set_attributes<'a>(&self, attributes: impl IntoIterator<Item = &'a KeyValue>) {
        // the iterator is the user's code: run it before the span is locked
        let attributes: Vec<&KeyValue> = attributes.into_iter().collect();
        with_record(self, |record| {
            record.attributes.extend(
                attributes
                    .iter()
                    .map(|entry| (entry.key.as_str(), &entry.value)),
            );
        });
    }

    fn add_event(&self, name: &str, attributes: &[KeyValue]) {
        with_state(self, |layer, state, _| {
            let now = layer.engine().clock().now().unix_nanos_from(state.start);
            if let Some(record) = state.record.as_deref_mut() {
                let mut event = record.event_attributes();
                event.extend(
                    attributes
                        .iter()
                        .map(|entry| (entry.key.as_str(), &entry.value)),
                );
                record.add_event(now, name, &event);
            }
        });
    }

    fn record_error(&self, error: &(dyn Error + 'static)) {
        let exception = Exception::of(error);
        with_state(self, |layer, state, _| {
            let now = layer.engine().clock().now().unix_nanos_from(state.start);
            if let Some(record) = state.record.as_deref_mut() {
                record.add_exception(now, &exception);
            }
        });
    }

    fn set_status(&self, status: Status) {
        with_record(self, |record| match status {
            Status::Unset => {}
            Status::Ok => record.set_status(StatusCode::Ok, ""),
            Status::Error { description } => record.set_status(StatusCode::Error, description),
        });
    }

    fn update_name(&self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        with_record(self, |record| record.set_name(&name));
    }
}

/// Changes the record of a sampled span; `None` if it has none.
///
/// The span is locked meanwhile: `change` must not run anybody else's code.
pub fn with_record<T>(span: &Span, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
    with_state(span, |_, state, _| state.record.as_deref_mut().map(change)).flatten()
}

/// Ends a span now, after a last `change` of its record, instead of when its last handle is dropped:
/// what outlives a request must not make its span longer.
///
/// The ids stay current where the span is entered; what is recorded afterwards is lost. Does
/// nothing for a span that is not sampled or has ended, and returns `None`; else when it ended. The
/// span is locked meanwhile: `change` must not run anybody else's code.
pub fn end(span: &Span, change: impl FnOnce(&mut Record)) -> Option<Timestamp> {
    with_state(span, |layer, state, metadata| {
        let record = state.record.as_deref_mut()?;
        change(record);
        state.mark_used();
        let scope = super::scope_of(metadata);
        Some(layer.engine().end(state, scope, metadata.name()))
    })?
}

/// Sets one attribute of a sampled span.
pub fn set_attribute(span: &Span, key: &str, value: impl Encode) {
    with_record(span, |record| record.attributes.set(key, value));
}

fn set_parent(dispatch: &Dispatch, id: &Id, parent: &SpanContext) -> Result<(), SetParentError> {
    let layer = dispatch
        .downcast_ref::<SpanLayer>()
        .ok_or(SetParentError::NotRecorded)?;
    let key = layer.key(id);
    let refuse = |state: &mut SpanState| {
        layer.engine().counters().parent_too_late();
        if let Some(record) = state.record.as_deref_mut() {
            record.add_link(parent, &[]);
        }
        SetParentError::IdsInUse
    };
    let is_free =
        |state: &SpanState| state.is_local_root() && !state.is_used() && !current::is_used(key);
    let question = with_state_of(dispatch, id, |_, state, metadata| {
        if is_free(state) {
            Ok(Question::of(layer, state, metadata.name()))
        } else {
            Err(refuse(state))
        }
    });
    let Question {
        name,
        kind,
        attributes,
    } = question.unwrap_or(Err(SetParentError::NotRecorded))?;
    if !parent.is_valid() {
        return Ok(()); // no parent, as it was
    }
    // a sampler is the user's code: the span must not be locked while it decides
    let fresh = layer
        .engine()
        .start_with(Some(parent.clone()), &name, kind, &attributes, &[]);
    with_state_of(dispatch, id, |layer, state, _| {
        if !is_free(state) {
            return Err(refuse(state));
        }
        layer.engine().restart(state, fresh);
        table::forget(key.span);
        current::replace(state.slot(key));
        Ok(())
    })
    .unwrap_or(Err(SetParentError::NotRecorded))
}

/// What the sampler is asked anew.
struct Question {
    name: Cow<'static, str>,
    kind: Kind,
    attributes: Vec<KeyValue>,
}

impl Question {
    fn of(layer: &SpanLayer, state: &SpanState, name_of_span: &'static str) -> Self {
        let Some(record) = state.record.as_deref() else {
            return Self {
                name: Cow::Borrowed(name_of_span),
                kind: Kind::Internal,
                attributes: Vec::new(),
            };
        };
        let reads = layer.engine().sampler().reads_attributes(true);
        let name = record.name().map(|name| Cow::Owned(name.to_owned()));
        Self {
            name: name.unwrap_or(Cow::Borrowed(name_of_span)),
            kind: record.kind,
            attributes: if reads {
                key_values(record)
            } else {
                Vec::new()
            },
        }
    }
}

fn with_state<T>(
    span: &Span,
    act: impl FnOnce(&SpanLayer, &mut SpanState, &'static Metadata<'static>) -> T,
) -> Option<T> {
    span.with_subscriber(|(id, dispatch)| with_state_of(dispatch, id, act))
        .flatten()
}

pub(super) fn with_state_of<T>(
    dispatch: &Dispatch,
    id: &Id,
    act: impl FnOnce(&SpanLayer, &mut SpanState, &'static Metadata<'static>) -> T,
) -> Option<T> {
    let layer = dispatch.downcast_ref::<SpanLayer>()?;
    let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
    let mut extensions = span.extensions_mut();
    let state = extensions.get_mut::<SpanState>()?;
    Some(act(layer, state, span.metadata()))
}

mod sealed {
    #[expect(
        unnameable_types,
        reason = "sealed: only tracing's spans have the extension"
    )]
    pub trait Sealed {}
    impl Sealed for tracing::Span {}
}
