//! A service in this process, asked over a real socket.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use telemetry::config::{Env, LogFormat};
use telemetry::{Clock, Telemetry};
use telemetry_autolog::{MemoryStore, RedisStore, Service, Settings, Store};
use test_support::Redis;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything takes that ends at all, on a machine with other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A running service; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: &'static str,
    pub(crate) clock: Clock,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    pub(crate) redis: Option<Arc<Redis>>,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// One service for each store. Without `redis-server` there is one, said aloud; in CI that fails.
pub(crate) async fn servers() -> Vec<Server> {
    servers_with(Settings::default()).await
}

pub(crate) async fn servers_with(settings: Settings) -> Vec<Server> {
    let clock = manual_clock();
    let mut servers = vec![Server::on_memory(settings.clone(), clock.clone()).await];
    if let Some(redis) = Redis::start() {
        servers.push(Server::on_redis(settings, clock, Arc::new(redis)).await);
    }
    servers
}

/// A clock that begins now: Redis itself forgets what is long past.
pub(crate) fn manual_clock() -> Clock {
    Clock::manual(Clock::system().now().unix_nanos())
}

impl Server {
    pub(crate) async fn on_memory(settings: Settings, clock: Clock) -> Self {
        let store = Arc::new(MemoryStore::new(clock.clone()));
        Self::start(settings, store, clock, true).await
    }

    pub(crate) async fn on_redis(settings: Settings, clock: Clock, redis: Arc<Redis>) -> Self {
        let store = RedisStore::with_patience(&redis.url(), clock.clone(), PATIENCE).unwrap();
        let server = Self::start(settings, store, clock, true).await;
        Self {
            redis: Some(redis),
            ..server
        }
    }

    pub(crate) async fn start(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Clock,
        loopback: bool,
    ) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let name = store.name();
        let service = Service::new(settings, store, clock.clone(), loopback);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let served = async move { service.serve(socket, telemetry(), stopped).await.unwrap() };
        Self {
            address,
            store: name,
            clock,
            client: Client::builder(TokioExecutor::new()).build_http(),
            stop: Some(stop),
            task: tokio::spawn(served),
            redis: None,
        }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let answer = async {
            let response = self.client.request(request).await.unwrap();
            let (head, body) = response.into_parts();
            Reply {
                status: head.status.as_u16(),
                headers: head.headers,
                body: body.collect().await.unwrap().to_bytes(),
            }
        };
        timeout(PATIENCE, answer).await.expect("an answer in time")
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.request(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// Opens a session as a person would.
    pub(crate) async fn enable(&self, more: Value) -> Value {
        let reply = self.post("/api/autolog/enable", &app_with(more)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["config"].clone()
    }

    pub(crate) async fn disable(&self, more: Value) -> u16 {
        let reply = self.post("/api/autolog/disable", &app_with(more)).await;
        reply.status
    }

    pub(crate) async fn report(&self, more: Value) -> Value {
        let reply = self.post("/api/autolog/error", &app_with(more)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// Sends alerts, each `(fingerprint, status, endpoint)`.
    pub(crate) async fn alerts(&self, alerts: &[(&str, &str, &str)]) -> Reply {
        let alerts: Vec<Value> = alerts
            .iter()
            .map(|(fingerprint, status, endpoint)| alert(fingerprint, status, endpoint))
            .collect();
        self.post("/webhook/autolog", &notice(&alerts)).await
    }

    /// What a client of the shop is told.
    pub(crate) async fn check(&self, more: &str) -> Value {
        let reply = self.get(&format!("{CHECK}{more}")).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    pub(crate) async fn metric(&self, line: &str) -> Option<f64> {
        let page = self.get("/metrics").await;
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        let (name, labels) = line.split_once('{').unwrap();
        let wanted: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
        let mut lines = text
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")));
        let found = lines.find(|line| wanted.iter().all(|label| line.contains(label)))?;
        let value = found.rsplit_once("} ")?.1;
        value.split(' ').next()?.parse().ok()
    }

    /// Ends it as SIGTERM would, and waits until it has.
    pub(crate) async fn end(mut self) {
        drop(self.stop.take());
        timeout(PATIENCE, &mut self.task)
            .await
            .expect("an end")
            .unwrap();
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }
}

pub(crate) const CHECK: &str = "/api/autolog/check?app=shop&environment=production";

pub(crate) fn app_with(more: Value) -> Value {
    let mut body = json!({"app": "shop", "environment": "production", "service": "shop"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(crate) fn alert(fingerprint: &str, status: &str, endpoint: &str) -> Value {
    let mut labels = json!({
        "alertname": "ManyErrors",
        "service_name": "shop",
        "deployment_environment_name": "production",
    });
    if !endpoint.is_empty() {
        labels["http_route"] = json!(endpoint);
    }
    json!({
        "status": status,
        "fingerprint": fingerprint,
        "labels": labels,
        "annotations": {"summary": "many errors"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
    })
}

pub(crate) fn notice(alerts: &[Value]) -> Value {
    json!({
        "version": "4",
        "groupKey": "{}:{}",
        "status": "firing",
        "receiver": "autolog",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "truncatedAlerts": 0,
        "alerts": alerts,
    })
}

/// One for all tests of a process: only one can be.
pub(crate) fn telemetry() -> &'static Telemetry {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    TELEMETRY.get_or_init(|| {
        telemetry::builder()
            .env(Env::default())
            .service_name("telemetry-autolog")
            .traces_exporters([])
            .logs_exporters([])
            .metrics_exporters([])
            .log_format(LogFormat::Off)
            .without_panic_hook()
            .init()
            .unwrap()
    })
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, met: impl AsyncFn() -> bool) {
    let waited = async {
        while !met().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let met = timeout(PATIENCE, waited).await;
    assert!(met.is_ok(), "waited {PATIENCE:?} for {what}");
}
