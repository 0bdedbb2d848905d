use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use telemetry_core::clock::Clock;
use telemetry_core::export::prometheus::{Listener, Renderer};
use telemetry_core::metrics::Snapshot;
use telemetry_core::pipeline::{Pipeline, Service};
use test_support::Prometheus;

use super::support::{SPAN, TRACE, counter, durations, renderer, snapshot};

pub(super) const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn serve(listener: Listener, renderer: Renderer, snapshot: Snapshot) -> Pipeline {
    let renderer = Arc::new(renderer);
    let page = move |accept: Option<&str>, encoding: Option<&str>| {
        renderer.render(&snapshot, accept, encoding)
    };
    let service: Service = Box::new(move || {
        Box::pin(async move {
            listener.serve(page).await.unwrap();
        })
    });
    Pipeline::start_with(Vec::new(), vec![service]).unwrap()
}

fn served() -> (Pipeline, Vec<SocketAddr>) {
    let listener = Listener::bind("localhost", 0).unwrap();
    let addresses = listener.addresses();
    let pipeline = serve(listener, renderer().0, snapshot(vec![counter("jobs", 3)]));
    (pipeline, addresses)
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "{request}Host: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_page_is_at_metrics_and_nothing_else_is() {
    let (pipeline, addresses) = served();
    for address in &addresses {
        let page = ask(*address, "GET /metrics HTTP/1.1\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        assert!(
            page.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            "{page}"
        );
        assert!(page.contains("jobs_total{"), "{page}");
    }
    let address = addresses[0];
    let accept = "Accept: application/openmetrics-text;version=1.0.0\r\nAccept-Encoding: gzip\r\n";
    let zipped = ask(address, &format!("GET /metrics HTTP/1.1\r\n{accept}"));
    assert!(zipped.contains("content-encoding: gzip\r\n"), "{zipped}");
    assert!(
        zipped.contains(
            "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
        )
    );
    let head = ask(address, "HEAD /metrics HTTP/1.1\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let elsewhere = ask(address, "GET / HTTP/1.1\r\n");
    assert!(elsewhere.starts_with("HTTP/1.1 404 "), "{elsewhere}");
    let posted = ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n");
    assert!(
        posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET, HEAD"),
        "{posted}"
    );
    pipeline.shutdown(LIMIT);
}

#[test]
fn localhost_is_both_loopbacks() {
    let listener = Listener::bind("localhost", 0).unwrap();
    let addresses = listener.addresses();
    assert!(addresses[0].ip().is_loopback());
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses[0].port(), addresses[1].port());
        assert!(Listener::bind("[::1]", 0).unwrap().addresses()[0].is_ipv6());
    }
}

#[test]
fn a_port_in_use_is_explained() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1"] {
        let error = Listener::bind(host, port).unwrap_err().to_string();
        assert!(error.contains(&format!("{host}:{port}")), "{error}");
        assert!(
            error.contains("set OTEL_EXPORTER_PROMETHEUS_PORT"),
            "{error}"
        );
    }
    let error = Listener::bind("192.0.2.1", 0).unwrap_err().to_string();
    assert!(
        error.contains("set OTEL_EXPORTER_PROMETHEUS_HOST"),
        "{error}"
    );
}

#[test]
fn it_ends_with_the_pipeline() {
    let (pipeline, addresses) = served();
    let idle = TcpStream::connect(addresses[0]).unwrap();
    pipeline.flush(LIMIT).unwrap();
    pipeline.shutdown(LIMIT);
    idle.set_read_timeout(Some(LIMIT)).unwrap();
    let mut rest = Vec::new();
    let ended = (&idle).read_to_end(&mut rest);
    assert!(
        ended.is_err() || rest.is_empty(),
        "the connection is closed"
    );
    let end = Clock::system();
    let began = end.now();
    while TcpStream::connect(addresses[0]).is_ok() {
        assert!(
            end.now().unix_nanos() - began.unix_nanos() < 30_000_000_000,
            "still listens"
        );
    }
}

#[test]
fn slow_clients_hold_nobody_up() {
    let (pipeline, addresses) = served();
    let mut slow: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(addresses[0]).unwrap())
        .collect();
    for stream in &mut slow {
        stream.write_all(b"GET /metrics HT").unwrap();
    }
    let page = ask(addresses[0], "GET /metrics HTTP/1.1\r\n");
    assert!(page.contains("jobs_total{"), "{page}");
    pipeline.shutdown(LIMIT);
}

#[test]
fn a_callback_that_hangs_holds_one_thread_and_no_scrape() {
    let (release, hang) = sync_channel::<()>(0);
    let (hang, entered) = (Mutex::new(hang), Arc::new(AtomicUsize::new(0)));
    let listener = Listener::bind("127.0.0.1", 0).unwrap();
    let address = listener.addresses()[0];
    let (renderer, part) = (renderer().0, renderer().0);
    let rest = snapshot(vec![counter("jobs", 3)]);
    let listener = listener.or_else(move |accept, encoding| part.render(&rest, accept, encoding));
    let scrapes = Arc::clone(&entered);
    let page = move |accept: Option<&str>, encoding: Option<&str>| {
        scrapes.fetch_add(1, Ordering::Relaxed);
        let _ = hang.lock().unwrap().recv();
        renderer.render(&Snapshot::default(), accept, encoding)
    };
    let service: Service =
        Box::new(move || Box::pin(async move { listener.serve(page).await.unwrap() }));
    let pipeline = Pipeline::start_with(Vec::new(), vec![service]).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(move || {
                let page = ask(address, "GET /metrics HTTP/1.1\r\n");
                assert!(page.contains("jobs_total{"), "{page}");
            });
        }
    });
    assert_eq!(entered.load(Ordering::Relaxed), 1);
    drop(release);
    pipeline.shutdown(LIMIT);
}

#[test]
fn prometheus_scrapes_the_same_numbers_and_the_trace() {
    let now = Clock::system().now().unix_nanos();
    let listener = Listener::bind("127.0.0.1", 0).unwrap();
    let address = listener.addresses()[0];
    let metrics = snapshot(vec![counter("jobs", 3), durations(now)]);
    let pipeline = serve(listener, renderer().0, metrics);
    let Some(prometheus) = Prometheus::start(address) else {
        return;
    };
    let jobs = r#"jobs_total{code="200",otel_scope_name="shop.http"}"#;
    assert_eq!(prometheus.wait_for(jobs, LIMIT), 3.0);
    let duration = "http_server_request_duration_seconds";
    assert_eq!(prometheus.value(&format!("{duration}_sum")), Some(7.5));
    assert_eq!(prometheus.value(&format!("{duration}_count")), Some(10.0));
    assert_eq!(
        prometheus.value(&format!("{duration}_bucket{{le=\"1.0\"}}")),
        Some(3.0)
    );
    assert_eq!(
        prometheus.value("target_info{service_name=\"shop\"}"),
        Some(1.0)
    );
    let series = prometheus.exemplars(&format!("{duration}_bucket"));
    assert_eq!(series[0]["seriesLabels"]["le"], "1.0", "{series:?}");
    let exemplar = &series[0]["exemplars"][0];
    assert_eq!(exemplar["labels"]["trace_id"], TRACE);
    assert_eq!(exemplar["labels"]["span_id"], SPAN);
    assert_eq!(exemplar["labels"]["user_id"], "u-1");
    assert_eq!(exemplar["value"], "0.25");
    pipeline.shutdown(LIMIT);
}
