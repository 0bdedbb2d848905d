//! What keeps an override from having an effect.

use std::fmt;

use tracing_core::{LevelFilter, Metadata};

use super::{BaseFilter, Verbosity};

/// A target that our filter lets through while an override is set, whatever that one says.
const THROUGH: &str = "telemetry_log::probe::through";

/// A target that our filter asks about and refuses.
const REFUSED: &str = "telemetry_log::probe::refused";

/// Why lines that an override lets through are not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defeat {
    /// A feature `max_level_*` or `release_max_level_*` of `tracing` left more verbose lines out of the
    /// program when it was compiled.
    CompiledOut(LevelFilter),
    /// Another filter of the subscriber turns them off for all layers.
    OtherFilter,
}

impl fmt::Display for Defeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CompiledOut(level) => write!(
                f,
                "`tracing` was compiled with a feature max_level_{level}: remove it, or the log can \
                 never be more verbose"
            ),
            Self::OtherFilter => f.write_str(
                "another level filter of the subscriber turns the lines off for all layers: attach it \
                 to its layer with `with_filter`, or remove it",
            ),
        }
    }
}

/// What is asked to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Through,
    Refused,
}

impl Probe {
    #[inline]
    pub(super) fn of(metadata: &Metadata<'_>) -> Option<Self> {
        let target = metadata.target();
        // most are of another length
        if target.len() != THROUGH.len() {
            return None;
        }
        match target {
            THROUGH => Some(Self::Through),
            REFUSED => Some(Self::Refused),
            _ => None,
        }
    }
}

/// Looks whether a DEBUG line would pass the subscriber that is current here, which has an override for
/// such lines.
pub(super) fn find(verbosity: &Verbosity) -> Option<Defeat> {
    let compiled = tracing::level_filters::STATIC_MAX_LEVEL;
    if compiled < LevelFilter::DEBUG {
        return Some(Defeat::CompiledOut(compiled));
    }
    let is_here = tracing::dispatcher::get_default(|dispatch| {
        let filter = dispatch.downcast_ref::<BaseFilter>();
        filter.is_some_and(|filter| filter.is_of(verbosity))
    });
    if !is_here {
        return None;
    }
    let passes = tracing::enabled!(target: THROUGH, tracing::Level::DEBUG);
    // filters of single layers have kept their verdict for the next event: this makes them forget it
    let _refused = tracing::enabled!(target: REFUSED, tracing::Level::DEBUG);
    (!passes).then_some(Defeat::OtherFilter)
}
