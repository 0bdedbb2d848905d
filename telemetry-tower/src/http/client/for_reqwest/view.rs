//! What is the same in reqwest's types and those of `http`.

use std::sync::Arc;

use http::Extensions;
use http_body::Body as _;
use reqwest::{Body, Request, Response, ResponseBuilderExt};

use super::super::start;
use crate::http::server::future::{Answer, respond};
use crate::http::server::operation::Operation;
use crate::http::server::options::Options;
use crate::http::server::{ResponseBody, ResponseFuture};
use crate::request_body::CountedBody;

/// Begins a span for the request, and sends it by `send` inside of it. The hints are those that are
/// not in the request.
pub(super) fn send<F>(
    options: &Arc<Options>,
    mut request: Request,
    hints: Option<Extensions>,
    send: impl FnOnce(Request) -> F,
) -> ResponseFuture<F> {
    let mut view = view(&mut request);
    if let Some(hints) = hints {
        *view.extensions_mut() = hints;
    }
    let length = request.body().map_or(Some(0), |it| it.size_hint().exact());
    let mut operation = start::start(options, &mut view, length);
    *request.headers_mut() = std::mem::take(view.headers_mut());
    count(&operation, request.body_mut());
    let answer = Answer::to(request.method());
    let sent = operation.run(|| send(request));
    ResponseFuture::new(sent, operation, answer)
}

/// The head of a request, with its headers taken. A target that cannot be sent, which reqwest will
/// say, is shown as `/`.
fn view(request: &mut Request) -> http::Request<()> {
    let mut view = http::Request::new(());
    *view.method_mut() = request.method().clone();
    *view.uri_mut() = request.url().as_str().parse().unwrap_or_default();
    *view.version_mut() = request.version();
    *view.headers_mut() = std::mem::take(request.headers_mut());
    view
}

/// Counts a body of unknown length if its size is wanted. It cannot be sent twice anyway.
fn count(operation: &Operation, body: &mut Option<Body>) {
    let size = operation.notes().and_then(|it| it.unknown_request_size());
    if let (Some(size), Some(inner)) = (size, body.take_if(|_| size.is_some())) {
        *body = Some(Body::wrap(CountedBody::new(inner, size)));
    }
}

/// The response, whose body ends the span.
pub(super) fn receive(response: Response, operation: Operation, answer: Answer) -> Response {
    // reqwest keeps the URL beside the response, and finds it there again
    let url = http::Response::builder().url(response.url().clone());
    let url = url.body(()).map(http::Response::into_parts);
    let mut response = http::Response::<Body>::from(response);
    if let Ok((parts, ())) = url {
        response.extensions_mut().extend(parts.extensions);
    }
    let response = respond(response, operation, answer);
    Response::from(response.map(|body: ResponseBody<Body>| Body::wrap(body)))
}
