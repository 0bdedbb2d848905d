//! The members that a line shares with others.

use telemetry_core::context::CurrentIds;
use telemetry_core::otlp::Severity;

use super::time::TimeText;

/// How many targets and severities a thread remembers.
const PARTS: usize = 16;

/// What a thread has rendered of late for a format's lines, around their messages.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    format: u64,
    before: [Part; PARTS],
    pub(super) after: Part,
}

/// Members, rendered but for the time.
#[derive(Debug, Default)]
pub(super) struct Part {
    key: Option<PartKey>,
    pub(super) text: Vec<u8>,
    /// Where the time belongs.
    pub(super) time_at: Option<usize>,
}

/// What a part's text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartKey {
    pub(super) severity: Option<Severity>,
    /// The target's address and length.
    pub(super) target: Option<(usize, usize)>,
    /// Whether nothing else will ever be at that address.
    pub(super) is_lasting: bool,
    pub(super) has_message: bool,
    pub(super) ids: Option<CurrentIds>,
}

impl Frame {
    /// Forgets what was rendered for another format.
    #[inline]
    pub(super) fn fit(&mut self, format: u64) {
        if self.format != format {
            *self = Self {
                format,
                ..Self::default()
            };
        }
    }

    /// The place for the members before the message.
    #[inline]
    pub(super) fn before(&mut self, key: &PartKey) -> &mut Part {
        let (address, len) = key.target.unwrap_or_default();
        let severity = key.severity.map_or(0, |severity| severity as usize);
        &mut self.before[(address ^ (address >> 5) ^ len ^ severity) % PARTS]
    }
}

impl Part {
    /// Whether the text is that of a key.
    #[inline]
    pub(super) fn is(&self, key: &PartKey) -> bool {
        key.is_lasting && self.key.as_ref() == Some(key)
    }

    pub(super) fn begin(&mut self, key: PartKey) {
        self.key = Some(key);
        self.text.clear();
        self.time_at = None;
    }

    /// Leaves room for the time.
    pub(super) fn put_time(&mut self) {
        let at = self.text.len();
        self.time_at = Some(at);
        self.text.resize(at + TimeText::LEN, b'0');
    }
}
