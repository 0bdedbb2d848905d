//! The size of a request's body.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, Request, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

/// Counts the bytes of request bodies, inside a [`ServerLayer`](crate::ServerLayer) or a
/// [`ClientLayer`](crate::ClientLayer) with `body_sizes`.
///
/// It is needed only for requests that do not declare their length (chunked, streams of gRPC): it
/// wraps their body in another type, which costs an allocation in most frameworks. Without it
/// `http.request.body.size` is the `Content-Length` on a server, and the exact length of the body on
/// a client.
///
/// ```
/// use axum::{Router, routing::post};
/// use telemetry_tower::{CountRequestBody, ServerLayer};
///
/// let app: Router = Router::new()
///     .route("/upload", post(|body: axum::body::Bytes| async move { body.len().to_string() }))
///     .layer(CountRequestBody)
///     .layer(ServerLayer::new().body_sizes());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct CountRequestBody;

impl<S> Layer<S> for CountRequestBody {
    type Service = CountRequestBodyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CountRequestBodyService { inner }
    }
}

/// Passes requests on with a [`CountedBody`]; see [`CountRequestBody`].
#[derive(Clone, Debug)]
pub struct CountRequestBodyService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CountRequestBodyService<S>
where
    S: Service<Request<CountedBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let size = request.extensions().get::<RequestBodySize>().cloned();
        let counted = request.map(|inner| {
            if let Some(size) = &size {
                size.begin();
            }
            CountedBody { inner, size }
        });
        self.inner.call(counted)
    }
}

pin_project! {
    /// A body whose bytes are counted as they are read.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        inner: B,
        size: Option<RequestBodySize>,
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(cx));
        if let (Some(size), Some(Ok(frame))) = (this.size, &polled)
            && let Some(data) = frame.data_ref()
        {
            size.add(data.remaining());
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(feature = "reqwest")]
impl<B> CountedBody<B> {
    /// A body whose bytes are counted from now on.
    pub(crate) fn new(inner: B, size: &RequestBodySize) -> Self {
        size.begin();
        Self {
            inner,
            size: Some(size.clone()),
        }
    }
}

/// The size of the body of one request: declared, or counted so far.
#[derive(Clone, Debug)]
pub(crate) struct RequestBodySize(Arc<AtomicU64>);

/// Stands for a size that nobody knows.
const UNKNOWN: u64 = u64::MAX;

impl RequestBodySize {
    /// The size in the `Content-Length`, if there is one.
    pub(crate) fn declared(headers: &HeaderMap) -> Self {
        let length = headers.get(header::CONTENT_LENGTH);
        Self::known(length.and_then(|length| length.to_str().ok()?.parse().ok()))
    }

    /// This size, if it is known.
    pub(crate) fn known(size: Option<u64>) -> Self {
        Self(Arc::new(AtomicU64::new(size.unwrap_or(UNKNOWN))))
    }

    pub(crate) fn get(&self) -> Option<u64> {
        let size = self.0.load(Ordering::Relaxed);
        (size != UNKNOWN).then_some(size)
    }

    /// From now on the bytes are counted.
    fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
