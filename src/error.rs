//! Why telemetry could not start.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

/// Why telemetry could not start. Each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {
    /// It was started before, there.
    AlreadyInitialized(&'static Location<'static>),
    /// Somebody else has set the global `tracing` subscriber.
    SubscriberSet,
    /// The operating system refused a thread.
    Thread(io::Error),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInitialized(at) => {
                write!(f, "telemetry was already initialized at {at}: keep that handle and remove this call")
            }
            Self::SubscriberSet => f.write_str(
                "another global tracing subscriber is set, so nothing would be recorded: remove its init(), \
                 or compose and keep the handle: let (telemetry, layers) = telemetry::layers()?; \
                 tracing_subscriber::registry().with(layers).with(yours).init()",
            ),
            Self::Thread(_) => f.write_str("the operating system refused to start the telemetry thread: check the limits of processes and threads"),
        }
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}
