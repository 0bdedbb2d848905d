//! Severities and events that `tracing` has no word for.

use std::error::Error;
use std::fmt;

use opentelemetry::KeyValue;

/// The field that marks an ERROR event as fatal, with the value [`FATAL`]. No output shows it.
pub(crate) const SEVERITY_FIELD: &str = "otel.severity";

/// See [`SEVERITY_FIELD`].
pub(crate) const FATAL: &str = "FATAL";

/// The field that carries an [`Attributes`] value. No output of ours shows it as such.
pub(crate) const ATTRIBUTES_FIELD: &str = "event.attributes";

/// Records a change event: a deployment, a change of configuration, a feature flag.
///
/// It is an INFO event of target `telemetry`: a JSON line with `event.name` and the attributes,
/// and an OTLP log record with its event name. An attribute that has a name of the line's own is
/// written as `fields.<name>`. `tracing::info!(event.name = "…")` does the same for attributes
/// whose names are known when the program is compiled.
///
/// # Examples
///
/// ```
/// use opentelemetry::KeyValue;
///
/// telemetry_log::event("deployment", [KeyValue::new("version", "1.4.2")]);
/// ```
pub fn event(name: &str, attributes: impl IntoIterator<Item = KeyValue>) {
    let attributes = Attributes(attributes.into_iter().collect());
    let attributes: &(dyn Error + 'static) = &attributes;
    tracing::event!(
        target: "telemetry",
        tracing::Level::INFO,
        { event.name = name, event.attributes = attributes },
        "{name}"
    );
}

/// Records an event of severity FATAL: the process cannot go on.
///
/// Takes what `tracing::error!` takes. For layers that know no such severity it is an ERROR
/// event. It records only: to end the process, and how, is the caller's business.
///
/// ```
/// telemetry_log::fatal!(port = 3000, "cannot listen: {}", "address in use");
/// telemetry_log::fatal!(target: "storage", "disk lost");
/// ```
#[macro_export]
macro_rules! fatal {
    (target: $target:expr, parent: $parent:expr, $($arg:tt)+) => {
        $crate::__macro_support::event!(
            target: $target, parent: $parent, $crate::__macro_support::Level::ERROR,
            otel.severity = "FATAL", $($arg)+
        )
    };
    (parent: $parent:expr, $($arg:tt)+) => {
        $crate::__macro_support::event!(
            parent: $parent, $crate::__macro_support::Level::ERROR,
            otel.severity = "FATAL", $($arg)+
        )
    };
    (target: $target:expr, $($arg:tt)+) => {
        $crate::__macro_support::event!(
            target: $target, $crate::__macro_support::Level::ERROR,
            otel.severity = "FATAL", $($arg)+
        )
    };
    ($($arg:tt)+) => {
        $crate::__macro_support::event!(
            $crate::__macro_support::Level::ERROR, otel.severity = "FATAL", $($arg)+
        )
    };
}

/// Attributes whose names are not known at the callsite. They travel as an error value, the only
/// kind of field value that a layer can get back as the type that it was.
#[derive(Debug)]
pub(crate) struct Attributes(pub(crate) Vec<KeyValue>);

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, KeyValue { key, value, .. }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

impl Error for Attributes {}
