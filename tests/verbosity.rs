//! A program that turns verbose while it runs: over real sockets, seen in its lines. One program
//! starts telemetry once, so the tests share it and each has routes and targets of its own.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use common::ask;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value, json};
use telemetry::config::{Env, LogFormat};
use telemetry::logs::{LogSink, Override, Scope, SinkConfig, Tokens};
use telemetry::{Clock, Telemetry};
use tracing::Level;
use tracing::level_filters::LevelFilter;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "fedcba9876543210fedcba9876543210";
const PATIENCE: Duration = Duration::from_secs(30);

/// The program.
struct Shop {
    telemetry: Telemetry,
    clock: Clock,
    lines: Memory,
    spans: Spans,
}

#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

/// The session of each span.
#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<Told>>>);

type Told = (String, Option<String>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let session = |span: &SpanData| {
            let mut attributes = span.attributes.iter();
            let found = attributes.find(|it| it.key.as_str() == "autolog.session.id");
            found.map(|it| it.value.to_string())
        };
        let told = |span: SpanData| (span.name.to_string(), session(&span));
        self.0.lock().unwrap().extend(batch.into_iter().map(told));
        Ok(())
    }
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let (clock, lines) = (Clock::manual(1_795_270_981_000_000_000), Memory::default());
    let env = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let spans = Spans::default();
    let telemetry = telemetry::builder()
        .env(Env::from_pairs(env))
        .verbose_secret(SECRET)
        .verbose_hosts(["localhost"])
        .loggers_token(TOKEN)
        .span_exporter(spans.clone())
        .clock(clock.clone())
        .log_format(LogFormat::Off)
        .log_sink(SinkConfig::custom("memory", lines.clone()))
        .init()
        .unwrap();
    Shop {
        telemetry,
        clock,
        lines,
        spans,
    }
});

impl Shop {
    fn set(&self, scope: Scope, level: Level, lasts: Duration) {
        let wish = Override::new(scope, level, lasts);
        self.telemetry.verbosity().set(wish).unwrap();
    }

    /// The lines of a target so far.
    fn lines_of(&self, target: &str) -> Vec<Value> {
        self.telemetry.flush(PATIENCE).unwrap();
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == target).collect()
    }

    fn lines_of_app(&self, target: &str, app: &str) -> Vec<Value> {
        let mut lines = self.lines_of(target);
        lines.retain(|line| line["app"] == app);
        lines
    }

    fn messages_of(&self, target: &str) -> Vec<String> {
        let lines = self.lines_of(target);
        let text = |line: &Value| line["message"].as_str().unwrap().to_owned();
        lines.iter().map(text).collect()
    }
}

fn app() -> Router {
    let pay = |Path(id): Path<u32>| async move {
        tracing::debug!(target: "pay", id, "charging");
        let task = async { tracing::debug!(target: "pay", "in a task") };
        tokio::spawn(tracing::Instrument::in_current_span(task))
            .await
            .unwrap();
        tracing::info!(target: "pay", "charged");
        "paid"
    };
    let list = || async {
        tracing::debug!(target: "pay", "listing");
        "none"
    };
    Router::new()
        .route("/pay/{id}", get(pay))
        .route("/list", get(list))
        .layer(telemetry::server_layer())
}

#[test]
fn one_route_is_verbose_and_no_other() {
    let shop = &*SHOP;
    ask(app(), "/pay/1", "");
    assert_eq!(shop.messages_of("pay"), ["charged"]);
    shop.set(Scope::Route("/pay/{id}".into()), Level::DEBUG, HOUR);
    ask(app(), "/list", "");
    ask(app(), "/pay/2", "");
    let lines = shop.lines_of("pay");
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(messages, ["charged", "charging", "in a task", "charged"]);
    assert_eq!(lines[1]["id"], 2);
    assert_eq!(lines[1]["level"], "DEBUG");
    assert_eq!(lines[1]["trace_id"], lines[3]["trace_id"]);
}

