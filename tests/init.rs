//! Starting: what is installed, what is refused, what is said; each in a process of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod common;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::trace::{Sampler, SamplingResult, ShouldSample};
use serde_json::{Value, json};
use telemetry::config::{Env, ExporterKind};
use telemetry::context::{SpanContext, SpanId, TraceFlags, TraceId};
use telemetry::{Builder, InitError, Telemetry};
use test_support::Child;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use common::{Hanging, Kept, KeptLogs, ask, block_on, work};

const LONG: Duration = Duration::from_secs(30);

/// Spans go to `kept`; lines go to the standard output.
fn to(kept: &Kept) -> Builder {
    quiet().span_exporter(kept.clone())
}

fn quiet() -> Builder {
    telemetry::builder()
        .traces_exporters([])
        .logs_exporters([])
        .metrics_exporters([])
        .shutdown_timeout(LONG)
}

#[test]
fn a_second_init_names_the_first() {
    let ended = Child::new().run(|| {
        let line = line!() + 1;
        let first = quiet().init();
        let second = telemetry::init().unwrap_err();
        assert!(matches!(second, InitError::AlreadyInitialized(_)));
        drop(first.unwrap());
        let third = telemetry::init().unwrap_err();
        json!([line, second.to_string(), third.to_string()])
    });
    let first = format!("tests/init.rs:{}:", ended.report[0]);
    for error in [&ended.report[1], &ended.report[2]] {
        let error = error.as_str().unwrap();
        assert!(error.contains(&first), "{error}");
        assert!(error.contains("keep that handle"), "{error}");
    }
}

#[test]
fn another_subscriber_is_an_error_that_leaves_nothing_behind() {
    let ended = Child::new().run(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
        let collector = Hanging::listen();
        let builder = telemetry::builder().otlp_endpoint(collector.endpoint());
        let error = builder.init().unwrap_err();
        assert!(matches!(error, InitError::SubscriberSet));
        while own_threads() > 0 {
            thread::yield_now();
        }
        // the way out that the error names is open
        let (telemetry, layers) = quiet().layers().unwrap();
        let composed = tracing_subscriber::registry().with(layers);
        tracing::subscriber::with_default(composed, || tracing::info!("composed"));
        telemetry.flush(LONG).unwrap();
        error.to_string().into()
    });
    let error = ended.report.as_str().unwrap();
    assert!(error.contains("telemetry::layers()"), "{error}");
    assert_eq!(ended.lines().last().unwrap()["message"], "composed");
}

/// Threads of this process that telemetry has started.
fn own_threads() -> usize {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let names = threads.filter_map(|it| fs::read_to_string(it.ok()?.path().join("comm")).ok());
    let own = |name: &String| name.starts_with("telemetry") || name.starts_with("log-");
    names.filter(own).count()
}

/// Somebody else's layer.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Counter {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn layers_compose_with_those_of_others() {
    let ended = Child::new().run(|| {
        let (kept, counter) = (Kept::default(), Counter::default());
        let (telemetry, layers) = to(&kept).layers().unwrap();
        let subscriber = tracing_subscriber::registry()
            .with(layers)
            .with(counter.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        work(3);
        assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
        assert_eq!(kept.names(), ["work"; 3]);
        assert!(counter.0.load(Ordering::Relaxed) >= 3);
        Value::Null
    });
    let lines = ended.lines();
    let done = lines.iter().filter(|line| line["message"] == "done");
    assert_eq!(done.filter(|line| line["trace_id"].is_string()).count(), 3);
}

#[test]
fn what_was_made_before_init_works_after_it() {
    let ended = Child::new().run(|| {
        work(1);
        let hello = get(|| async { tracing::info!("inside") });
        let app = Router::new()
            .route("/hello/{name}", hello)
            .layer(telemetry::server_layer());
        let kept = Kept::default();
        let telemetry = to(&kept).init().unwrap();
        work(1);
        ask(app, "/hello/ada", "");
        assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
        assert_eq!(kept.names(), ["work", "GET /hello/{name}"]);
        Value::Null
    });
    let lines = ended.lines();
    let inside = lines
        .iter()
        .find(|line| line["message"] == "inside")
        .unwrap();
    assert!(inside["trace_id"].is_string(), "{inside}");
}

#[test]
fn a_remote_parent_is_taken_over() {
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let ended = Child::new().run(|| {
        let telemetry = quiet().init().unwrap();
        let parent = SpanContext::new(
            TraceId::from_hex(trace_id).unwrap(),
            SpanId::from_hex("b7ad6b7169203331").unwrap(),
            TraceFlags::SAMPLED,
        );
        let span = telemetry::with_remote_parent(parent, || tracing::info_span!("job"));
        span.in_scope(|| tracing::info!("working"));
        telemetry.flush(LONG).unwrap();
        Value::Null
    });
    let lines = ended.lines();
    assert_eq!(lines[1]["trace_id"], trace_id);
    assert_ne!(lines[1]["span_id"], "b7ad6b7169203331");
}

