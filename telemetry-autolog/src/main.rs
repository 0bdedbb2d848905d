//! The auto-log service as a program. Its settings are environment variables: see `docs/autolog.md`.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use telemetry::Clock;
use telemetry::config::Env;
use telemetry_autolog::{MemoryStore, Service, Settings, Store, StoreSetting};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    // where it cannot be told, the exit code tells it
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    drop(writeln!(io::stderr(), "telemetry-autolog: {error}{cause}"));
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env(&Env::process())?;
    let telemetry = telemetry::builder()
        .default_service_name("telemetry-autolog")
        .service_version(env!("CARGO_PKG_VERSION"))
        .init()?;
    let store = store(&settings.store)?;
    let socket = TcpListener::bind((settings.bind, settings.port)).await;
    let address = format!("{}:{}", settings.bind, settings.port);
    let socket = socket.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let local = socket.local_addr()?;
    tracing::info!(address = %local, store = store.name(), "listening");
    let loopback = local.ip().is_loopback();
    let service = Service::new(settings, store, Clock::system(), loopback);
    service
        .serve(socket, &telemetry, telemetry::shutdown_signal())
        .await?;
    telemetry.shutdown().await;
    Ok(())
}

fn store(setting: &StoreSetting) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    match setting {
        #[cfg(feature = "redis")]
        StoreSetting::Redis(url) => Ok(telemetry_autolog::RedisStore::new(url, Clock::system())?),
        StoreSetting::Memory => Ok(Arc::new(MemoryStore::new(Clock::system()))),
        _ => Err("this program was built without the store that AUTOLOG_STORE names".into()),
    }
}
