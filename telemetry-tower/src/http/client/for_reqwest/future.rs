//! The response on its way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use reqwest::Response;

use super::error::Told;
use super::view;
use crate::http::server::ResponseFuture;
use crate::http::server::future::Finished;

pin_project! {
    /// Polls reqwest's future inside the request's span.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ReqwestFuture<F> {
        #[pin]
        inner: ResponseFuture<F>,
    }
}

impl<F> ReqwestFuture<F> {
    pub(super) fn new(inner: ResponseFuture<F>) -> Self {
        Self { inner }
    }
}

impl<F> Future for ReqwestFuture<F>
where
    F: Future<Output = reqwest::Result<Response>>,
{
    type Output = reqwest::Result<Response>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let finished = ready!(self.project().inner.poll_inner(cx));
        Poll::Ready(finish(finished))
    }
}

/// Lets the response end the span, or the error, as it is told.
pub(super) fn finish<E>(
    (result, mut operation, answer): Finished<Result<Response, E>>,
) -> Result<Response, E>
where
    for<'a> Told<'a>: From<&'a E>,
{
    match result {
        Ok(response) => Ok(view::receive(response, operation, answer)),
        Err(error) => {
            let told = Told::from(&error);
            operation.failed(told.type_name(), &told);
            operation.end();
            Err(error)
        }
    }
}
