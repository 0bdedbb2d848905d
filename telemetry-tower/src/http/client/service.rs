//! The service that makes spans.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{ClientLayer, start};
use crate::http::server::future::Answer;
use crate::http::server::options::Options;
use crate::http::server::{ResponseBody, ResponseFuture};

/// Puts a [`ClientLayer`] with its defaults around a service.
///
/// ```
/// # let transport = tower_layer::Identity::new();
/// let client = telemetry_tower::client(transport);
/// # let _ = client;
/// ```
pub fn client<S>(service: S) -> ClientService<S> {
    ClientLayer::new().layer(service)
}

/// Makes a span of each request that is sent; see [`ClientLayer`].
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    pub(super) inner: S,
    pub(super) options: Arc<Options>,
}

impl<S> ClientService<S> {
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

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + Debug,
    B: Body,
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
        let mut operation = {
            let length = request.body().size_hint().exact();
            start::start(&self.options, &mut request, length)
        };
        if let Some(notes) = operation.notes() {
            notes.tell(request.extensions_mut());
        }
        let answer = Answer::to(request.method());
        let inner = operation.run(|| self.inner.call(request));
        ResponseFuture::new(inner, operation, answer)
    }
}
