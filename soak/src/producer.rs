//! Programs that do nothing but make spans.

use std::time::{Duration, Instant};

use opentelemetry::{Array, KeyValue, StringValue, Value};
use telemetry::{Signal, SpanExt, Telemetry};

use crate::Failure;
use crate::program::{report, usage};

const THREADS: u64 = 2;

/// The rate of the wide run, over both threads.
const WIDE_PER_SECOND: u64 = 15_000;

const WIDE_ATTRIBUTES: usize = 400;

/// Makes spans of six attributes as fast as two threads can.
pub(crate) fn full_speed(time: Duration) -> Result<(), Failure> {
    measured(time, |_, until| {
        let mut made = 0_u64;
        while Instant::now() < until {
            for _ in 0..100 {
                let _request = tracing::info_span!(
                    "GET /users/{id}",
                    user.id = made,
                    http.request.method = "GET",
                    http.route = "/users/{id}",
                    http.response.status_code = 200,
                    url.scheme = "http",
                    server.address = "localhost",
                )
                .entered();
                made += 1;
            }
        }
        made
    })
}

/// Makes 15,000 spans a second, each with 400 attributes set in one call.
pub(crate) fn wide(time: Duration) -> Result<(), Failure> {
    measured(time, |began, until| {
        let attributes = attributes();
        let pause = Duration::from_secs(1) * u32::try_from(THREADS).unwrap_or(1)
            / u32::try_from(WIDE_PER_SECOND).unwrap_or(1);
        let mut made = 0_u64;
        let mut due = began;
        while due < until {
            let ahead = due.saturating_duration_since(Instant::now());
            if ahead > Duration::from_millis(1) {
                std::thread::sleep(ahead);
            }
            let span = tracing::info_span!("wide");
            span.set_attributes(&attributes);
            made += 1;
            due += pause;
            if Instant::now() > until {
                break;
            }
        }
        made
    })
}

/// What a rich business event carries: half texts, the rest numbers, flags and a few lists.
fn attributes() -> Vec<KeyValue> {
    (0..WIDE_ATTRIBUTES)
        .map(|number| {
            let value = match number % 8 {
                0 => Value::I64(i64::try_from(number).unwrap_or(0) * 1_000_003),
                1 => Value::Bool(number % 16 == 1),
                2 => Value::F64(0.25),
                3 if number % 5 == 0 => {
                    Value::Array(Array::String(vec![StringValue::from("one"), "two".into()]))
                }
                _ => Value::String(format!("value number {number:04}").into()),
            };
            KeyValue::new(format!("shop.order.attribute.{number:03}"), value)
        })
        .collect()
}

fn measured(
    time: Duration,
    make: impl Fn(Instant, Instant) -> u64 + Copy + Send + 'static,
) -> Result<(), Failure> {
    let telemetry = telemetry::builder().service_name("soak").init()?;
    let began = Instant::now();
    let until = began + time;
    let threads: Vec<_> = (0..THREADS)
        .map(|_| std::thread::spawn(move || make(began, until)))
        .collect();
    let mut made = 0;
    for thread in threads {
        made += thread.join().map_err(|_| "a producer panicked")?;
    }
    report("seconds", began.elapsed().as_secs_f64());
    report("cpu", usage("self")?.cpu);
    report("made", made);
    books(&telemetry, Duration::from_secs(20))
}

/// Shuts down and reports where every span went.
pub(crate) fn books(telemetry: &Telemetry, timeout: Duration) -> Result<(), Failure> {
    let began = Instant::now();
    let shutdown = telemetry.shutdown_blocking(timeout);
    report("shutdown_seconds", began.elapsed().as_secs_f64());
    let mut exporters = shutdown.exporters.exporters.iter();
    let spans = exporters
        .find(|exporter| exporter.signal == Signal::Traces)
        .ok_or("no exporter of traces")?;
    report("created", spans.ledger.created);
    report("exported", spans.ledger.exported);
    report("pending", spans.ledger.pending);
    report("dropped", spans.ledger.dropped.total());
    report("reasons", spans.ledger.dropped);
    report(
        "unconfirmed",
        spans.ledger.dropped.get(telemetry::DropReason::Unconfirmed),
    );
    report("balances", spans.ledger.balances());
    report("peak", usage("self")?.peak);
    Ok(())
}
