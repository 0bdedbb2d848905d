//! The whole way, with real servers: a route fails, Prometheus sees it, Alertmanager tells the service,
//! Redis keeps the session, the application turns verbose for that route, and quiet again.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the test fails by panicking, prints what it measures, and waits in real time"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::Value;
use telemetry::Telemetry;
use telemetry::config::{Env, LogFormat};
use telemetry::logs::{LogSink, SinkConfig};
use test_support::{Alertmanager, Prometheus, Redis, free_port};

const PATIENCE: Duration = Duration::from_secs(90);
const WEBHOOK_SECRET: &str = "a-secret-of-alertmanager";
const API_TOKEN: &str = "a-token-of-operators";

/// What the application has written.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl LogSink for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

impl Lines {
    /// The lines of a level that came from the handlers since the last call of `clear`.
    fn of(&self, level: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .map(|it| serde_json::from_str::<Value>(it).unwrap());
        lines
            .filter(|it| it["target"] == "shop" && it["level"] == level)
            .collect()
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// The application, in this process.
struct Shop {
    telemetry: Telemetry,
    address: SocketAddr,
    lines: Lines,
    load: Arc<Load>,
}

/// What asks it all the time.
#[derive(Default)]
struct Load {
    fails: AtomicBool,
    requests: AtomicU64,
    ends: AtomicBool,
}

impl Shop {
    fn start(autolog: &str) -> Self {
        let lines = Lines::default();
        let env = [
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_SERVICE_NAME", "shop"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=staging",
            ),
            ("AUTOLOG_URL", autolog),
            ("AUTOLOG_TOKEN", API_TOKEN),
        ];
        let telemetry = telemetry::builder()
            .env(Env::from_pairs(env))
            .log_format(LogFormat::Off)
            .log_sink(SinkConfig::custom("memory", lines.clone()))
            .init()
            .unwrap();
        let load = Arc::new(Load::default());
        let address = serve(&telemetry, Arc::clone(&load));
        let asking = Arc::clone(&load);
        thread::spawn(move || {
            while !asking.ends.load(Ordering::Relaxed) {
                drop(ask(address, "GET", "/pay/7", ""));
                drop(ask(address, "GET", "/list", ""));
                asking.requests.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            telemetry,
            address,
            lines,
            load,
        }
    }

    /// Lets so many rounds of requests pass, and has their lines written.
    fn rounds(&self, count: u64) {
        let until = self.load.requests.load(Ordering::Relaxed) + count;
        wait("the load to go on", || {
            (self.load.requests.load(Ordering::Relaxed) >= until).then_some(())
        });
        self.telemetry.flush(PATIENCE).unwrap();
    }

    fn open_sessions(&self) -> usize {
        self.telemetry.status().autolog.unwrap().sessions.len()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.load.ends.store(true, Ordering::Relaxed);
    }
}

/// Serves it on a runtime of its own.
fn serve(telemetry: &Telemetry, load: Arc<Load>) -> SocketAddr {
    let pay = move || async move {
        tracing::debug!(target: "shop", "asking the bank");
        if load.fails.load(Ordering::Relaxed) {
            tracing::error!(target: "shop", "the bank is closed");
            return (StatusCode::INTERNAL_SERVER_ERROR, "sorry");
        }
        tracing::info!(target: "shop", "paid");
        (StatusCode::OK, "paid")
    };
    let list = || async {
        tracing::debug!(target: "shop", "listing");
        tracing::info!(target: "shop", "listed");
        "nothing"
    };
    let app = Router::new()
        .route("/pay/{id}", get(pay))
        .route("/list", get(list))
        .layer(telemetry::server_layer())
        .merge(telemetry.routes());
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let socket = tokio::net::TcpListener::from_std(socket).unwrap();
            axum::serve(socket, app).await.unwrap();
        });
    });
    address
}

/// The auto-log service, as a program.
struct Autolog {
    child: Child,
    address: SocketAddr,
}

