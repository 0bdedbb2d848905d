//! What must hold for any text: called by the fuzz target and, with saved seeds, by the tests.

use super::{Pattern, REDACTED, Redaction, RedactionRules};

/// Text that is searched by every pattern, and compared as a key.
///
/// # Panics
///
/// If what stays is no part of the text, or a part of what was found stays.
pub fn redact(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (_, pattern) in Pattern::NAMED {
        let redaction = Redaction::new(&RedactionRules::default().pattern(pattern));
        let _ = redaction.is_secret(&text);
        let Some(clean) = redaction.scrub(&text) else {
            continue;
        };
        assert!(clean.contains(REDACTED), "nothing was hidden");
        let mut rest = &*text;
        for (index, kept) in clean.split(REDACTED).enumerate() {
            let at = rest.find(kept);
            assert!(at.is_some(), "{kept} was not in the text");
            assert!(index > 0 || at == Some(0), "the beginning is missing");
            rest = &rest[at.unwrap_or_default() + kept.len()..];
        }
    }
}