#[test]
fn the_global_api_of_opentelemetry_is_ours() {
    let ended = Child::new().run(|| {
        let kept = Kept::default();
        let telemetry = to(&kept).init().unwrap();
        let carrier = tracing::info_span!("outer").in_scope(|| {
            let span = global::tracer("library").start("inner");
            let context = Context::current_with_span(span);
            let mut carrier = HashMap::new();
            global::get_text_map_propagator(|it| it.inject_context(&context, &mut carrier));
            tracing::info!("around");
            carrier
        });
        assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
        assert_eq!(kept.names(), ["inner", "outer"]);
        json!(carrier)
    });
    let traceparent = ended.report["traceparent"].as_str().unwrap();
    let trace_id = ended.lines()[1]["trace_id"].clone();
    assert_eq!(traceparent.split('-').nth(1), trace_id.as_str());
}

#[test]
fn change_events_and_fatal_lines_reach_every_output() {
    let ended = Child::new().run(|| {
        let kept = KeptLogs::default();
        let telemetry = quiet().log_exporter(kept.clone()).init().unwrap();
        telemetry::event("deployment", [KeyValue::new("version", "1.4.2")]);
        telemetry::fatal!(port = 3000, "cannot listen");
        assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
        kept.records().into()
    });
    let lines = ended.lines();
    let seen = |key: &str| {
        lines
            .iter()
            .map(|line| line[key].clone())
            .collect::<Value>()
    };
    assert_eq!(seen("level"), json!(["INFO", "INFO", "FATAL"]));
    assert_eq!(
        seen("event.name"),
        json!(["service.start", "deployment", null])
    );
    assert_eq!(
        (&lines[1]["version"], &lines[2]["port"]),
        (&json!("1.4.2"), &json!(3000))
    );

    let records = ended.report.as_array().unwrap();
    let seen = |key: &str| records.iter().map(|it| it[key].clone()).collect::<Value>();
    assert_eq!(seen("severity"), json!(["INFO", "INFO", "FATAL"]));
    assert_eq!(seen("name"), json!(["service.start", "deployment", null]));
    assert!(
        records[2]["body"]
            .as_str()
            .unwrap()
            .contains("cannot listen")
    );
}

#[test]
fn a_panic_is_one_line_with_the_ids_of_its_span() {
    let ended = Child::new().run(|| {
        let telemetry = quiet().init().unwrap();
        assert!(thread::spawn(failing).join().is_err());
        telemetry.flush(LONG).unwrap();
        Value::Null
    });
    let lines = ended.lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let (before, panic) = (&lines[1], &lines[2]);
    assert_eq!(panic["level"], "ERROR");
    assert_eq!(panic["exception.message"], "no stock");
    let location = panic["code.location"].as_str().unwrap();
    assert!(location.contains("tests/init.rs:"), "{location}");
    assert!(before["trace_id"].is_string());
    assert_eq!(
        (&panic["trace_id"], &panic["span_id"]),
        (&before["trace_id"], &before["span_id"])
    );
    assert!(
        ended.stderr.contains("no stock"),
        "the previous hook runs too"
    );
}

fn failing() {
    let _order = tracing::info_span!("order").entered();
    tracing::info!("charging");
    panic!("no stock");
}

#[test]
fn without_the_panic_hook_a_panic_is_no_line() {
    let ended = Child::new().run(|| {
        let telemetry = quiet().without_panic_hook().init().unwrap();
        assert!(thread::spawn(failing).join().is_err());
        telemetry.flush(LONG).unwrap();
        Value::Null
    });
    assert_eq!(ended.lines().len(), 2);
}

#[test]
fn a_panic_of_the_main_thread_flushes() {
    static HANDLE: OnceLock<Telemetry> = OnceLock::new();
    let ended = Child::new().run(|| {
        let kept = Kept::default();
        drop(HANDLE.set(to(&kept).init().unwrap()));
        // the test harness has the real one; the hook knows it by its name
        let main = thread::Builder::new().name("main".to_owned());
        let main = main.spawn(|| {
            work(3);
            failing();
        });
        assert!(main.unwrap().join().is_err());
        json!(kept.names())
    });
    assert_eq!(ended.report, json!(["work", "work", "work"]));
    assert_eq!(ended.lines().last().unwrap()["message"], "panicked");
}

