//! Reading an answer without trusting its length.

use bytes::{Buf as _, BufMut as _};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt as _;

use super::connect::BoxError;

/// The most that is read of an answer, as in the OpenTelemetry SDKs; an honest one has some
/// dozens of bytes.
pub(super) const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The body of an answer and what came after it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// Why there is not more of it.
    pub(crate) cut: Option<Cut>,
}

#[derive(Debug)]
pub(crate) enum Cut {
    /// It is longer than what is read.
    TooLong,
    /// The connection failed.
    Broken(BoxError),
}

impl Answer {
    /// Reads to the end, or as far as it goes.
    pub(crate) async fn read<B>(body: B) -> Self
    where
        B: Body + Unpin,
        B::Error: Into<BoxError>,
    {
        Self::read_up_to(MAX_ANSWER, body).await
    }

    /// Reads to the end, or as far as it goes, at most so many bytes.
    pub(crate) async fn read_up_to<B>(max: usize, mut body: B) -> Self
    where
        B: Body + Unpin,
        B::Error: Into<BoxError>,
    {
        let mut answer = Self::default();
        while let Some(frame) = body.frame().await {
            match frame.map(http_body::Frame::into_data) {
                Err(error) => {
                    answer.cut = Some(Cut::Broken(error.into()));
                    break;
                }
                Ok(Ok(data)) if data.remaining() > max - answer.body.len() => {
                    answer.cut = Some(Cut::TooLong);
                    break;
                }
                Ok(Ok(data)) => answer.body.put(data),
                Ok(Err(frame)) => answer
                    .trailers
                    .extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        answer
    }
}