#[test]
fn records_of_the_log_crate_follow() {
    let shop = &*SHOP;
    log::debug!(target: "old_crate", "before");
    shop.set(Scope::Target("old_crate".into()), Level::DEBUG, HOUR);
    assert!(log::max_level() >= log::LevelFilter::Debug);
    log::debug!(target: "old_crate", "wanted");
    log::debug!(target: "older_crate", "not wanted");
    assert_eq!(shop.messages_of("old_crate"), ["wanted"]);
    assert!(shop.messages_of("older_crate").is_empty());
}

#[test]
fn the_timer_takes_away_what_has_expired() {
    let shop = &*SHOP;
    shop.set(Scope::Target("brief".into()), Level::TRACE, MINUTE);
    tracing::trace!(target: "brief", "in time");
    shop.clock.advance(MINUTE);
    tracing::trace!(target: "brief", "too late");
    // then TRACE is off again for all, before anybody asks
    let armed = || LevelFilter::current() == LevelFilter::TRACE;
    let tries = (0..3000).take_while(|_| armed());
    tries.for_each(|_| std::thread::sleep(Duration::from_millis(10)));
    assert!(!armed());
    assert_eq!(shop.messages_of("brief"), ["in time"]);
}

#[test]
fn spans_and_lines_of_a_session_carry_it() {
    let shop = &*SHOP;
    let app = || {
        let charge = || async {
            tracing::info_span!("charge card").in_scope(|| tracing::info!(target: "till", "done"));
        };
        let route = Router::new().route("/till", get(charge));
        route
            .route("/other", get(charge))
            .layer(telemetry::server_layer())
    };
    let wish = Override::new(Scope::Route("/till".into()), Level::DEBUG, HOUR);
    let verbosity = shop.telemetry.verbosity();
    verbosity.set(wish.session("s-7")).unwrap();
    ask(app(), "/till", "");
    ask(app(), "/other", "");
    let sessions: Vec<_> = shop.lines_of("till");
    let sessions: Vec<_> = sessions
        .iter()
        .map(|line| &line["autolog.session.id"])
        .collect();
    assert_eq!(sessions, [&json!("s-7"), &Value::Null]);
    let spans = shop.spans.0.lock().unwrap().clone();
    let of = |name: &str| {
        let found = spans.iter().filter(|(span, _)| span == name);
        found.map(|(_, id)| id.as_deref()).collect::<Vec<_>>()
    };
    assert_eq!(of("GET /till"), [Some("s-7")]);
    assert_eq!(of("GET /other"), [None]);
    assert_eq!(of("charge card"), [Some("s-7"), None]);
}

/// Two services in one: `/front` calls `/back` by the name that it is asked for.
fn front_and_back(app: &'static str) -> Router {
    let front = move |Path((host, port)): Path<(String, u16)>| async move {
        tracing::debug!(target: "front", app, "asked");
        let uri = format!("http://{host}:{port}/back");
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let executor = hyper_util::rt::TokioExecutor::new();
        let client = hyper_util::client::legacy::Client::builder(executor).build(connector);
        let client = telemetry::client(client);
        let request = axum::http::Request::get(uri)
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = tower::ServiceExt::oneshot(client, request).await.unwrap();
        axum::body::to_bytes(axum::body::Body::new(answer), 4096)
            .await
            .unwrap()
    };
    let back = move |headers: axum::http::HeaderMap| async move {
        tracing::debug!(target: "back", app, "asked");
        let sent: Vec<_> = headers
            .get_all("baggage")
            .iter()
            .map(|it| it.to_str().unwrap())
            .collect();
        let header = headers.contains_key("x-telemetry-verbose");
        format!("baggage {} header {header}", sent.join(","))
    };
    Router::new()
        .route("/front/{host}/{port}", get(front))
        .route("/back", get(back))
        .layer(telemetry::server_layer())
}