#[test]
fn a_panic_of_a_task_on_the_main_thread_flushes_nothing() {
    let ended = Child::new().run(|| {
        let kept = Kept::default();
        let telemetry = to(&kept).init().unwrap();
        let main = thread::Builder::new().name("main".to_owned());
        let main = main.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                work(1);
                assert!(tokio::spawn(async { failing() }).await.is_err());
            });
        });
        main.unwrap().join().unwrap();
        let before = kept.names();
        telemetry.flush(LONG).unwrap();
        json!([before, kept.names()])
    });
    assert_eq!(ended.report, json!([[], ["work", "order"]]));
}

#[test]
fn a_key_in_the_endpoint_is_shown_nowhere() {
    let ended = Child::new().run(|| {
        let closed = "http://127.0.0.1:9/v1/traces?api-key=hunter2";
        let telemetry = telemetry::builder()
            .env(Env::from_pairs([
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", closed),
                ("OTEL_LOGS_EXPORTER", "none"),
                ("OTEL_METRICS_EXPORTER", "none"),
            ]))
            .init()
            .unwrap();
        work(1);
        let _ = telemetry.flush(Duration::from_secs(1));
        telemetry.status().to_json()
    });
    for said in [ended.stderr, ended.stdout, ended.report.to_string()] {
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_target_that_is_turned_off_has_no_spans() {
    let ended = Child::new().env("RUST_LOG", "warn,noisy=off").run(|| {
        let kept = Kept::default();
        let telemetry = to(&kept).init().unwrap();
        tracing::info_span!(target: "noisy::inner", "loud").in_scope(|| {});
        work(1);
        assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
        json!(kept.names())
    });
    assert_eq!(ended.report, json!(["work"]));
}

#[test]
fn the_first_signal_asks_and_the_second_ends() {
    let cases = [("term", "TERM"), ("int", "INT")];
    let ended = cases.map(|(case, signal)| {
        let ended = Child::new().case(case).run_to_any_end(|| {
            let asked = telemetry::shutdown_signal();
            send(signal);
            block_on(asked);
            block_on(telemetry::shutdown_signal());
            print("asked");
            send(signal);
            thread::sleep(LONG);
            Value::Null
        });
        (ended.code, ended.stdout)
    });
    for (code, stdout) in ended {
        assert!(stdout.contains("asked"), "{stdout}");
        assert_eq!(code, Some(130));
    }
}

#[test]
fn a_signal_reaches_every_runtime() {
    let ended = Child::new().run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let asked = tokio::spawn(telemetry::shutdown_signal());
            tokio::task::yield_now().await;
            send("TERM");
            asked.await.unwrap();
        });
        "asked".into()
    });
    assert_eq!(ended.report, "asked");
}

fn send(signal: &str) {
    let process = std::process::id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &process]).status();
    assert!(sent.unwrap().success());
}

fn print(line: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").unwrap();
}

/// A sampler written for the SDK.
#[derive(Clone, Debug)]
struct Never {
    _because: &'static str,
}

impl ShouldSample for Never {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        Sampler::AlwaysOff.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[test]
fn the_start_up_line_says_what_goes_where() {
    let ended = Child::new()
        .env("OTEL_SERVICE_NAME", "shop")
        .env("OTEL_TRACES_SAMPLER", "always_on")
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "many")
        .run(|| {
            let collector = Hanging::listen();
            let telemetry = quiet()
                .traces_exporters([ExporterKind::Otlp])
                .otlp_endpoint(collector.endpoint())
                .custom_sampler(Never { _because: "test" })
                .init()
                .unwrap();
            work(3);
            assert_eq!(telemetry.shutdown_blocking(LONG).lost(), 0);
            collector.endpoint().into()
        });
    let line = ended.stderr.lines().next().unwrap();
    let endpoint = ended.report.as_str().unwrap();
    for part in [
        "telemetry 0.1.0 · shop · ",
        &format!("traces otlp http/protobuf {endpoint}/v1/traces"),
        "logs stdout json info",
        "sampler Never (custom)",
        "OTEL_BSP_MAX_QUEUE_SIZE",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let ignored = ended.stderr.lines().nth(1).unwrap();
    let expected = "telemetry: ignored OTEL_BSP_MAX_QUEUE_SIZE=many: ";
    assert!(ignored.starts_with(expected), "{ignored}");
    assert!(ended.stderr.contains("flushed in"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("4 log lines; 0 lost"),
        "{}",
        ended.stderr
    );
}

#[test]
fn own_level_off_says_nothing() {
    let ended = Child::new().env("OTEL_LOG_LEVEL", "off").run(|| {
        let telemetry = quiet().init().unwrap();
        work(1);
        drop(telemetry);
        Value::Null
    });
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.lines().len(), 2);
}
