//! What the caller knows of a request and its target does not say.

use http::Extensions;

use crate::{RequestHead, Route, RouteExtractor};

/// The template that the path of a request was made from, such as `/users/{id}`: put into the
/// request's extensions it becomes `url.template` and a part of the span's name.
///
/// ```
/// use telemetry_tower::{Route, UrlTemplate};
///
/// let request = http::Request::get("http://shop.example/users/7")
///     .extension(UrlTemplate(Route::from_static("/users/{id}")))
///     .body(())?;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is its template")]
pub struct UrlTemplate(pub Route);

/// How often a request was sent before, by a retry or a redirect: put into the request's extensions
/// it becomes `http.request.resend_count`.
///
/// ```
/// let request = http::Request::get("http://shop.example/")
///     .extension(telemetry_tower::ResendCount(1))
///     .body(())?;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is its number")]
pub struct ResendCount(pub u32);

impl ResendCount {
    /// Counts that a request with these extensions is sent once more: for the policy of a retry.
    ///
    /// ```
    /// use telemetry_tower::ResendCount;
    ///
    /// let mut request = http::Request::new(());
    /// ResendCount::add_one(request.extensions_mut());
    /// ResendCount::add_one(request.extensions_mut());
    /// assert_eq!(request.extensions().get(), Some(&ResendCount(2)));
    /// ```
    pub fn add_one(extensions: &mut Extensions) {
        let count = extensions.get_or_insert_default::<Self>();
        count.0 = count.0.saturating_add(1);
    }
}

/// The default of [`ClientLayer::template`](super::ClientLayer::template): the [`UrlTemplate`] in the
/// request's extensions.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct MatchedTemplate;

impl RouteExtractor for MatchedTemplate {
    fn route(&self, head: &RequestHead<'_>) -> Option<Route> {
        let template = head.extensions().get::<UrlTemplate>()?;
        Some(template.0.clone())
    }
}
