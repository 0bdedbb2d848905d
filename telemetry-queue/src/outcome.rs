//! How the processing of a message ended.

/// How the processing of a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a message may have failed"]
pub enum Outcome<T, E> {
    /// The handler is done; the message is gone from the queue.
    Done(T),
    /// The handler failed; the message comes again, or is a dead letter if it came often enough.
    Failed {
        /// What the handler said; `None` if it panicked.
        error: Option<E>,
        /// Whether it is a dead letter now.
        dead_letter: bool,
    },
}
