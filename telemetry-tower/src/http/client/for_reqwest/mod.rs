//! The same around reqwest: its requests and responses are looked at as those of `http`.

mod error;
mod future;
mod middleware;
mod view;

use std::task::{Context, Poll};

use reqwest::{Request, Response};
use tower_service::Service;

use super::ClientService;
pub use future::ReqwestFuture;

impl<S> Service<Request> for ClientService<S>
where
    S: Service<Request, Response = Response, Error = reqwest::Error>,
{
    type Response = Response;
    type Error = reqwest::Error;
    type Future = ReqwestFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), reqwest::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let sent = view::send(&self.options, request, None, |request| {
            self.inner.call(request)
        });
        ReqwestFuture::new(sent)
    }
}
