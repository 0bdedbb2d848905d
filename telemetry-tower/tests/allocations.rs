//! What a request costs in allocations, over the same request without the layer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(
    unsafe_code,
    reason = "an allocator that counts, and passes on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use http::Request;
use http_body::Body as _;
use telemetry_core::pipeline::{Intake, Queue, QueueLimits};
use telemetry_core::trace::{Engine, EngineSettings, SpanLayer};
use telemetry_tower::ServerLayer;
use tower_layer::{Layer, layer_fn};
use tower_service::Service;
use tracing_subscriber::layer::SubscriberExt;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the promises of `alloc`
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the promises of `realloc`
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the layer may allocate for a request, sampled or not, over a layer that does nothing: the
/// span's state in the registry and the box that axum puts around a body of another type.
const OWN: usize = 2;

/// The budget of a sampled request over a router without any layer. axum itself allocates four
/// times more for a layer, whatever it does.
const SAMPLED: usize = 6;

#[test]
fn a_request_stays_within_its_budget_of_allocations() {
    let queue = Arc::new(Queue::new(QueueLimits {
        items: 1 << 20,
        bytes: 1 << 30,
        wake_at: usize::MAX,
        item_bytes: 1 << 20,
    }));
    let intake = Intake::new([Arc::clone(&queue)]);
    let engine = Arc::new(Engine::new(EngineSettings::new(intake)));
    let subscriber = tracing_subscriber::registry().with(SpanLayer::new(engine));
    let _current = tracing::subscriber::set_default(subscriber);
    let bare = per_request(router(), "01");
    let idle = per_request(router().layer(idle()), "01");
    let layered = router().layer(ServerLayer::new());
    let sampled = per_request(layered.clone(), "01");
    let (recorded, _) = queue.offered();
    let unsampled = per_request(layered, "00");
    assert_eq!(queue.offered().0, recorded, "unsampled, but recorded");
    assert!(sampled <= bare + SAMPLED, "{sampled} over {bare}");
    assert!(sampled <= idle + OWN, "{sampled} over {idle}");
    assert!(unsampled <= idle + OWN, "{unsampled} over {idle}");
}

/// A layer that does nothing and, as ours, shares its settings.
fn idle<S>() -> impl Layer<S, Service = S> + Clone {
    let settings = Arc::new(());
    layer_fn(move |service| {
        let _ = &settings;
        service
    })
}

fn router() -> Router {
    Router::new().route("/users/{id}", get(|| async { "ada" }))
}

/// The allocations of one request, after some to warm up.
fn per_request(mut app: Router, flags: &str) -> usize {
    (0..100)
        .map(|_| allocations(&mut app, flags))
        .min()
        .unwrap()
}

fn allocations(app: &mut Router, flags: &str) -> usize {
    let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    let request = Request::get("/users/7")
        .header("traceparent", parent)
        .header("host", "shop.example:8080")
        .header("user-agent", "wget/1")
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))))
        .body(Body::empty())
        .unwrap();
    let before = COUNT.get();
    handle(app, request);
    COUNT.get() - before
}

/// Calls the router and reads the whole body; nothing in it waits.
fn handle(app: &mut Router, request: Request<Body>) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut response = std::pin::pin!(app.call(request));
    let polled = response.as_mut().poll(&mut cx);
    let Poll::Ready(response) = polled else {
        unreachable!("nothing in it waits")
    };
    let mut body = std::pin::pin!(response.unwrap().into_body());
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut cx) {
        drop(frame.unwrap());
    }
}
