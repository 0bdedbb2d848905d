//! A service at full speed whose clients leave at random points.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::BodyExt;
use telemetry::metrics::{Number, Points, Registry};

use crate::Failure;
use crate::producer::books;
use crate::program::report;

/// How long what is still running may take to end when the load has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it takes until the last connection is accepted.
const ACCEPTANCE: Duration = Duration::from_millis(500);

/// Pieces of a streamed answer, with a pause before each.
const PIECES: usize = 4;

/// Serves until stdin ends, and reports what was measured and where the spans went.
pub(crate) fn serve() -> Result<(), Failure> {
    let telemetry = telemetry::builder().service_name("rough").init()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        report("address", listener.local_addr()?);
        drop(tokio::spawn(async { axum::serve(listener, app()).await }));
        tokio::task::spawn_blocking(crate::host::stdin_ends).await??;
        tokio::time::sleep(ACCEPTANCE).await;
        let until = Instant::now() + PATIENCE;
        while active() != 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        report("active", active());
        Ok::<_, Failure>(())
    })?;
    drop(runtime);
    for (key, wanted) in [("measured", None), ("cancelled", Some("cancelled"))] {
        report(key, measured(wanted));
    }
    books(&telemetry, Duration::from_secs(20))
}

fn app() -> Router {
    Router::new()
        .route("/plain", get(|| async { "plain" }))
        .route("/slow", get(slow))
        .route("/pieces", get(pieces))
        .route("/upload", post(upload))
        .layer(telemetry::server_layer())
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(5)).await;
    "slow"
}

async fn pieces() -> Body {
    let (sender, body) = Pieces::new();
    drop(tokio::spawn(async move {
        for _ in 0..PIECES {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if sender.send(Bytes::from_static(b"piece")).await.is_err() {
                break;
            }
        }
    }));
    Body::new(body)
}

async fn upload(mut body: Body) -> String {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    bytes.to_string()
}

/// A body that is made while it is sent.
struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

impl Pieces {
    fn new() -> (tokio::sync::mpsc::Sender<Bytes>, Self) {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        (sender, Self(receiver))
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| Ok(hyper::body::Frame::data(piece))))
    }
}

/// How many requests have not ended.
fn active() -> i64 {
    let points = points("http.server.active_requests");
    let Some(Points::Sum(points)) = points else {
        return 0;
    };
    let count = |value| match value {
        Number::I64(count) => count,
        _ => 0,
    };
    points.iter().map(|point| count(point.value)).sum()
}

/// How many requests have ended, all or those of one `error.type`.
fn measured(error_type: Option<&str>) -> u64 {
    let Some(Points::Histogram(points)) = points("http.server.request.duration") else {
        return 0;
    };
    let is_one = |of: Option<String>| error_type.is_none() || of.as_deref() == error_type;
    points
        .iter()
        .filter(|point| is_one(point.attributes.get("error.type").map(ToString::to_string)))
        .map(|point| point.value.count())
        .sum()
}

fn points(name: &str) -> Option<Points> {
    let metrics = Registry::global().collect().metrics;
    let found = metrics.into_iter().find(|it| it.descriptor.name == name);
    found.map(|metric| metric.points)
}
