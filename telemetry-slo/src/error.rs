//! What is wrong with a definition.

use std::fmt;

/// A definition that cannot work. Says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SloError {
    /// The text is no share.
    Ratio(String),
    /// A number is out of its range, which the text names.
    OutOfRange(&'static str),
    /// The objective of this id cannot be tracked, for the reason that follows.
    Objective {
        /// Whose definition it is.
        id: String,
        /// What is wrong and what would work.
        reason: String,
    },
}

impl fmt::Display for SloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(text) => write!(
                f,
                "{text:?} is no share: write a decimal from 0 to 1 with at most nine decimals, such as 0.999, or a percentage, such as 99.9%"
            ),
            Self::OutOfRange(range) => f.write_str(range),
            Self::Objective { id, reason } => write!(f, "SLO {id:?}: {reason}"),
        }
    }
}

impl std::error::Error for SloError {}
