//! Clients that leave at random points, over HTTP/1.1 and HTTP/2: nothing stays active, and every
//! request is in the books. `scripts/load` is the long version of it, at full speed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use common::{Kept, told};
use serde_json::json;
use telemetry::metrics::{Number, Points, Registry};
use test_support::Child;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::StreamExt as _;

const CLIENTS: u64 = 16;
const REQUESTS_EACH: usize = 40;
/// For what ends well: long, so that a slow machine does not fail.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn clients_that_leave_at_random_points_leave_nothing_behind() {
    let ended = Child::new()
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "100000")
        .run(|| {
            let kept = Kept::default();
            let telemetry = telemetry::builder()
                .traces_exporters([])
                .logs_exporters([])
                .metrics_exporters([])
                .span_exporter(kept.clone())
                .init()
                .unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let has_settled = runtime.block_on(load());
            drop(runtime); // with whatever the server accepts late
            let report = telemetry.shutdown_blocking(LONG);
            json!({
                "settled": has_settled,
                "active": active(),
                "open": report.exporters.open_spans,
                "measured": measured(None),
                "cancelled": measured(Some("cancelled")),
                "spans": kept.names().len(),
                "ledgers": told(&report)["ledgers"],
            })
        });
    let report = ended.report;
    assert_eq!(report["settled"], true, "requests are still active");
    assert_eq!((&report["active"], &report["open"]), (&json!(0), &json!(0)));
    let measured = &report["measured"];
    assert_eq!(&report["spans"], measured, "{report}");
    let ledger = json!([{ "created": measured, "exported": measured }]);
    assert_eq!(report["ledgers"], ledger);
    let cancelled = report["cancelled"].as_u64().unwrap();
    assert!(cancelled > 20, "most clients leave too late: {report}");
    assert!(measured.as_u64().unwrap() > cancelled + 20, "{report}");
}

/// Returns whether the gauge is zero when all have left.
async fn load() -> bool {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, app()).await });
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|number| tokio::spawn(client(address, Random(number))))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    // what the server has read and not yet looked at
    let waited = async {
        while active() != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, waited).await.is_ok()
}

fn app() -> Router {
    let pieces = || async {
        let pieces = tokio_stream::iter(["piece"; 4].map(Ok::<_, std::io::Error>));
        Body::from_stream(pieces.throttle(Duration::from_millis(1)))
    };
    let slow = || tokio::time::sleep(Duration::from_millis(5));
    Router::new()
        .route("/plain", get(|| async { "plain" }))
        .route("/slow", get(slow))
        .route("/pieces", get(pieces))
        .route("/upload", post(|_: Bytes| async { "taken" }))
        .layer(telemetry::server_layer())
}

async fn client(address: SocketAddr, mut random: Random) {
    let requests = [
        b"GET /plain HTTP/1.1\r\nhost: localhost\r\nx-filler: 0123456789\r\n\r\n".to_vec(),
        b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"GET /pieces HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n012345678".to_vec(),
        over_http2("/plain"),
        over_http2("/slow"),
        over_http2("/pieces"),
    ];
    for _ in 0..REQUESTS_EACH {
        let request = &requests[random.below(requests.len())];
        let mut stream = TcpStream::connect(address).await.unwrap();
        let cut = match random.below(3) {
            0 => random.below(request.len()),
            _ => request.len(),
        };
        stream.write_all(&request[..cut]).await.unwrap();
        if cut == request.len() && random.below(2) == 0 {
            let mut some = vec![0; 1 + random.below(200)];
            let _closed = stream.read(&mut some).await;
        }
        let pause = u64::try_from(random.below(6)).unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// The preface, empty SETTINGS, and HEADERS of a GET: RFC 9113 sections 3.4, 6.5 and 6.2, RFC 7541
/// appendix A for the names.
fn over_http2(path: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let host = "localhost";
    let block = [
        &[0x82, 0x86, 0x04, length(path)],
        path.as_bytes(),
        &[0x01, length(host)],
        host.as_bytes(),
    ]
    .concat();
    let frame = [0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1];
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    [preface.as_slice(), &settings, &frame, &block].concat()
}

/// How many requests have not ended.
fn active() -> i64 {
    let Some(Points::Sum(points)) = points("http.server.active_requests") else {
        return 0;
    };
    let count = |value| match value {
        Number::I64(count) => count,
        _ => i64::MAX,
    };
    points.iter().map(|point| count(point.value)).sum()
}

/// How many requests have ended, all or those of one `error.type`.
fn measured(error_type: Option<&str>) -> u64 {
    let Some(Points::Histogram(points)) = points("http.server.request.duration") else {
        return 0;
    };
    let points = points.iter().filter(|point| {
        let of = point.attributes.get("error.type").map(ToString::to_string);
        error_type.is_none() || of.as_deref() == error_type
    });
    points.map(|point| point.value.count()).sum()
}

fn points(name: &str) -> Option<Points> {
    let metrics = Registry::global().collect().metrics;
    let found = metrics.into_iter().find(|it| it.descriptor.name == name);
    found.map(|metric| metric.points)
}

/// Marsaglia's xorshift: the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}