#[test]
fn a_token_turns_its_trace_verbose_in_every_service_on_the_list() {
    let shop = &*SHOP;
    let (_runtime, address) = serve(front_and_back("token"));
    let ask = |host: &str, header: &str| {
        let path = format!("/front/{host}/{}", address.port());
        send(address, "GET", &path, header, "").1
    };
    let lines = || ["front", "back"].map(|target| shop.lines_of_app(target, "token"));
    let counts = || lines().map(|lines| lines.len());
    let tokens = Tokens::new(SECRET.as_bytes()).unwrap();
    let token = tokens.make(Level::DEBUG, HOUR, &shop.clock);
    let entry = format!("telemetry.verbose={token}");

    ask("localhost", "");
    assert_eq!(counts(), [0, 0]);
    let answer = ask("localhost", &format!("X-Telemetry-Verbose: {token}\r\n"));
    assert_eq!(answer, format!("baggage {entry} header false"));
    let [front, back] = lines();
    assert_eq!((front.len(), back.len()), (1, 1));
    assert_eq!(front[0]["trace_id"], back[0]["trace_id"]);

    // it comes as baggage just as well, and the rest of that goes on
    let header = format!("baggage: a=b,{entry}\r\n");
    let answer = ask("localhost", &header);
    assert_eq!(answer, format!("baggage a=b,{entry} header false"));
    assert_eq!(counts(), [2, 2]);

    // not to a host that is not on the list
    assert_eq!(ask("127.0.0.1", &header), "baggage a=b header false");
    assert_eq!(counts(), [3, 2]);
    let set = shop.telemetry.verbosity().overrides();
    assert_eq!(set.iter().filter(|it| it.source == "token").count(), 1);
}

#[test]
fn without_a_valid_token_a_request_is_as_any_other() {
    let shop = &*SHOP;
    let (_runtime, address) = serve(front_and_back("plain"));
    let path = format!("/front/localhost/{}", address.port());
    let make = |tokens: &Tokens| tokens.make(Level::DEBUG, HOUR, &shop.clock);
    let token = make(&Tokens::new(SECRET.as_bytes()).unwrap());
    let foreign = make(&Tokens::new(&[7; 32]).unwrap());
    let header = |token: &str| format!("X-Telemetry-Verbose: {token}\r\n");
    let wrong = [
        header(&foreign),
        header(&token[..token.len() - 1]),
        header(&token).repeat(2),
        header("\u{e4}"),
        format!("baggage: telemetry.verbose={foreign}\r\n"),
    ];
    for header in wrong {
        let (status, answer) = send(address, "GET", &path, &header, "");
        assert_eq!(status, 200);
        assert_eq!(answer, "baggage  header false", "{header}");
    }
    assert!(shop.lines_of_app("front", "plain").is_empty());
}

