//! Which side of a call.

/// The side of a call that a layer is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a call has two sides")]
pub enum Side {
    /// It handles requests.
    Server,
    /// It sends requests.
    Client,
}
