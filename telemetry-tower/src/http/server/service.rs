//! The service that makes spans.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::{Answer, ResponseFuture};
use super::options::Options;
use super::{ResponseBody, start};
use crate::RequestHead;

/// Makes a span of each request; see [`ServerLayer`](super::ServerLayer).
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
    options: Arc<Options>,
}

impl<S> ServerService<S> {
    pub(super) fn new(inner: S, options: Arc<Options>) -> Self {
        Self { inner, options }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside, without the spans.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + Debug,
    R: Body,
    R::Error: Display + Debug,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut operation = start::start(&self.options, RequestHead::of(&request));
        if let Some(notes) = operation.notes() {
            notes.tell(request.extensions_mut());
        }
        let answer = Answer::to(request.method());
        let inner = operation.run(|| self.inner.call(request));
        ResponseFuture::new(inner, operation, answer)
    }
}
