//! Ids in hexadecimal digits.

use telemetry_core::context::CurrentIds;

use super::value::put_hex;

/// The digits of the last ids, because most lines share them with the one before.
#[derive(Debug, Default)]
pub(crate) struct IdText {
    ids: Option<CurrentIds>,
    digits: Vec<u8>,
}

impl IdText {
    /// Renders the ids.
    #[inline]
    pub(crate) fn set(&mut self, ids: CurrentIds) {
        if self.ids != Some(ids) {
            self.ids = Some(ids);
            self.digits.clear();
            put_hex(&mut self.digits, ids.trace_id.to_bytes());
            put_hex(&mut self.digits, ids.span_id.to_bytes());
            put_hex(&mut self.digits, [ids.trace_flags.to_u8()]);
        }
    }

    #[inline]
    pub(super) fn trace_id(&self) -> &[u8] {
        &self.digits[..32]
    }

    #[inline]
    pub(super) fn span_id(&self) -> &[u8] {
        &self.digits[32..48]
    }

    #[inline]
    pub(super) fn trace_flags(&self) -> &[u8] {
        &self.digits[48..]
    }
}
