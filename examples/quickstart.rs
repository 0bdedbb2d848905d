//! A small service that shows what telemetry does. Run it and ask it something:
//!
//! ```text
//! cargo run --example quickstart
//! curl localhost:3000/hello/ada
//! curl localhost:3000/metrics
//! ```
//!
//! stdout has the logs, one JSON object a line; stderr has everything else.

use std::time::Duration;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use telemetry::config::LogFormat;

#[tracing::instrument]
async fn load_profile(user: &str) -> &'static str {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tracing::info!(cache = "miss", "profile loaded");
    "en"
}

#[tracing::instrument]
async fn render(name: &str, lang: &str) -> String {
    let page = format!("hello {name}\n");
    tracing::info!(bytes = page.len(), "rendered");
    page
}

async fn hello(Path(name): Path<String>) -> String {
    let lang = load_profile(&name).await;
    tracing::info!(name, lang, "greeting");
    render(&name, lang).await
}

#[derive(Debug, thiserror::Error)]
#[error("payment declined")]
struct Declined(#[source] std::io::Error);

async fn fail() -> (StatusCode, &'static str) {
    let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset");
    let error: &(dyn std::error::Error + 'static) = &Declined(reset);
    tracing::error!(error, "charge failed");
    (StatusCode::INTERNAL_SERVER_ERROR, "payment declined\n")
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "done\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = telemetry::builder()
        .default_service_name("quickstart")
        .log_format(LogFormat::Json)
        .console_when_unconfigured()
        .init()?;
    let traced = Router::new()
        .route("/hello/{name}", get(hello))
        .route("/fail", get(fail))
        .route("/slow", get(slow))
        .layer(telemetry::server_layer());
    let app = traced
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(telemetry.routes());
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let socket = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    Ok(axum::serve(socket, app)
        .with_graceful_shutdown(telemetry::shutdown_signal())
        .await?)
}
