//! The members that a line shares with others.

use telemetry_core::context::CurrentIds;
use telemetry_core::otlp::Severity;

use super::format::JsonLine;
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
    pub(super) text: Vec<u8>,
    /// Where the time belongs.
    time_at: Option<usize>,
    of: PartKey,
}

/// What a part's text depends on.
#[derive(Clone, Copy, Debug, Default)]
struct PartKey {
    /// Whether nothing else will ever be at the target's address.
    is_lasting: bool,
    has_message: bool,
    severity: Option<Severity>,
    /// The target's address and length.
    target: (usize, usize),
    ids: Option<CurrentIds>,
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
    pub(super) fn before(&mut self, line: &JsonLine<'_>) -> &mut Part {
        let address = line.target.as_ptr().addr();
        &mut self.before[(address ^ (address >> 4) ^ line.severity as usize) % PARTS]
    }
}

impl Part {
    /// Whether the text is what a line wants there.
    #[inline]
    pub(super) fn suits(&self, line: &JsonLine<'_>, has_origin: bool, has_ids: bool) -> bool {
        let of = &self.of;
        let origin = (line.target.as_ptr().addr(), line.target.len());
        of.is_lasting
            && of.has_message == line.message.is_some()
            && (!has_origin
                || (line.is_static && of.target == origin && of.severity == Some(line.severity)))
            && (!has_ids || of.ids == line.ids)
    }

    /// Empties the text and notes for which lines the next one is.
    pub(super) fn begin(&mut self, line: &JsonLine<'_>, has_origin: bool) {
        self.text.clear();
        self.time_at = None;
        self.of = PartKey {
            is_lasting: line.is_static || !has_origin,
            has_message: line.message.is_some(),
            severity: Some(line.severity),
            target: (line.target.as_ptr().addr(), line.target.len()),
            ids: line.ids,
        };
    }

    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>, time: &[u8; TimeText::LEN]) {
        let start = out.len();
        out.extend_from_slice(&self.text);
        if let Some(at) = self.time_at
            && let Some(place) = out.get_mut(start + at..)
            && let Some(place) = place.first_chunk_mut()
        {
            *place = *time;
        }
    }

    /// Leaves room for the time.
    pub(super) fn put_time(&mut self) {
        let at = self.text.len();
        self.time_at = Some(at);
        self.text.resize(at + TimeText::LEN, b'0');
    }
}
