//! A service that asks another by reqwest. The other refuses the first time, so it is asked twice,
//! and all of it is one trace:
//!
//! ```text
//! cargo run --example reqwest --features reqwest
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use telemetry::http::{ResendCount, Route, UrlTemplate};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _telemetry = telemetry::builder()
        .default_service_name("reqwest")
        .console_when_unconfigured()
        .init()?;
    let client = ClientBuilder::new(reqwest::Client::new())
        // a middleware that sends again, such as that of reqwest-retry, goes here
        .with(telemetry::client_layer())
        .build();
    let stock = serve(Router::new().route("/items/{id}", get(count))).await?;
    let shop = Router::new().route("/report", get(report));
    let shop = serve(shop.with_state(Stock {
        client: client.clone(),
        address: stock,
    }))
    .await?;
    let report = client.get(format!("http://{shop}/report")).send().await?;
    tracing::info!(report = report.text().await?, "answered");
    Ok(())
}

async fn serve(routes: Router) -> Result<SocketAddr, Box<dyn Error>> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = socket.local_addr()?;
    let app = routes.layer(telemetry::server_layer());
    tokio::spawn(async move { axum::serve(socket, app).await });
    Ok(address)
}

async fn count() -> Result<&'static str, StatusCode> {
    static AWAKE: AtomicBool = AtomicBool::new(false);
    match AWAKE.swap(true, Ordering::Relaxed) {
        true => Ok("3"),
        false => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The other service, as its client sees it.
#[derive(Clone)]
struct Stock {
    client: ClientWithMiddleware,
    address: SocketAddr,
}

async fn report(State(stock): State<Stock>) -> Result<String, StatusCode> {
    let count = match stock.ask(0).await {
        Ok(count) => Ok(count),
        Err(_) => stock.ask(1).await,
    };
    let count = count.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(format!("{count} there"))
}

impl Stock {
    async fn ask(&self, sent_before: u32) -> reqwest_middleware::Result<String> {
        let answer = self
            .client
            .get(format!("http://{}/items/7?sig=secret", self.address))
            .with_extension(UrlTemplate(Route::from_static("/items/{id}")))
            .with_extension(ResendCount(sent_before))
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }
}
