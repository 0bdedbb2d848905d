//! The response on its way.

use std::fmt::{Debug, Display};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::operation::Operation;

pin_project! {
    /// Polls the service's future inside the request's span.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // none once it has finished: what it held is dropped inside the span
        #[pin]
        inner: Option<F>,
        operation: Option<Operation>,
        answer: Answer,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(mut operation) = this.operation.take() {
                operation.run(|| this.inner.set(None));
                operation.cancel();
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(in crate::http) fn new(inner: F, operation: Operation, answer: Answer) -> Self {
        Self {
            inner: Some(inner),
            operation: Some(operation),
            answer,
        }
    }
}

/// What the service said, and what is to be told of it.
pub(in crate::http) type Finished<T> = (T, Operation, Answer);

impl<F: Future> ResponseFuture<F> {
    /// Polls the service's future; the operation is then the caller's to end.
    pub(in crate::http) fn poll_inner(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Finished<F::Output>> {
        let mut this = self.project();
        let Some(operation) = this.operation else {
            return Poll::Pending; // it has finished
        };
        let result = ready!(operation.run(|| poll_once(&mut this.inner, cx)));
        match this.operation.take() {
            Some(operation) => Poll::Ready((result, operation, *this.answer)),
            None => Poll::Pending,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Display + Debug,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, mut operation, answer) = ready!(self.poll_inner(cx));
        Poll::Ready(match result {
            Ok(response) => Ok(respond(response, operation, answer)),
            Err(error) => {
                operation.error(&error);
                operation.end();
                Err(error)
            }
        })
    }
}

/// Polls the future, and drops it when it has finished.
fn poll_once<F: Future>(inner: &mut Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    let Some(future) = inner.as_mut().as_pin_mut() else {
        return Poll::Pending;
    };
    let output = ready!(future.poll(cx));
    inner.set(None);
    Poll::Ready(output)
}

/// Notes the head of the response, and lets its body end the span.
pub(in crate::http) fn respond<B: Body>(
    response: Response<B>,
    mut operation: Operation,
    answer: Answer,
) -> Response<ResponseBody<B>> {
    let (mut parts, body) = response.into_parts();
    operation.response(parts.status, parts.version, &mut parts.headers);
    let body = if answer.has_body(parts.status) {
        ResponseBody::new(body, operation, &parts.headers)
    } else {
        ResponseBody::after(body, operation)
    };
    Response::from_parts(parts, body)
}

/// What the request's method says about the body of its response.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Answer {
    Whole,
    HeadOnly,
    Tunnel,
}

impl Answer {
    pub(in crate::http) fn to(method: &Method) -> Self {
        match *method {
            Method::HEAD => Self::HeadOnly,
            Method::CONNECT => Self::Tunnel,
            _ => Self::Whole,
        }
    }

    /// Whether the server sends a body with this status, RFC 9110 section 6.4.1. If not, it drops
    /// the body that the service made.
    fn has_body(self, status: StatusCode) -> bool {
        let none = status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        match self {
            Self::Whole => !none,
            Self::HeadOnly => false,
            Self::Tunnel => !none && !status.is_success(),
        }
    }
}
