//! A list or map of names and values as something to read a context from.

use std::ops::ControlFlow;

use http::HeaderName;
use telemetry_core::context::Carrier;

use super::Visit;

/// What has names and values that are text.
pub(super) trait Entries {
    /// Calls `visit` with each name and value that is text, in order.
    fn entries<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str));
}

/// Entries as a carrier of the core.
pub(super) struct View<'m, M: ?Sized>(pub(super) &'m M);

impl<'m, M: Entries> View<'m, M> {
    pub(super) fn show(entries: &'m M, visit: &mut Visit<'_>) -> ControlFlow<()> {
        visit(&Self(entries))
    }
}

impl<M: Entries + ?Sized> Carrier for View<'_, M> {
    fn get_all<'a>(&'a self, name: &HeaderName, visit: &mut dyn FnMut(&'a str)) {
        self.0.entries(&mut |key, value| {
            if key.eq_ignore_ascii_case(name.as_str()) {
                visit(value);
            }
        });
    }

    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
        self.0.entries(visit);
    }
}

pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
