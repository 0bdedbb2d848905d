//! The template that a request's path matched.

use std::fmt;
use std::sync::Arc;

use crate::RequestHead;

/// A route: the template, such as `/users/{id}`, and never a path, so that there are few of them.
///
/// Cloning does not allocate.
#[derive(Clone)]
pub struct Route(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
}

impl Route {
    /// A route that is known when the program is compiled.
    #[must_use]
    pub const fn from_static(template: &'static str) -> Self {
        Self(Text::Static(template))
    }

    /// The template.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(template) => template,
            Text::Shared(template) => template,
            #[cfg(feature = "axum")]
            Text::Matched(path) => path.as_str(),
        }
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl From<Arc<str>> for Route {
    fn from(template: Arc<str>) -> Self {
        Self(Text::Shared(template))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Finds the route of a request.
///
/// `None` means that none is known: the span is then named by its method alone and has no
/// `http.route`. A path must not stand in for it, because clients choose paths.
///
/// ```
/// use telemetry_tower::{RequestHead, Route, ServerLayer};
///
/// let layer = ServerLayer::new().route(|head: &RequestHead<'_>| {
///     head.path().starts_with("/assets/").then(|| Route::from_static("/assets/{*file}"))
/// });
/// # let _ = layer;
/// ```
pub trait RouteExtractor: Send + Sync {
    /// The route, if it is known.
    fn route(&self, head: &RequestHead<'_>) -> Option<Route>;
}

impl<F> RouteExtractor for F
where
    F: Fn(&RequestHead<'_>) -> Option<Route> + Send + Sync,
{
    fn route(&self, head: &RequestHead<'_>) -> Option<Route> {
        self(head)
    }
}

/// The default: axum's `MatchedPath`, or a [`Route`] that an outer layer put into the request's
/// extensions.
///
/// axum knows the path inside [`Router::layer`] and `Router::route_layer`, not in a layer around
/// the whole router.
///
/// [`Router::layer`]: https://docs.rs/axum/0.8/axum/struct.Router.html#method.layer
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct MatchedRoute;

impl RouteExtractor for MatchedRoute {
    fn route(&self, head: &RequestHead<'_>) -> Option<Route> {
        matched_path(head).or_else(|| head.extensions().get::<Route>().cloned())
    }
}

#[cfg(feature = "axum")]
fn matched_path(head: &RequestHead<'_>) -> Option<Route> {
    let path = head.extensions().get::<axum::extract::MatchedPath>()?;
    Some(Route(Text::Matched(path.clone())))
}

#[cfg(not(feature = "axum"))]
fn matched_path(_: &RequestHead<'_>) -> Option<Route> {
    None
}
