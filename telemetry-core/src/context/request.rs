//! What is known of the request that the current span belongs to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use super::current;
use super::verbose::Grant;

/// How many routes there can be. Templates are few; whoever takes paths for them gets this far.
const MAX_ROUTES: usize = 4096;

/// The longest route, in bytes.
const MAX_ROUTE_LEN: usize = 1024;

/// How many routes a thread finds without asking the others.
const RECENT: usize = 64;

static ROUTES: RwLock<Option<HashMap<&'static str, RouteId>>> = RwLock::new(None);

thread_local! {
    static RECENTLY: RefCell<[Option<RouteId>; RECENT]> = const { RefCell::new([None; RECENT]) };
}

/// A route, such as `/users/{id}` or a gRPC method `package.Service/Method`, as a small value that
/// is compared in an instant. It is kept for the life of the process.
#[derive(Clone, Copy)]
pub struct RouteId(&'static Entry);

struct Entry {
    text: Box<str>,
    number: u32,
}

impl RouteId {
    /// The route of this text: a template, and never a path that a client chose. None beyond
    /// 4096 routes, and for more than 1024 bytes.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::find(text, Self::intern)
    }

    /// The same, if somebody has named it before: for texts that a client chose.
    #[must_use]
    pub fn known(text: &str) -> Option<Self> {
        Self::find(text, Self::look_up)
    }

    /// The route.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        &self.0.text
    }

    /// Counts from 0 in the order in which they were named first.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.number
    }

    fn find(text: &str, ask: impl FnOnce(&str) -> Option<Self>) -> Option<Self> {
        let place = place(text);
        let recent = RECENTLY.try_with(|recent| recent.try_borrow().ok()?[place]);
        if let Ok(Some(route)) = recent
            && route.as_str() == text
        {
            return Some(route);
        }
        let route = ask(text)?;
        // while the thread ends there is nobody to remember it for
        let _ = RECENTLY.try_with(|recent| {
            if let Ok(mut recent) = recent.try_borrow_mut() {
                recent[place] = Some(route);
            }
        });
        Some(route)
    }

    fn look_up(text: &str) -> Option<Self> {
        let routes = ROUTES.read().unwrap_or_else(PoisonError::into_inner);
        routes.as_ref()?.get(text).copied()
    }

    #[cold]
    fn intern(text: &str) -> Option<Self> {
        if let Some(route) = Self::look_up(text) {
            return Some(route);
        }
        let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
        let routes = routes.get_or_insert_default();
        if let Some(route) = routes.get(text) {
            return Some(*route);
        }
        let number = u32::try_from(routes.len()).ok()?;
        if routes.len() == MAX_ROUTES || text.len() > MAX_ROUTE_LEN {
            return None;
        }
        let entry: &'static Entry = Box::leak(Box::new(Entry {
            text: text.into(),
            number,
        }));
        let route = Self(entry);
        routes.insert(route.as_str(), route);
        Some(route)
    }
}

impl PartialEq for RouteId {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for RouteId {}

impl fmt::Debug for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Where a thread keeps the route: by where its text is, because a router keeps that in one place. Those
/// that share a place take turns.
#[inline]
fn place(text: &str) -> usize {
    (text.as_ptr().addr() >> 4) % RECENT
}

/// What is known of a request, inherited by the spans within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestScope {
    route: Option<RouteId>,
    grant: Option<Grant>,
}

impl RequestScope {
    /// A request of which nothing is known.
    pub const NONE: Self = Self {
        route: None,
        grant: None,
    };

    /// The same request with a route.
    #[must_use]
    pub fn with_route(mut self, route: Option<RouteId>) -> Self {
        self.route = route;
        self
    }

    /// The same request with what its token grants.
    #[must_use]
    pub fn with_grant(mut self, grant: Option<Grant>) -> Self {
        self.grant = grant;
        self
    }

    /// What its token grants.
    #[inline]
    #[must_use]
    pub fn grant(self) -> Option<Grant> {
        self.grant
    }

    /// The route that it matched.
    #[inline]
    #[must_use]
    pub fn route(self) -> Option<RouteId> {
        self.route
    }
}

/// What is known of the request that is being handled on this thread: that of the current span.
#[inline]
#[must_use]
pub fn current_request() -> RequestScope {
    current::request()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_route_on_every_thread() {
        let route = RouteId::of("/users/{id}").unwrap();
        let other = std::thread::spawn(|| RouteId::of("/users/{id}").unwrap());
        assert_eq!(other.join().unwrap(), route);
        assert_eq!(route.as_str(), "/users/{id}");
        assert_ne!(RouteId::of("/users").unwrap(), route);
    }

    #[test]
    fn what_a_client_names_is_not_kept() {
        assert_eq!(RouteId::known("/scanned/by/a/stranger"), None);
        let route = RouteId::of("shop.Orders/Place");
        assert_eq!(RouteId::known("shop.Orders/Place"), route);
        assert_eq!(RouteId::of(&"x".repeat(MAX_ROUTE_LEN + 1)), None);
    }
}
