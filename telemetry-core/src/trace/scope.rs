//! The scope of a callsite: its target.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_core::Metadata;

use crate::otlp::ScopeId;

/// How many targets a thread remembers.
const ENTRIES: usize = 64;

thread_local! {
    static KNOWN: [Cell<Option<(usize, usize, ScopeId)>>; ENTRIES] = const { [const { Cell::new(None) }; ENTRIES] };
}

/// The scope named by a callsite's target.
#[inline]
#[must_use]
pub fn of(metadata: &'static Metadata<'static>) -> ScopeId {
    let target = metadata.target();
    // a target lives as long as the process, so that its address names it
    let address = target.as_ptr().addr();
    let place = (address ^ (address >> 6)) % ENTRIES;
    KNOWN.with(|known| match known[place].get() {
        Some((at, len, scope)) if at == address && len == target.len() => scope,
        _ => {
            let scope = ScopeId::of_name(target);
            known[place].set(Some((address, target.len(), scope)));
            scope
        }
    })
}

/// Whether some callsite in this process names a field twice; then keys are checked always.
static REPEATED: AtomicBool = AtomicBool::new(false);

#[inline]
pub(super) fn has_repeated_fields() -> bool {
    REPEATED.load(Ordering::Relaxed)
}

pub(super) fn note_fields(metadata: &Metadata<'_>) {
    let repeated = metadata.is_span()
        && metadata.fields().iter().enumerate().any(|(index, field)| {
            metadata
                .fields()
                .iter()
                .take(index)
                .any(|earlier| earlier.name() == field.name())
        });
    if repeated {
        REPEATED.store(true, Ordering::Relaxed);
    }
}
