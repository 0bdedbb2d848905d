//! What is recorded of a request that is sent.

use http::{Method, uri::Scheme};
use telemetry_core::otlp::Attributes;

use super::{ResendCount, url};
use crate::authority::{self, HostAndPort};
use crate::http::server::attributes::{cut, fill_rpc_method};
use crate::http::server::options::Options;
use crate::http::subject::{Call, Subject};
use crate::{RequestHead, Route, semconv};

/// Records what is known before the response.
pub(super) fn fill(
    attributes: &mut Attributes,
    head: RequestHead<'_>,
    subject: &Subject,
    options: &Options,
    server: Option<HostAndPort<'_>>,
) {
    match &subject.call {
        Call::Http { method, route } => {
            fill_http(attributes, head, method.as_ref(), route.as_ref(), options);
        }
        Call::Grpc { method } => fill_rpc_method(attributes, head, method.as_ref()),
    }
    if let Some(server) = server {
        attributes.push(semconv::SERVER_ADDRESS, server.host);
        if let Some(port) = server.port {
            attributes.push(semconv::SERVER_PORT, i64::from(port));
        }
    }
}

fn fill_http(
    attributes: &mut Attributes,
    head: RequestHead<'_>,
    method: Option<&Method>,
    template: Option<&Route>,
    options: &Options,
) {
    if let Some(method) = method {
        attributes.push(semconv::HTTP_REQUEST_METHOD, method.as_str());
    } else {
        attributes.push(semconv::HTTP_REQUEST_METHOD, semconv::METHOD_OTHER);
        let original = cut(head.method().as_str());
        attributes.push(semconv::HTTP_REQUEST_METHOD_ORIGINAL, original);
    }
    let full = url::full(head.uri(), head.headers(), options.origin.as_ref());
    attributes.push(semconv::URL_FULL, cut(&full));
    if let Some(template) = template {
        attributes.push(semconv::URL_TEMPLATE, template.as_str());
    }
    if let Some(ResendCount(count)) = head.extensions().get()
        && *count > 0
    {
        attributes.push(semconv::HTTP_REQUEST_RESEND_COUNT, i64::from(*count));
    }
}

/// Where the request goes: what it says, or where such requests go; with the port of the scheme if
/// it names none.
pub(super) fn server<'a>(head: RequestHead<'a>, options: &'a Options) -> Option<HostAndPort<'a>> {
    let mut server = authority::of(head.uri(), head.headers())
        .or_else(|| authority::of(options.origin.as_ref()?, head.headers()))?;
    server.port = server.port.or_else(|| port_of_scheme(head, options));
    Some(server)
}

/// `http` or `https`, if the request or its origin says so.
pub(super) fn scheme<'a>(head: RequestHead<'a>, options: &'a Options) -> Option<&'a Scheme> {
    let of_origin = || options.origin.as_ref()?.scheme();
    head.uri().scheme().or_else(of_origin)
}

/// RFC 9110 sections 4.2.1 and 4.2.2.
fn port_of_scheme(head: RequestHead<'_>, options: &Options) -> Option<u16> {
    match scheme(head, options)? {
        scheme if *scheme == Scheme::HTTP => Some(80),
        scheme if *scheme == Scheme::HTTPS => Some(443),
        _ => None,
    }
}