#[test]
fn levels_are_shown_and_changed_over_http() {
    let shop = &*SHOP;
    let local: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let (_runtime, address) = serve(shop.telemetry.loggers_router(local));
    let ask = |method: &str, path: &str, body: &str| {
        let (status, answer) = send(address, method, path, "", body);
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let quiet = json!({"configured": "info", "effective": "info"});
    assert_eq!(
        ask("GET", "/telemetry/loggers/api::v1", ""),
        (200, quiet.clone())
    );
    let body = r#"{"level":"debug","ttl_seconds":600,"reason":"why not","later":1}"#;
    let verbose = json!({"configured": "info", "effective": "debug"});
    assert_eq!(
        ask("PUT", "/telemetry/loggers/api::v1", body),
        (200, verbose.clone())
    );
    assert_eq!(
        ask("PUT", "/telemetry/loggers/api::v1", body),
        (200, verbose.clone())
    );
    tracing::debug!(target: "api::v1", "raised");
    let (_, all) = ask("GET", "/telemetry/loggers", "");
    assert_eq!(all["loggers"]["api::v1"], verbose);
    assert_eq!(all["loggers"]["ROOT"], quiet);
    let set: Vec<_> = all["overrides"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["source"] == "loggers")
        .collect();
    assert_eq!(set.len(), 1, "the second took the place of the first");
    assert_eq!(
        (&set[0]["scope"], &set[0]["reason"]),
        (&json!("target api::v1"), &json!("why not"))
    );
    let left = set[0]["remaining_seconds"].as_f64().unwrap();
    assert!((540.0..=600.0).contains(&left), "{left}");
    assert_eq!(
        ask("DELETE", "/telemetry/loggers/api::v1", ""),
        (200, quiet)
    );
    tracing::debug!(target: "api::v1", "reset");
    assert_eq!(shop.messages_of("api::v1"), ["raised"]);

    assert_eq!(ask("PUT", "/telemetry/loggers/a", body).0, 200);
    let (_, all) = ask("DELETE", "/telemetry/loggers", "");
    assert_eq!(all["loggers"].get("a"), None);
}

#[test]
fn what_is_wrong_with_a_wish_is_said() {
    let shop = &*SHOP;
    let local: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    let (_runtime, address) = serve(shop.telemetry.loggers_router(local));
    let put = |body: &str| send(address, "PUT", "/telemetry/loggers/wrong", "", body);
    let wrong = [
        "",
        "{}",
        r#"{"level":"loud","ttl_seconds":1}"#,
        r#"{"level":"debug"}"#,
        r#"{"level":"debug","ttl_seconds":0}"#,
        r#"{"level":"debug","ttl_seconds":86401}"#,
        r#"{"level":"debug","ttl_seconds":-1}"#,
    ];
    for body in wrong {
        let (status, answer) = put(body);
        assert_eq!(status, 400, "{body}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
    let long = format!(
        r#"{{"level":"debug","ttl_seconds":9,"reason":"{}"}}"#,
        "x".repeat(20_000)
    );
    assert_eq!(put(&long).0, 413);
    let set = shop.telemetry.verbosity().overrides();
    assert!(set.iter().all(|it| it.scope.to_string() != "target wrong"));
}

#[test]
fn levels_are_for_those_who_know_the_token_or_are_on_this_machine() {
    let shop = &*SHOP;
    let status = |bound_to: SocketAddr, headers: &str| {
        let (_runtime, address) = serve(shop.telemetry.loggers_router(bound_to));
        send(address, "GET", "/telemetry/loggers", headers, "").0
    };
    let (local, any) = (
        (Ipv4Addr::LOCALHOST, 0).into(),
        (Ipv4Addr::UNSPECIFIED, 0).into(),
    );
    let good = format!("Authorization: Bearer {TOKEN}\r\n");
    let proxied = [
        "Forwarded: for=192.0.2.1\r\n",
        "X-Forwarded-For: 192.0.2.1\r\n",
        "x-forwarded-host: a\r\n",
        "Origin: http://evil.example\r\n",
    ];
    assert_eq!(status(local, ""), 200);
    assert_eq!(status(any, ""), 401);
    for headers in proxied {
        assert_eq!(status(local, headers), 401, "{headers}");
        assert_eq!(status(local, &format!("{headers}{good}")), 200, "{headers}");
    }
    assert_eq!(status(any, &good), 200);
    assert_eq!(status(any, &good.replace("Bearer", "bearer")), 200);
    let wrong = [
        format!("Authorization: Bearer {}\r\n", &TOKEN[1..]),
        format!("Authorization: Bearer {TOKEN}x\r\n"),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("{good}{good}"),
        "Authorization: Bearer\r\n".to_owned(),
    ];
    for headers in wrong {
        assert_eq!(status(any, &headers), 401, "{headers}");
    }
    // who sends a wrong one is no neighbour
    assert_eq!(status(local, "Authorization: Bearer guess\r\n"), 401);
}

fn serve(app: Router) -> (tokio::runtime::Runtime, SocketAddr) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let socket = runtime.block_on(socket).unwrap();
    let address = socket.local_addr().unwrap();
    runtime.spawn(async { axum::serve(socket, app).await });
    (runtime, address)
}

/// The status and the body of the answer.
fn send(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut client = TcpStream::connect(to).unwrap();
    let length = body.len();
    let always = format!("Host: test\r\nConnection: close\r\nContent-Length: {length}\r\n");
    let request = format!("{method} {path} HTTP/1.1\r\n{always}{headers}\r\n{body}");
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // a server that refuses a body may close before it has read it
    let _reset = client.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
