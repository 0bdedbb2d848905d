//! What tells series apart.

use std::sync::Arc;

use http::{Method, StatusCode};
use opentelemetry::{KeyValue, StringValue};

use super::Peer;
use super::table::weak_hash;
use crate::grpc::{self, RpcMethod};
use crate::http::end::End;
use crate::http::subject::{Call, Subject};
use crate::{Failure, GrpcCode, Route, Side, semconv};

/// What is known of a request's target when it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// None if a client does not say.
    pub(crate) scheme: Option<Scheme>,
    /// Of the request; a client learns it from the response.
    pub(crate) version: Option<&'static str>,
    /// Where a client's request goes.
    pub(crate) peer: Option<Arc<Peer>>,
}

/// `url.scheme`, which a client chooses: one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// What tells durations apart.
#[derive(Debug)]
pub(super) struct Labels {
    side: Side,
    call: Call,
    target: Target,
    version: Option<&'static str>,
    status: Option<StatusCode>,
    code: Option<GrpcCode>,
    failure: Option<Failure>,
}

/// A request of HTTP, as a gauge sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    method: Option<&'a Method>,
    /// A client's.
    template: Option<&'a Route>,
}

impl<'a> Request<'a> {
    /// None for a call of gRPC.
    #[inline]
    pub(super) fn of(subject: &'a Subject) -> Option<Self> {
        let Call::Http { method, route } = &subject.call else {
            return None;
        };
        Some(Self {
            method: method.as_ref(),
            template: route.as_ref().filter(|_| subject.side == Side::Client),
        })
    }
}

/// What tells the gauges of requests apart.
#[derive(Debug)]
pub(super) struct ActiveLabels {
    method: Option<Method>,
    template: Option<Route>,
    scheme: Option<Scheme>,
    peer: Option<Arc<Peer>>,
}

impl Labels {
    pub(super) fn of(target: &Target, end: &End) -> Self {
        Self {
            side: end.subject.side,
            call: end.subject.call.clone(),
            target: target.clone(),
            version: end.version(),
            status: end.status,
            code: end.code,
            failure: end.failure.clone(),
        }
    }

    #[inline]
    pub(super) fn are_of(&self, target: &Target, end: &End) -> bool {
        self.status == end.status
            && self.code == end.code
            && self.failure == end.failure
            && self.call == end.subject.call
            && self.version == end.version()
            && self.target == *target
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(8);
        match &self.call {
            Call::Http { method, route } => {
                self.describe_request(method.as_ref(), route.as_ref(), &mut attributes);
            }
            Call::Grpc { method } => self.describe_call(method.as_ref(), &mut attributes),
        }
        if let Some(failure) = &self.failure {
            let failure = failure.error_type().to_owned();
            attributes.push(KeyValue::new(semconv::ERROR_TYPE, failure));
        }
        if let Some(peer) = &self.target.peer {
            peer.describe(&mut attributes);
        }
        attributes
    }

    fn describe_request(
        &self,
        method: Option<&Method>,
        route: Option<&Route>,
        attributes: &mut Vec<KeyValue>,
    ) {
        attributes.push(method_attribute(method));
        if let Some(scheme) = self.target.scheme {
            attributes.push(KeyValue::new(semconv::URL_SCHEME, scheme.as_str()));
        }
        if let Some(route) = route {
            let key = match self.side {
                Side::Server => semconv::HTTP_ROUTE,
                Side::Client => semconv::URL_TEMPLATE,
            };
            attributes.push(KeyValue::new(key, route.as_str().to_owned()));
        }
        if let Some(version) = self.version.or(self.target.version) {
            attributes.push(KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version));
        }
        if let Some(status) = self.status {
            let code = i64::from(status.as_u16());
            attributes.push(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, code));
        }
    }

    fn describe_call(&self, method: Option<&RpcMethod>, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(semconv::RPC_SYSTEM_NAME, grpc::SYSTEM));
        let method = method.map_or(StringValue::from(semconv::METHOD_OTHER), |method| {
            method.as_str().to_owned().into()
        });
        attributes.push(KeyValue::new(semconv::RPC_METHOD, method));
        if let Some(code) = self.code {
            let code = code.as_str();
            attributes.push(KeyValue::new(semconv::RPC_RESPONSE_STATUS_CODE, code));
        }
    }
}

impl ActiveLabels {
    pub(super) fn of(request: Request<'_>, target: &Target) -> Self {
        Self {
            method: request.method.cloned(),
            template: request.template.cloned(),
            scheme: target.scheme,
            peer: target.peer.clone(),
        }
    }

    #[inline]
    pub(super) fn are_of(&self, request: Request<'_>, target: &Target) -> bool {
        self.method.as_ref() == request.method
            && self.template.as_ref() == request.template
            && self.scheme == target.scheme
            && self.peer == target.peer
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![method_attribute(self.method.as_ref())];
        if let Some(scheme) = self.scheme {
            attributes.push(KeyValue::new(semconv::URL_SCHEME, scheme.as_str()));
        }
        if let Some(template) = &self.template {
            let template = template.as_str().to_owned();
            attributes.push(KeyValue::new(semconv::URL_TEMPLATE, template));
        }
        if let Some(peer) = &self.peer {
            peer.describe(&mut attributes);
        }
        attributes
    }
}

impl Scheme {
    /// What a server's request says; one without a scheme came over plain HTTP, as far as we know.
    pub(crate) fn of(scheme: Option<&str>) -> Self {
        match scheme {
            Some("https") => Self::Https,
            _ => Self::Http,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A hash for the tables: it differs where routes and ends do.
#[inline]
pub(super) fn hash(target: &Target, end: &End) -> u64 {
    let call = match &end.subject.call {
        Call::Http { method, route } => {
            let route = route.as_ref().map_or(0, |route| weak_hash(route.as_str()));
            method_hash(method.as_ref()) ^ route.rotate_left(8)
        }
        Call::Grpc { method } => method.as_ref().map_or(0, |it| weak_hash(it.as_str())),
    };
    let status = end.status.map_or(0, |status| u64::from(status.as_u16()));
    let code = end.code.map_or(0, |code| code as u64);
    let failure = end
        .failure
        .as_ref()
        .map_or(0, |it| weak_hash(it.error_type()));
    call ^ status << 16 ^ code << 11 ^ failure.rotate_left(24) ^ target.hash()
}

#[inline]
pub(super) fn active_hash(request: Request<'_>, target: &Target) -> u64 {
    method_hash(request.method) ^ target.hash()
}

impl Target {
    #[inline]
    fn hash(&self) -> u64 {
        let peer = self.peer.as_ref().map_or(0, |peer| peer.hash());
        peer.rotate_left(40) ^ self.scheme.map_or(0, |scheme| scheme as u64)
    }
}

#[inline]
fn method_hash(method: Option<&Method>) -> u64 {
    method.map_or(0, |method| weak_hash(method.as_str()))
}

fn method_attribute(method: Option<&Method>) -> KeyValue {
    let name = match method {
        None => StringValue::from(semconv::METHOD_OTHER),
        Some(method) => {
            static_name(method).map_or_else(|| method.as_str().to_owned().into(), StringValue::from)
        }
    };
    KeyValue::new(semconv::HTTP_REQUEST_METHOD, name)
}

fn static_name(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => return None,
    })
}
