//! `tracing` events that become events of their span.

use std::borrow::Cow;
use std::cell::RefCell;

use tracing_core::{Event, Level};

use super::engine::Engine;
use super::exception::Exception;
use super::state::SpanState;
use super::visit::{Special, Visitor};
use crate::clock::Timestamp;
use crate::otlp::{AnyValueView, Attributes};

/// An event, gathered before the span is locked: its values are the user's code.
pub(super) struct Happening {
    now: Timestamp,
    name: Cow<'static, str>,
    attributes: Attributes,
}

thread_local! {
    static SPARE: RefCell<Option<Attributes>> = const { RefCell::new(None) };
}

impl Happening {
    pub(super) fn gather(event: &Event<'_>, engine: &Engine) -> Self {
        let now = engine.clock().now();
        let mut attributes = take(engine);
        let mut special = Special::default();
        let mut exception = None;
        event.record(&mut Visitor {
            attributes: &mut attributes,
            special: &mut special,
            exception: &mut exception,
            again: true,
            event: true,
        });
        let name = if *event.metadata().level() == Level::ERROR {
            let message = special.message.as_deref();
            describe(&mut attributes, exception, message, event.metadata().name());
            Cow::Borrowed("exception")
        } else {
            special
                .message
                .map_or(Cow::Borrowed(event.metadata().name()), Cow::Owned)
        };
        Self {
            now,
            name,
            attributes,
        }
    }

    pub(super) fn add_to(&self, state: &mut SpanState) {
        let now = self.now.unix_nanos_from(state.start);
        if let Some(record) = state.record.as_deref_mut() {
            record.add_event(now, &self.name, &self.attributes);
        }
    }
}

/// Gives the event's memory back for the next one.
pub(super) fn put_back(happening: Happening) {
    let _ = SPARE.try_with(|spare| {
        spare
            .try_borrow_mut()
            .map(|mut spare| *spare = Some(happening.attributes))
    });
}

fn take(engine: &Engine) -> Attributes {
    let limits = engine.limits().event_attributes;
    let spare = SPARE
        .try_with(|spare| spare.try_borrow_mut().ok()?.take())
        .ok()
        .flatten();
    let mut attributes = spare.unwrap_or_else(|| Attributes::new(Attributes::EVENT, limits));
    attributes.clear(limits);
    attributes.set_redaction(engine.redaction());
    attributes
}

/// Adds what the conventions want of an exception: the error value if there was one, else an
/// `error` or `err` field, else the message, else where it was logged.
fn describe(
    attributes: &mut Attributes,
    exception: Option<Exception>,
    message: Option<&str>,
    place: &str,
) {
    let exception = exception.unwrap_or_else(|| {
        let field = attributes.get("error").or_else(|| attributes.get("err"));
        let text = match field {
            Some(AnyValueView::Str(text)) => text.to_owned(),
            _ => message.unwrap_or(place).to_owned(),
        };
        Exception::of_message(text)
    });
    exception.set_on(attributes);
    if let Some(message) = message.filter(|message| *message != exception.message) {
        attributes.set("message", message);
    }
}