impl Autolog {
    fn start(redis: &Redis) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_telemetry-autolog"))
            .env("PORT", port.to_string())
            .env("AUTOLOG_STORE", redis.url())
            .env("ALERTMANAGER_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("AUTOLOG_API_TOKEN", API_TOKEN)
            // here it is the alert that opens, and nothing else
            .env("ERROR_THRESHOLD_COUNT", "1000000")
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let autolog = Self { child, address };
        wait("the service to be healthy", || {
            let (status, body) = ask(address, "GET", "/health", "")?;
            (status == 200 && body.contains(r#""store":"redis""#)).then_some(())
        });
        autolog
    }

    fn sessions(&self) -> Vec<Value> {
        let token = format!("Authorization: Bearer {API_TOKEN}\r\n");
        let Some((200, body)) = ask(self.address, "GET", "/api/autolog/list", &token) else {
            return Vec::new();
        };
        let list: Value = serde_json::from_str(&body).unwrap();
        list["sessions"].as_array().unwrap().clone()
    }
}

impl Drop for Autolog {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything together.
struct World {
    shop: Shop,
    prometheus: Prometheus,
    _alertmanager: Alertmanager,
    autolog: Autolog,
    redis: Redis,
    /// Alertmanager reads the secret with each message.
    _folder: tempfile::TempDir,
    began: Instant,
}

impl World {
    fn start() -> Option<Self> {
        let redis = Redis::start()?;
        let autolog = Autolog::start(&redis);
        let folder = tempfile::tempdir().unwrap();
        let alertmanager = Alertmanager::start(&alertmanager_config(&autolog, folder.path()))?;
        let shop = Shop::start(&format!("http://{}", autolog.address));
        let alerting = format!(
            "alerting:\n  alertmanagers:\n  - static_configs:\n    - targets: ['{}']\n",
            alertmanager.address()
        );
        let prometheus = Prometheus::start_with(shop.address, &rules(), &alerting)?;
        let seen = prometheus.wait_for(r#"count(target_info{service_name="shop"})"#, PATIENCE);
        assert!(seen > 0.0);
        Some(Self {
            shop,
            prometheus,
            _alertmanager: alertmanager,
            autolog,
            redis,
            _folder: folder,
            began: Instant::now(),
        })
    }

    fn step(&self, what: &str) {
        println!("{:6.2} s  {what}", self.began.elapsed().as_secs_f64());
    }

    fn firing(&self) -> Vec<Value> {
        self.prometheus.query(r#"ALERTS{alertstate="firing"}"#)
    }

    /// Nothing fails: INFO and no more.
    fn is_quiet(&self) {
        self.shop.rounds(20);
        let lines = &self.shop.lines;
        assert!(lines.of("DEBUG").is_empty() && !lines.of("INFO").is_empty());
        assert!(self.firing().is_empty() && self.autolog.sessions().is_empty());
    }

    /// A route begins to fail; the session that is opened.
    fn fails(&self) -> Value {
        self.shop.load.fails.store(true, Ordering::Relaxed);
        self.step("/pay/{id} begins to fail");
        let alerts = wait("an alert", || {
            Some(self.firing()).filter(|it| !it.is_empty())
        });
        let labels = &alerts[0]["metric"];
        self.step(&format!("Prometheus: {} fires", labels["alertname"]));
        assert_eq!(labels["http_route"], "/pay/{id}");
        assert_eq!(labels["deployment_environment_name"], "staging");
        let session = wait("a session", || self.autolog.sessions().into_iter().next());
        self.step("Alertmanager has told the service, which has opened a session");
        assert_eq!(session["endpoint"], "/pay/{id}");
        assert_eq!(session["app"], "shop");
        assert_eq!(session["environment"], "staging");
        let keys = self.redis.ask("KEYS *").unwrap();
        assert!(keys.contains("{autolog}:app:shop:staging"), "{keys}");
        wait("the application to hear", || {
            (self.shop.open_sessions() == 1).then_some(())
        });
        self.step("the application has heard of it");
        session
    }

    /// The route is verbose, and no other.
    fn is_verbose(&self, session: &Value) {
        let Shop { lines, .. } = &self.shop;
        lines.clear();
        self.shop.rounds(20);
        let verbose = lines.of("DEBUG");
        self.step(&format!("{} lines of DEBUG in 20 rounds", verbose.len()));
        assert!(verbose.len() >= 19, "{verbose:?}");
        for line in &verbose {
            assert_eq!(line["message"], "asking the bank", "of the route alone");
            assert_eq!(line["autolog.session.id"], session["id"]);
            assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
        }
        let traces = verbose.iter().map(|it| it["trace_id"].to_string());
        assert_eq!(traces.collect::<BTreeSet<_>>().len(), verbose.len());
        let mut listed = lines.of("INFO");
        listed.retain(|it| it["message"] == "listed");
        assert!(!listed.is_empty());
        let is_marked = |it: &Value| it.get("autolog.session.id").is_some();
        assert!(!listed.iter().any(is_marked), "{listed:?}");
    }

    /// The errors stop, and with them everything else.
    fn recovers(&self) {
        self.shop.load.fails.store(false, Ordering::Relaxed);
        self.step("the errors stop");
        wait("the alerts to end", || {
            self.firing().is_empty().then_some(())
        });
        self.step("Prometheus: no alert fires");
        wait("the session to close", || {
            self.autolog.sessions().is_empty().then_some(())
        });
        self.step("Alertmanager has told the service, which has closed the session");
        wait("the application to hear", || {
            (self.shop.open_sessions() == 0).then_some(())
        });
        self.step("the application has heard of it");
        // a request that had begun may still write
        self.shop.rounds(2);
        let lines = &self.shop.lines;
        lines.clear();
        self.shop.rounds(20);
        let (debug, info) = (lines.of("DEBUG").len(), lines.of("INFO").len());
        self.step(&format!(
            "{debug} lines of DEBUG in 20 rounds, {info} of INFO"
        ));
        assert_eq!(debug, 0);
        assert!(info >= 38, "{info}");
    }
}

#[test]
fn a_failing_route_turns_verbose_and_quiet_again() {
    let Some(world) = World::start() else { return };
    world.is_quiet();
    let session = world.fails();
    world.is_verbose(&session);
    world.recovers();
    let status = world.shop.telemetry.status().autolog.unwrap();
    assert!(status.reported_errors > 10, "{status:?}");
    assert_eq!(status.last_error, None);
}

/// Our rules, with windows for those who cannot wait.
fn rules() -> String {
    let rules = fs::read_to_string(deployed("prometheus.yml")).unwrap();
    let mut short = rules;
    for window in ["2m", "5m", "15m"] {
        short = short
            .replace(&format!("[{window}]"), "[10s]")
            .replace(&format!("offset {window}"), "offset 10s");
    }
    assert_eq!(short.matches("[10s]").count(), 3);
    short
}

/// Our configuration, with addresses of here and without the wait between two messages.
fn alertmanager_config(autolog: &Autolog, folder: &Path) -> String {
    let secret = folder.join("secret");
    fs::write(&secret, WEBHOOK_SECRET).unwrap();
    let config = fs::read_to_string(deployed("alertmanager.yml")).unwrap();
    let changes = [
        ("http://autolog:5000", format!("http://{}", autolog.address)),
        (
            "/etc/alertmanager/autolog-secret",
            secret.display().to_string(),
        ),
        ("group_interval: 10s", "group_interval: 1s".to_owned()),
    ];
    changes.iter().fold(config, |config, (from, to)| {
        assert!(config.contains(from), "{from} is not in {config}");
        config.replace(from, to)
    })
}

fn deployed(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy/alerts")
        .join(name)
}

/// The status and the body of an answer; none if there is none.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[track_caller]
fn wait<T>(what: &str, met: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = met() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
