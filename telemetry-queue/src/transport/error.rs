//! Why a transport did not do what it was asked.

use std::error::Error;
use std::fmt;

/// Why a transport did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// The queue has as many messages as it may have. Try again later, or raise its capacity.
    Full,
    /// The transport was closed.
    Closed,
    /// The broker, or the way to it.
    Broker(Box<dyn Error + Send + Sync>),
}

impl TransportError {
    /// The `error.type` of spans and metrics.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Closed => "closed",
            Self::Broker(_) => "broker",
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue is full: try again later, or raise its capacity",
            Self::Closed => "the transport was closed: publish and consume before that",
            Self::Broker(_) => {
                "the broker did not answer as it should: see the source of this error"
            }
        })
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broker(source) => Some(&**source),
            _ => None,
        }
    }
}
