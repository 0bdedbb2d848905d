//! What a call is about, known when it begins.

use http::Method;
use telemetry_core::context::RouteId;

use super::server::name::with_name;
use super::server::options::Options;
use crate::grpc::{self, RpcMethod};
use crate::{RequestHead, Route, Side};

/// The name of a span whose method is not known.
const UNKNOWN: &str = "HTTP";

/// Which conventions a layer follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Protocol {
    /// Those of gRPC for requests that say so, else those of HTTP.
    #[default]
    Recognised,
    Http,
    Grpc,
}

impl Protocol {
    fn is_grpc(self, head: RequestHead<'_>) -> bool {
        match self {
            Self::Recognised => head.method() == Method::POST && grpc::is_call(head.headers()),
            Self::Http => false,
            Self::Grpc => true,
        }
    }
}

/// A call: what its name, its attributes and its metrics say, and few of each.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) side: Side,
    pub(crate) call: Call,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Http {
        /// None if it is not a known one.
        method: Option<Method>,
        /// The route of a server, the template of a client.
        route: Option<Route>,
    },
    Grpc {
        /// None if the path names none.
        method: Option<RpcMethod>,
    },
}

impl Subject {
    pub(super) fn of(options: &Options, head: RequestHead<'_>) -> Self {
        let call = if options.protocol.is_grpc(head) {
            Call::Grpc {
                method: RpcMethod::of(head.uri()),
            }
        } else {
            let known = options.methods.name(head.method()).is_some();
            Call::Http {
                method: known.then(|| head.method().clone()),
                route: options.route.route(&head),
            }
        };
        Self {
            side: options.side,
            call,
        }
    }

    /// Calls `use_it` with the name of the span.
    pub(crate) fn with_name<T>(&self, use_it: impl FnOnce(&str) -> T) -> T {
        match &self.call {
            Call::Http { method, route } => {
                let method = method.as_ref().map_or(UNKNOWN, Method::as_str);
                with_name(method, route.as_ref(), use_it)
            }
            Call::Grpc { method } => {
                use_it(method.as_ref().map_or(grpc::SYSTEM, RpcMethod::as_str))
            }
        }
    }

    /// The route, or the path of a remote call.
    pub(crate) fn route(&self) -> Option<&str> {
        match &self.call {
            Call::Http { route, .. } => route.as_ref().map(Route::as_str),
            Call::Grpc { method } => method.as_ref().map(RpcMethod::path),
        }
    }

    /// The same as a small value. Clients choose the paths of gRPC: only those are kept that somebody
    /// else has named.
    pub(crate) fn route_id(&self) -> Option<RouteId> {
        match &self.call {
            Call::Http { route, .. } => RouteId::of(route.as_ref()?.as_str()),
            Call::Grpc { method } => RouteId::known(method.as_ref()?.as_str()),
        }
    }

    /// The method of a remote call.
    pub(crate) fn rpc_method(&self) -> Option<&str> {
        match &self.call {
            Call::Http { .. } => None,
            Call::Grpc { method } => method.as_ref().map(RpcMethod::as_str),
        }
    }

    pub(crate) fn is_grpc(&self) -> bool {
        matches!(self.call, Call::Grpc { .. })
    }
}
