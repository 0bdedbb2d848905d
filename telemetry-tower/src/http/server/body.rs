//! The response's body.

use std::fmt::{Debug, Display};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::operation::Operation;

pin_project! {
    /// Polls the response's body inside the request's span, and ends the span with its last byte.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        // none once it was dropped, which happens inside the span
        #[pin]
        inner: Option<B>,
        operation: Option<Operation>,
        // the bytes that are still to come, if their number is known
        remaining: Option<u64>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(mut operation) = this.operation.take() {
                operation.run(|| this.inner.set(None));
                operation.leave();
            }
        }
    }
}

impl<B: Body> ResponseBody<B> {
    /// A body whose end ends the span.
    pub(in crate::http) fn new(inner: B, operation: Operation, headers: &HeaderMap) -> Self {
        // after the last byte of a gRPC response come its trailers
        let remaining = match operation.is_grpc() {
            true => None,
            false => length(&inner, headers),
        };
        if remaining == Some(0) || inner.is_end_stream() {
            return Self::after(inner, operation);
        }
        Self {
            inner: Some(inner),
            operation: Some(operation),
            remaining,
        }
    }

    /// A body that nobody polls: the span ends now.
    pub(in crate::http) fn after(inner: B, operation: Operation) -> Self {
        operation.end();
        Self {
            inner: Some(inner),
            operation: None,
            remaining: None,
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self {
            inner: Some(B::default()),
            operation: None,
            remaining: None,
        }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Error: Display + Debug,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(operation) = this.operation else {
            return inner.poll_frame(cx);
        };
        let polled = ready!(operation.run(|| inner.as_mut().poll_frame(cx)));
        if let Some(Ok(frame)) = &polled {
            match (frame.data_ref(), frame.trailers_ref()) {
                (Some(data), _) => operation.sent(data.remaining()),
                (None, Some(trailers)) => operation.trailers(trailers),
                (None, None) => {}
            }
        }
        let last = match &polled {
            None => true,
            Some(Err(error)) => {
                operation.error(error);
                true
            }
            Some(Ok(frame)) => is_last(this.remaining, frame) || inner.is_end_stream(),
        };
        if last && let Some(operation) = this.operation.take() {
            operation.end();
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// How many bytes there will be, if it is known.
fn length<B: Body>(body: &B, headers: &HeaderMap) -> Option<u64> {
    let declared = || {
        let header = headers.get(header::CONTENT_LENGTH)?;
        header.to_str().ok()?.parse().ok()
    };
    body.size_hint().exact().or_else(declared)
}

/// Counts a frame. Returns whether the server does not poll again after it: it has the trailers,
/// or the last byte of a known length.
fn is_last<D: Buf>(remaining: &mut Option<u64>, frame: &Frame<D>) -> bool {
    let (Some(left), Some(data)) = (remaining, frame.data_ref()) else {
        return frame.is_trailers();
    };
    *left = left.saturating_sub(data.remaining() as u64);
    *left == 0
}
