//! The layer as a middleware of reqwest-middleware.

use std::future::poll_fn;
use std::pin::pin;

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};

use super::super::{ClientLayer, ResendCount, UrlTemplate};
use super::future::finish;
use super::view;

#[async_trait]
impl Middleware for ClientLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let hints = hints(extensions);
        let send = |request| next.run(request, extensions);
        let mut sent = pin!(view::send(&self.options, request, Some(hints), send));
        let finished = poll_fn(|cx| sent.as_mut().poll_inner(cx)).await;
        finish(finished)
    }
}

/// How often a request has passed.
#[derive(Clone, Copy, Default)]
struct Passed(u32);

/// What the caller says of the request, and how often it was sent: a middleware that sends it again
/// does so with the same extensions.
fn hints(extensions: &mut Extensions) -> Extensions {
    let mut hints = Extensions::new();
    if let Some(template) = extensions.get::<UrlTemplate>() {
        hints.insert(template.clone());
    }
    let passed = extensions.get_or_insert_default::<Passed>();
    let before = *passed;
    passed.0 = before.0.saturating_add(1);
    let said = extensions.get::<ResendCount>().copied();
    hints.insert(said.unwrap_or(ResendCount(before.0)));
    hints
}
