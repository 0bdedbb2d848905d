//! Reading an answer without trusting its length.

use std::pin::Pin;
use std::task::ready;

use bytes::Buf as _;
use http::HeaderMap;
use http_body::Body;

use super::connect::BoxError;

/// The most that is read of an answer, as in the OpenTelemetry SDKs; an honest one has some
/// dozens of bytes.
pub(super) const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The body of an answer and what came after it.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderMap,
    /// Why there is not more of it.
    pub(super) cut: Option<Cut>,
}

#[derive(Debug)]
pub(super) enum Cut {
    /// It is longer than [`MAX_ANSWER`].
    TooLong,
    /// The connection failed.
    Broken(BoxError),
}

impl Answer {
    /// Reads to the end, or as far as it goes.
    pub(super) async fn read<B>(body: B) -> Self
    where
        B: Body + Unpin,
        B::Error: Into<BoxError>,
    {
        let mut body = body;
        let mut answer = Self::default();
        while let Some(frame) = next(&mut body).await {
            match frame.map(http_body::Frame::into_data) {
                Err(error) => {
                    answer.cut = Some(Cut::Broken(error.into()));
                    break;
                }
                Ok(Ok(data)) if data.remaining() > MAX_ANSWER - answer.body.len() => {
                    answer.cut = Some(Cut::TooLong);
                    break;
                }
                Ok(Ok(mut data)) => {
                    while data.has_remaining() {
                        let chunk = data.chunk();
                        answer.body.extend_from_slice(chunk);
                        let read = chunk.len();
                        data.advance(read);
                    }
                }
                Ok(Err(frame)) => answer
                    .trailers
                    .extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        answer
    }
}

async fn next<B: Body + Unpin>(
    body: &mut B,
) -> Option<Result<http_body::Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|cx| {
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        std::task::Poll::Ready(frame)
    })
    .await
}
