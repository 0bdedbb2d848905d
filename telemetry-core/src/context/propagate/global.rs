//! The propagators of this process.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use super::{Baggage, Carrier, CarrierMut, Composite, Extracted, SpanContext};

static INSTALLED: OnceLock<Composite> = OnceLock::new();
static DEFAULT: LazyLock<Composite> = LazyLock::new(Composite::default);

/// The propagators were installed before and stay; holds those that were rejected.
#[derive(Debug)]
pub struct AlreadyInstalled(Composite);

impl AlreadyInstalled {
    /// The propagators that were rejected.
    #[must_use]
    pub fn into_rejected(self) -> Composite {
        self.0
    }
}

impl fmt::Display for AlreadyInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "propagators are installed already; install them once, before the first request",
        )
    }
}

impl std::error::Error for AlreadyInstalled {}

/// Makes these the propagators of the process, for good: reading them needs no lock.
///
/// # Errors
///
/// [`AlreadyInstalled`] from the second call on.
pub fn install(composite: Composite) -> Result<(), AlreadyInstalled> {
    INSTALLED.set(composite).map_err(AlreadyInstalled)
}

/// The propagators of the process: those installed, or until then W3C Trace Context and Baggage.
#[must_use]
pub fn global() -> &'static Composite {
    INSTALLED.get().unwrap_or_else(|| &DEFAULT)
}

/// What a carrier has, by the propagators of the process.
#[must_use]
pub fn extract(carrier: &dyn Carrier) -> Extracted {
    global().extract(carrier)
}

/// Writes a span context and baggage to a carrier, by the propagators of the process.
pub fn inject(span_context: &SpanContext, baggage: &Baggage, carrier: &mut dyn CarrierMut) {
    global().inject(span_context, baggage, carrier);
}
