//! A shop of two services, HTTP in front and gRPC behind, and a customer who asks once. Each side of
//! each call has its layer, so that all of it is one trace:
//!
//! ```text
//! cargo run --example shop
//! ```

mod stock;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use stock::{StockClient, StockServer};
use telemetry::http::{ClientService, Route, UrlTemplate};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Server};
use tower::{Layer, Service};

type Stock = StockClient<ClientService<Channel>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _telemetry = telemetry::builder()
        .default_service_name("shop")
        .console_when_unconfigured()
        .init()?;
    let stock = serve_stock().await?;
    let shop = serve_shop(stock).await?;
    let report = ask(shop).await?;
    tracing::info!(report, "answered");
    Ok(())
}

/// The service behind.
async fn serve_stock() -> Result<Stock, Box<dyn Error>> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let endpoint = Endpoint::try_from(format!("http://{}", socket.local_addr()?))?;
    let server = Server::builder()
        .layer(telemetry::server_layer())
        .add_service(StockServer);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(socket)));
    // a channel's requests do not say where they go: without this they have no `server.address`
    let layer = telemetry::client_layer().origin(endpoint.uri().clone());
    Ok(StockClient::new(layer.layer(endpoint.connect_lazy())))
}

/// The service in front.
async fn serve_shop(stock: Stock) -> Result<SocketAddr, Box<dyn Error>> {
    let app = Router::new()
        .route("/report/{item}", get(report))
        .layer(telemetry::server_layer())
        .with_state(stock);
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move { axum::serve(socket, app).await });
    Ok(address)
}

async fn report(
    State(stock): State<Stock>,
    Path(item): Path<String>,
) -> Result<String, (StatusCode, String)> {
    let report = every_kind_of_call(stock, &item).await;
    report.map_err(|status| (StatusCode::BAD_GATEWAY, status.to_string()))
}

async fn every_kind_of_call(mut stock: Stock, item: &str) -> Result<String, Status> {
    let items = || tokio_stream::iter([item.to_owned(), item.to_owned()]);
    let count = stock.count(item).await?;
    let added = stock.add(items()).await?;
    let mut counts = stock.watch(item).await?;
    let mut seen = 0;
    while counts.message().await?.is_some() {
        seen += 1;
    }
    let mut answers = stock.exchange(items()).await?;
    let mut exchanged = 0;
    while answers.message().await?.is_some() {
        exchanged += 1;
    }
    Ok(format!(
        "{item}: {count} there, {added} added, {seen} counts, {exchanged} exchanged"
    ))
}

/// The customer.
async fn ask(shop: SocketAddr) -> Result<String, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut client = telemetry::client(client);
    let request = Request::get(format!("http://{shop}/report/horse"))
        .extension(UrlTemplate(Route::from_static("/report/{item}")))
        .body(Empty::<Bytes>::new())?;
    let response = client.call(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.into())?)
}
