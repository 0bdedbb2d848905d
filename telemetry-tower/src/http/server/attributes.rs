//! What is recorded of a request.

use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderValue, Version, header};
use telemetry_core::otlp::Attributes;
use telemetry_core::otlp::attributes::truncate;

use super::options::Options;
use crate::grpc::{self, RpcMethod};
use crate::{RequestHead, Route, authority, query, semconv};

/// How much of a text is recorded that a client chose, in characters: the length that RFC 9110
/// section 4.1 asks every recipient of a URI to support.
const MAX_TEXT: u32 = 8000;

/// Records the required and recommended attributes that are known before the response.
pub(super) fn fill(
    attributes: &mut Attributes,
    head: RequestHead<'_>,
    method: Option<&str>,
    route: Option<&Route>,
    options: &Options,
) {
    if let Some(method) = method {
        attributes.push(semconv::HTTP_REQUEST_METHOD, method);
    } else {
        attributes.push(semconv::HTTP_REQUEST_METHOD, semconv::METHOD_OTHER);
        let original = cut(head.method().as_str());
        attributes.push(semconv::HTTP_REQUEST_METHOD_ORIGINAL, original);
    }
    if let Some(route) = route {
        attributes.push(semconv::HTTP_ROUTE, route.as_str());
    }
    fill_url(attributes, head);
    if let Some(version) = version(head.version()) {
        attributes.push(semconv::NETWORK_PROTOCOL_VERSION, version);
    }
    if let Some(agent) = head.headers().get(header::USER_AGENT) {
        attributes.push(semconv::USER_AGENT_ORIGINAL, cut(&text(agent)));
    }
    fill_client(attributes, head, options);
}

/// The same of a gRPC call.
pub(super) fn fill_rpc(
    attributes: &mut Attributes,
    head: RequestHead<'_>,
    method: Option<&RpcMethod>,
    options: &Options,
) {
    fill_rpc_method(attributes, head, method);
    fill_server(attributes, head);
    if let Some(version) = version(head.version()) {
        attributes.push(semconv::NETWORK_PROTOCOL_VERSION, version);
    }
    fill_client(attributes, head, options);
}

/// Who asks, and those of the headers that are to be recorded.
fn fill_client(attributes: &mut Attributes, head: RequestHead<'_>, options: &Options) {
    if let Some(address) = client_address(head, options) {
        push_address(attributes, address);
    }
    if let Some(captured) = &options.request_headers {
        captured.fill(attributes, head.headers());
    }
}

/// What both sides of a gRPC call say.
pub(in crate::http) fn fill_rpc_method(
    attributes: &mut Attributes,
    head: RequestHead<'_>,
    method: Option<&RpcMethod>,
) {
    attributes.push(semconv::RPC_SYSTEM_NAME, grpc::SYSTEM);
    if let Some(method) = method {
        attributes.push(semconv::RPC_METHOD, method.as_str());
    } else {
        attributes.push(semconv::RPC_METHOD, semconv::METHOD_OTHER);
        attributes.push(semconv::RPC_METHOD_ORIGINAL, cut(head.path()));
    }
}

fn fill_url(attributes: &mut Attributes, head: RequestHead<'_>) {
    attributes.push(
        semconv::URL_SCHEME,
        head.uri().scheme_str().unwrap_or("http"),
    );
    attributes.push(semconv::URL_PATH, cut(head.path()));
    if let Some(query) = head.uri().query() {
        attributes.push(semconv::URL_QUERY, cut(&query::redact(query)));
    }
    fill_server(attributes, head);
}

fn fill_server(attributes: &mut Attributes, head: RequestHead<'_>) {
    if let Some(server) = authority::of(head.uri(), head.headers()) {
        attributes.push(semconv::SERVER_ADDRESS, server.host);
        if let Some(port) = server.port {
            attributes.push(semconv::SERVER_PORT, i64::from(port));
        }
    }
}

/// The first part of a text that somebody else chose the length of.
pub(in crate::http) fn cut(text: &str) -> &str {
    truncate(text, MAX_TEXT)
}

/// The text of a header, whose bytes need not be UTF-8.
pub(super) fn text(value: &HeaderValue) -> Cow<'_, str> {
    // which checks whole words of valid text, as the lossy conversion does not
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value.as_bytes()),
    }
}

pub(in crate::http) fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// Who is at the other end of the connection, if the server has told; or whom the proxies name that
/// are trusted.
pub(super) fn client_address(head: RequestHead<'_>, options: &Options) -> Option<IpAddr> {
    let peer = connect_info(head)
        .or_else(|| head.extensions().get::<SocketAddr>())
        .map(SocketAddr::ip)?;
    Some(match &options.proxies {
        None => peer.to_canonical(),
        Some(proxies) => proxies.client(peer, head.headers()),
    })
}

#[cfg(feature = "axum")]
fn connect_info(head: RequestHead<'_>) -> Option<&SocketAddr> {
    let info = head
        .extensions()
        .get::<axum::extract::ConnectInfo<SocketAddr>>()?;
    Some(&info.0)
}

#[cfg(not(feature = "axum"))]
fn connect_info(_: RequestHead<'_>) -> Option<&SocketAddr> {
    None
}

/// The longest textual form of an address: an IPv6 one that ends in an IPv4 one, RFC 4291.
const MAX_ADDRESS: usize = 45;

fn push_address(attributes: &mut Attributes, address: IpAddr) {
    match address {
        IpAddr::V4(address) => attributes.push(semconv::CLIENT_ADDRESS, address),
        IpAddr::V6(address) => push_v6(attributes, address),
    }
}

fn push_v6(attributes: &mut Attributes, address: Ipv6Addr) {
    let mut text = [0; MAX_ADDRESS];
    let mut rest = &mut text[..];
    if write!(rest, "{address}").is_err() {
        return;
    }
    let left = rest.len();
    if let Ok(text) = std::str::from_utf8(&text[..MAX_ADDRESS - left]) {
        attributes.push(semconv::CLIENT_ADDRESS, text);
    }
}
