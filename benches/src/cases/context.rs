//! S5: `traceparent` into and out of the headers of a request.

use std::hint::black_box;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use telemetry_core::context::{Baggage, propagate};

use crate::harness::Case;

const TRACEPARENT: HeaderValue =
    HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

fn received() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert("host", HeaderValue::from_static("shop.example"));
    headers.insert("user-agent", HeaderValue::from_static("curl/8.5.0"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert("traceparent", TRACEPARENT);
    headers
}

/// A request whose headers have room, so that only what is injected is counted.
fn outgoing() -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = received();
    request
}

pub(super) fn inject() -> Case {
    let parent = propagate::extract(&received()).span_context.unwrap();
    let mut request = outgoing();
    Case::new(move |count| {
        for _ in 0..count {
            propagate::inject(black_box(&parent), &Baggage::EMPTY, request.headers_mut());
        }
    })
}

pub(super) fn extract() -> Case {
    let headers = received();
    Case::new(move |count| {
        for _ in 0..count {
            drop(black_box(propagate::extract(black_box(&headers))));
        }
    })
}

/// What `opentelemetry-http` does for the SDK's propagators.
struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(key.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            self.0.insert(name, value);
        }
    }
}

struct Received<'a>(&'a HeaderMap);

impl Extractor for Received<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

pub(super) fn inject_sdk() -> Case {
    let propagator = TraceContextPropagator::new();
    let parent = propagator.extract_with_context(&Context::new(), &Received(&received()));
    let mut request = outgoing();
    Case::new(move |count| {
        for _ in 0..count {
            propagator.inject_context(black_box(&parent), &mut Headers(request.headers_mut()));
        }
    })
}

pub(super) fn extract_sdk() -> Case {
    let propagator = TraceContextPropagator::new();
    let headers = received();
    let none = Context::new();
    Case::new(move |count| {
        for _ in 0..count {
            let context = propagator.extract_with_context(&none, &Received(black_box(&headers)));
            drop(black_box(context));
        }
    })
}
