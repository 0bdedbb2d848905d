//! 100,000 spans a second to a collector that answers at once: what the telemetry thread takes.

use std::time::Duration;

use opentelemetry_sdk::Resource;
use rustix::time::{ClockId, clock_gettime};
use telemetry_core::config::{Compression, OtlpProtocol};
use telemetry_core::export::otlp::{OtlpExporter, OtlpSettings};
use telemetry_core::export::{Accepted, ExportError, ExportFuture, Exporter};
use telemetry_core::pipeline::{Batch, Signal};
use telemetry_core::trace::Sampler;
use tracing::{info_span, subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::collector;
use crate::ours::Ours;

const PER_SECOND: u64 = 100_000;
const SECONDS: u64 = 5;
/// How many spans are made between two naps.
const BURST: u64 = 1000;

/// The share of one core that the telemetry thread needs, in percent, and its time for a span in ns.
pub(crate) fn cpu_share(gzip: bool) -> String {
    let address = collector::start(|_| String::new());
    let mut settings = OtlpSettings::new(
        format!("http://{address}/v1/traces"),
        OtlpProtocol::HttpProtobuf,
    );
    settings.compression = gzip.then_some(Compression::Gzip);
    let (sender, times) = std::sync::mpsc::channel();
    let factory = move || {
        let resource = Resource::builder_empty().with_service_name("shop").build();
        let inner = OtlpExporter::new(Signal::Traces, &settings, &resource)?;
        Ok(Box::new(Timed { inner, sender }) as Box<dyn Exporter>)
    };
    let ours = Ours::exporting(
        Sampler::parent_based_always_on(),
        "collector",
        Box::new(factory),
    );
    subscriber::set_global_default(Registry::default().with(ours.layer())).unwrap();

    load(1);
    ours.flush();
    let before = times.try_iter().last().unwrap();
    load(SECONDS);
    ours.flush();
    let spent: Duration = times.try_iter().last().unwrap() - before;
    let per_span = spent.as_nanos() / u128::from(PER_SECOND * SECONDS);
    // 100,000 nanoseconds a second are a hundredth of a percent
    format!("{}.{:02} {per_span}", per_span / 100, per_span % 100)
}

/// Makes spans at the given rate.
fn load(seconds: u64) {
    let start = wall();
    for burst in 1..=seconds * PER_SECOND / BURST {
        for number in 0..BURST {
            drop(info_span!(
                "GET /users/{id}",
                http.request.method = "GET",
                http.route = "/users/{id}",
                url.path = "/users/42",
                url.scheme = "https",
                http.response.status_code = 200,
                server.address = "shop.example",
                server.port = 443,
                client.address = "203.0.113.7",
                user_agent.original = "curl/8.5.0",
                number,
            ));
        }
        let due = start + Duration::from_micros(burst * BURST * 1_000_000 / PER_SECOND);
        std::thread::sleep(due.saturating_sub(wall()));
    }
}

fn wall() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap()
}

/// Reports the CPU time of the thread it lives on after each batch.
struct Timed {
    inner: OtlpExporter,
    sender: std::sync::mpsc::Sender<Duration>,
}

impl Exporter for Timed {
    fn destination(&self) -> String {
        self.inner.destination()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.inner.prepare(batch)
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        self.inner.attempt()
    }

    fn release(&mut self) {
        self.inner.release();
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        let _ = self.sender.send(Duration::try_from(spent).unwrap());
    }
}
