//! What keeps a series.

use std::ops::Deref;
use std::sync::Arc;

use super::series::Series;

/// Keeps a series from expiring until it is dropped.
#[derive(Debug)]
pub(super) struct Pin(Arc<Series>);

impl Pin {
    pub(super) fn new(series: Arc<Series>) -> Self {
        series.pin();
        Self(series)
    }
}

impl Deref for Pin {
    type Target = Series;

    #[inline]
    fn deref(&self) -> &Series {
        &self.0
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.unpin();
    }
}
