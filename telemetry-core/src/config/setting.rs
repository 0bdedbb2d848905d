//! One resolved value and where it came from.

use std::fmt;

/// A resolved setting: what a doctor prints and a status page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The variable that sets it; for a value without a variable, the builder's word for it.
    pub name: &'static str,
    /// The value in use, without secrets.
    pub value: String,
    /// Who decided.
    pub source: Source,
}

/// Who decided a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The program, through the builder.
    Code,
    /// This environment variable, which may be a more general one than the setting's own.
    Env(&'static str),
    /// Nobody: it is the default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("code"),
            Self::Env(variable) => f.write_str(variable),
            Self::Default => f.write_str("default"),
        }
    }
}
