//! A service that is watched while its telemetry has a bad day.

use std::io::Read;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use telemetry::Telemetry;

use crate::Failure;
use crate::producer::books;
use crate::program::{report, usage};

/// What a request works through: some 60 µs of CPU, as a small page takes.
const WORK_BYTES: usize = 64 * 1024;

/// Serves until stdin ends: `bare`, or with telemetry.
pub(crate) fn serve(kind: &str) -> Result<(), Failure> {
    let telemetry = match kind {
        "bare" => None,
        _ => Some(telemetry::builder().service_name("host").init()?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        report("address", listener.local_addr()?);
        let app = app(telemetry.is_some());
        drop(tokio::spawn(async { axum::serve(listener, app).await }));
        tokio::task::spawn_blocking(stdin_ends).await??;
        end(telemetry.as_ref())
    })
}

fn app(traced: bool) -> Router {
    let app = Router::new().route("/work/{name}", get(work));
    if traced {
        app.layer(telemetry::server_layer())
    } else {
        app
    }
}

async fn work(Path(name): Path<String>) -> String {
    let page = render(&name);
    tracing::info!(name, page, "rendered");
    format!("{page:016x}\n")
}

#[tracing::instrument]
fn render(name: &str) -> u64 {
    let text = name.bytes().cycle().take(WORK_BYTES);
    text.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) fn stdin_ends() -> std::io::Result<()> {
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).map(drop)
}

fn end(telemetry: Option<&Telemetry>) -> Result<(), Failure> {
    let used = usage("self")?;
    report("resident", used.resident);
    match telemetry {
        Some(telemetry) => books(telemetry, Duration::from_secs(2)),
        None => {
            report("peak", used.peak);
            Ok(())
        }
    }
}
