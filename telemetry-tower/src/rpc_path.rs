//! The routes of remote procedure calls.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{MatchedRoute, RequestHead, Route, RouteExtractor};

/// Takes paths of the form `/package.Service/Method` for routes, for the services of this server.
///
/// A framework such as tonic routes by service and leaves the method to it, so the matched path is
/// `/package.Service/{*rest}`. Clients choose paths: of an unknown service there is no route, and the
/// first 256 methods are told apart; further ones, and what cannot be a name, are
/// `/package.Service/{method}`. Other requests have the route that [`MatchedRoute`] finds.
///
/// ```
/// use telemetry_tower::{RpcPath, ServerLayer};
///
/// // with tonic: GreeterServer::<MyGreeter>::NAME
/// let layer = ServerLayer::new().route(RpcPath::of(["helloworld.Greeter"]));
/// # let _ = layer;
/// ```
#[derive(Clone, Debug)]
pub struct RpcPath {
    services: Arc<[Service]>,
    paths: Arc<RwLock<HashSet<Arc<str>>>>,
}

#[derive(Debug)]
struct Service {
    name: Box<str>,
    /// The route of a method that is not told apart.
    any: Route,
}

/// How many paths are told apart: more than the largest interfaces have, and few series.
const MAX_PATHS: usize = 256;

/// The longest name of a method.
const MAX_METHOD: usize = 128;

impl RpcPath {
    /// The paths of these services, by their full names.
    #[must_use]
    pub fn of<N: AsRef<str>>(services: impl IntoIterator<Item = N>) -> Self {
        let services = services.into_iter().map(|name| Service {
            name: name.as_ref().into(),
            any: Route::from(Arc::from(format!("/{}/{{method}}", name.as_ref()))),
        });
        Self {
            services: services.collect(),
            paths: Arc::default(),
        }
    }

    fn find(&self, path: &str) -> Option<Route> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.services.iter().find(|it| *it.name == *service)?;
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if method.is_empty() || method.len() > MAX_METHOD || !method.bytes().all(is_of_name) {
            return Some(service.any.clone());
        }
        let known = self.paths.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(path) {
            return Some(Route::from(Arc::clone(known)));
        }
        drop(known);
        Some(self.learn(path).unwrap_or_else(|| service.any.clone()))
    }

    #[cold]
    fn learn(&self, path: &str) -> Option<Route> {
        let mut known = self.paths.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_PATHS {
            return None;
        }
        let path: Arc<str> = path.into();
        known.insert(Arc::clone(&path));
        Some(Route::from(path))
    }
}

impl RouteExtractor for RpcPath {
    fn route(&self, head: &RequestHead<'_>) -> Option<Route> {
        self.find(head.path()).or_else(|| MatchedRoute.route(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(paths: &RpcPath, path: &str) -> Option<String> {
        let request = http::Request::get(path).body(()).unwrap();
        let route = paths.route(&RequestHead::of(&request))?;
        Some(route.as_str().to_owned())
    }

    #[test]
    fn methods_of_known_services_are_routes() {
        let paths = RpcPath::of(["shop.Orders"]);
        for _ in 0..2 {
            let found = route(&paths, "/shop.Orders/Place");
            assert_eq!(found.as_deref(), Some("/shop.Orders/Place"));
        }
        for other in ["/shop.Stock/Place", "/shop.Orders", "/", "/a/b/c"] {
            assert_eq!(route(&paths, other), None, "{other}");
        }
        for strange in ["/shop.Orders/", "/shop.Orders/a/b", "/shop.Orders/a%20b"] {
            let found = route(&paths, strange);
            assert_eq!(found.as_deref(), Some("/shop.Orders/{method}"), "{strange}");
        }
    }

    #[test]
    fn a_scanner_makes_few_routes() {
        let paths = RpcPath::of(["shop.Orders"]);
        let routes: HashSet<_> = (0..2000)
            .map(|number| route(&paths, &format!("/shop.Orders/M{number}")))
            .collect();
        assert_eq!(routes.len(), MAX_PATHS + 1);
    }
}
