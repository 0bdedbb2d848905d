//! How a call ended.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt::Display;

/// How a call ended, for its span and its metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub(super) error_type: Option<Cow<'static, str>>,
    pub(super) message: String,
    pub(super) hit: Option<bool>,
}

impl Verdict {
    /// It went well.
    #[must_use]
    pub fn success() -> Self {
        Self::default()
    }

    /// It failed. `error_type` is one of few, such as `timeout`: it is the `error.type` of the span
    /// and of the metrics. A message is for the span alone: [`Verdict::because`].
    #[must_use]
    pub fn failure(error_type: impl Into<Cow<'static, str>>) -> Self {
        Self {
            error_type: Some(error_type.into()),
            ..Self::default()
        }
    }

    /// Why it failed, in words.
    #[must_use]
    pub fn because(mut self, why: impl Display) -> Self {
        self.message = why.to_string();
        self
    }

    /// It was a look-up that found something, or did not.
    #[must_use]
    pub fn hit(mut self, hit: bool) -> Self {
        self.hit = Some(hit);
        self
    }
}

/// What can be told from a result: an `Err` is a failure, whose `error.type` is the name of its type.
pub trait Outcome {
    /// How the call ended.
    fn verdict(&self) -> Verdict;
}

/// What a cache gave: `None` is a miss, `Err` a failure.
pub trait Answer {
    /// How the look-up ended.
    fn verdict(&self) -> Verdict;
}

impl<T, E: Display> Outcome for Result<T, E> {
    fn verdict(&self) -> Verdict {
        self.as_ref().err().map_or_else(Verdict::success, failed)
    }
}

impl<T> Answer for Option<T> {
    fn verdict(&self) -> Verdict {
        Verdict::success().hit(self.is_some())
    }
}

impl<T, E: Display> Answer for Result<Option<T>, E> {
    fn verdict(&self) -> Verdict {
        match self {
            Ok(found) => found.verdict(),
            Err(error) => failed(error),
        }
    }
}

fn failed<E: Display>(error: &E) -> Verdict {
    Verdict::failure(type_name::<E>()).because(error)
}
