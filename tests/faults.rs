//! Bad days of the collector and the network: the service answers, says why, and counts every loss.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Certs, Ended, Options, Receiver, Service, free_port};

/// The deadline of shutdown is 5 s; the rest is for a machine that is busy with other tests.
const END: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(20);

const PROTOCOLS: [&str; 3] = ["grpc", "http/protobuf", "http/json"];

/// Of one call of [`work`]: two hello with three spans and records, one fail with one.
const SPANS: u64 = 7;
const RECORDS: u64 = 7;

/// Short waits, so that a test sees in seconds what usually takes minutes.
const IMPATIENT: [(&str, &str); 5] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "2000"),
    ("OTEL_BLRP_EXPORT_TIMEOUT", "2000"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
];

/// Short delays, and the usual time to deliver.
const PATIENT: [(&str, &str); 2] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
];

#[test]
fn nobody_listens_or_the_name_is_unknown() {
    let closed = || format!("http://127.0.0.1:{}", free_port());
    thread::scope(|scope| {
        for protocol in PROTOCOLS {
            scope.spawn(move || {
                fails(
                    &closed(),
                    protocol,
                    ["refused the connection", "Start a collector"],
                );
            });
        }
        for (protocol, port) in [("grpc", 4317), ("http/protobuf", 4318)] {
            scope.spawn(move || {
                fails(
                    &format!("http://collector.invalid:{port}"),
                    protocol,
                    ["collector.invalid", "Check OTEL_EXPORTER_OTLP_ENDPOINT"],
                );
            });
        }
    });
}

#[test]
fn the_collector_refuses_for_good() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_mode("unauthorized");
    everywhere(&receiver, |endpoint, protocol| {
        fails(
            &endpoint,
            protocol,
            [
                "refused the credentials",
                "Check OTEL_EXPORTER_OTLP_HEADERS",
            ],
        );
    });
    receiver.set_mode("not_found");
    fails(
        &receiver.grpc_endpoint(),
        "grpc",
        ["UNIMPLEMENTED", "Check OTEL_EXPORTER_OTLP_ENDPOINT"],
    );
    receiver.set_mode("ok");
    fails(
        &format!("{}/nowhere", receiver.http_endpoint()),
        "http/protobuf",
        [
            "404: this address serves no OTLP at /nowhere/v1/",
            "Check OTEL_EXPORTER_OTLP_ENDPOINT",
        ],
    );
    assert_eq!(receiver.spans(), Vec::<Value>::new());
}

#[test]
fn the_collector_keeps_silent_or_hangs_up() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_mode("hang");
    everywhere(&receiver, |endpoint, protocol| {
        let words = ["did not answer within 1.5s", "Check"];
        fails(&endpoint, protocol, words);
    });
    receiver.set_mode("reset");
    everywhere(&receiver, |endpoint, protocol| {
        let words = [
            "closed the connection before it answered",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ];
        fails(&endpoint, protocol, words);
    });
}

#[test]
fn shutdown_ends_in_time_although_the_collector_hangs() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_mode("hang");
    everywhere(&receiver, |endpoint, protocol| {
        let service = start(&endpoint, protocol, &PATIENT);
        work(&service);
        let ended = service.end("TERM", END);
        let report = Report::of(&ended);
        assert!(report.millis <= 5000, "{report:?}");
        assert_eq!(report.lost, SPANS + RECORDS + 1);
        assert!(report.line.contains("unconfirmed"), "{report:?}");
    });
}

#[test]
fn a_certificate_of_a_stranger_is_refused_and_the_right_ones_work() {
    let (certs, strangers) = (Certs::generate(), Certs::generate());
    let options = Options {
        tls: Some(&certs),
        client_auth: true,
        ..Options::default()
    };
    let Some(receiver) = Receiver::start(options) else {
        return;
    };
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (ca, stranger) = (path(certs.ca()), path(strangers.ca()));
    let (cert, key) = (path(certs.client_cert()), path(certs.client_key()));
    let all = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &cert),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
    ];
    everywhere(&receiver, |endpoint, protocol| {
        let words = ["not trusted", "Set OTEL_EXPORTER_OTLP_CERTIFICATE"];
        fails(&endpoint, protocol, words);
    });
    everywhere(&receiver, |endpoint, protocol| {
        let words = ["not trusted", "Set OTEL_EXPORTER_OTLP_CERTIFICATE"];
        fails_with(&endpoint, protocol, &[(all[0].0, &stranger)], words);
    });
    everywhere(&receiver, |endpoint, protocol| {
        let words = [
            "client certificate",
            "Set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        ];
        fails_with(&endpoint, protocol, &all[..1], words);
    });
    assert_eq!(receiver.spans(), Vec::<Value>::new());
    everywhere(&receiver, |endpoint, protocol| {
        works(&endpoint, protocol, &all);
    });
    assert_each_arrived_once(&receiver, 3);
}

#[test]
fn headers_and_compressions_arrive() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b,api-key=1");
    thread::scope(|scope| {
        for compression in ["gzip", "zstd"] {
            let compressed = ("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
            let (grpc, http) = (receiver.h2_endpoint(), receiver.http_endpoint());
            scope.spawn(move || works(&grpc, "grpc", &[headers, compressed]));
            scope.spawn(move || works(&http, "http/protobuf", &[headers, compressed]));
        }
        let http = receiver.http_endpoint();
        scope.spawn(move || works(&http, "http/json", &[headers]));
    });
    assert_each_arrived_once(&receiver, 5);
    assert_eq!(receiver.errors(), Vec::<String>::new());
    let mut seen = HashSet::new();
    for request in receiver.requests() {
        assert_eq!(request["headers"]["x-tenant"], "a b");
        assert_eq!(request["headers"]["api-key"], "1");
        seen.insert(["transport", "encoding"].map(|key| request[key].as_str().unwrap().to_owned()));
    }
    for expected in [
        ["grpc", "gzip"],
        ["grpc", "zstd"],
        ["http/protobuf", "gzip"],
        ["http/protobuf", "zstd"],
        ["http/json", "identity"],
    ] {
        assert!(
            seen.contains(&expected.map(str::to_owned)),
            "{expected:?}: {seen:?}"
        );
    }
}

#[test]
fn what_passes_is_waited_for_and_arrives_once() {
    // two refusals at most, so that no batch meets a third: that one would be told
    let passing = [
        json!({"mode": "slow", "delay_ms": 400}),
        json!({"mode": "flaky", "times": 3}),
        json!({"mode": "reset", "times": 2}),
        json!({"mode": "throttle", "times": 2}),
    ];
    thread::scope(|scope| {
        for protocol in PROTOCOLS {
            let passing = &passing;
            scope.spawn(move || {
                // one for each, because requests take the refusals in turn
                let Some(receiver) = Receiver::start(Options::default()) else {
                    return;
                };
                for (services, fault) in (1..).zip(passing) {
                    receiver.set_fault(fault);
                    works(&endpoint(&receiver, protocol), protocol, &[]);
                    assert_each_arrived_once(&receiver, services);
                }
                assert_eq!(receiver.errors(), Vec::<String>::new());
            });
        }
    });
}

#[test]
fn what_the_collector_rejects_of_a_batch_is_counted_with_its_words() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_fault(&json!({"mode": "partial", "rejected": 2, "message": "too old"}));
    everywhere(&receiver, |endpoint, protocol| {
        // one batch of each signal, at shutdown
        let service = start(&endpoint, protocol, &SLOW_BATCHES);
        work(&service);
        let ended = service.end("TERM", END);
        let report = Report::of(&ended);
        assert_eq!((report.spans, report.records), (SPANS - 2, RECORDS + 1 - 2));
        assert_eq!(report.lost, 4);
        assert_eq!(report.line.matches("2 rejected").count(), 2, "{report:?}");
        for items in ["2 of 7 spans: too old", "2 of 8 log records: too old"] {
            assert_eq!(ended.stderr.matches(items).count(), 1, "{}", ended.stderr);
        }
    });
}

#[test]
fn answers_that_are_no_otlp_do_no_harm() {
    let Some(receiver) = Receiver::start(Options::default()) else {
        return;
    };
    receiver.set_mode("garbage");
    everywhere(&receiver, |endpoint, protocol| {
        works(&endpoint, protocol, &[]);
    });
    receiver.set_mode("huge");
    everywhere(&receiver, |endpoint, protocol| {
        let words = [
            "answered with more than 4 MiB",
            "Check OTEL_EXPORTER_OTLP_ENDPOINT",
        ];
        fails(&endpoint, protocol, words);
    });
}

#[test]
fn a_collector_that_is_killed_in_mid_export_and_comes_back_gets_everything_once() {
    let Some(mut receiver) = Receiver::start(Options::default()) else {
        return;
    };
    let endpoints = PROTOCOLS.map(|protocol| (endpoint(&receiver, protocol), protocol));
    let services = endpoints.map(|(endpoint, protocol)| start(&endpoint, protocol, &PATIENT));
    for service in &services {
        work(service);
        service.wait_for(
            |status| all(status, |exporter| exporter["exported"] != 0),
            LIMIT,
        );
    }
    receiver.set_mode("hang");
    services.iter().for_each(work);
    receiver.wait_for(
        |seen| seen.stats()["outcome.hang"].as_u64() >= Some(6),
        LIMIT,
    );
    receiver.stop();
    services.iter().for_each(work);
    for service in &services {
        let status = service.wait_for(|status| all(status, is_failing), LIMIT);
        assert!(
            all(&status, |exporter| exporter["dropped"] == json!({})),
            "{status:#}"
        );
    }
    receiver.start_again();
    for service in &services {
        service.wait_for(
            |status| all(status, |exporter| exporter["pending"] == 0),
            LIMIT,
        );
    }
    for service in services {
        let ended = service.end("TERM", END);
        let report = Report::of(&ended);
        assert_eq!((report.spans, report.records), (3 * SPANS, 3 * RECORDS + 1));
        assert_eq!(report.lost, 0);
    }
    assert_each_arrived_once(&receiver, 9);
    assert_eq!(receiver.logs().len() as u64, 9 * RECORDS + 3);
}

/// Batches that leave at shutdown only.
const SLOW_BATCHES: [(&str, &str); 2] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "60000"),
];

/// A service whose telemetry does not arrive, for a reason and with a remedy.
#[track_caller]
fn fails(endpoint: &str, protocol: &str, words: [&str; 2]) {
    fails_with(endpoint, protocol, &[], words);
}

#[track_caller]
fn fails_with(endpoint: &str, protocol: &str, extra: &[(&str, &str)], words: [&str; 2]) {
    let service = start(endpoint, protocol, &[&IMPATIENT[..], extra].concat());
    work(&service);
    let status = service.wait_for(|status| all(status, is_failing), LIMIT);
    let told = |said: &str| words.iter().all(|word| said.contains(word));
    let says_why = |exporter: &Value| told(exporter["last_error"].as_str().unwrap());
    assert!(
        all(&status, says_why),
        "{protocol}: not {words:?}: {status:#}"
    );
    work(&service);
    let status = service.wait_for(
        |status| all(status, |exporter| exporter["pending"] == 0),
        LIMIT,
    );
    assert!(all(&status, balances), "{protocol}: {status:#}");
    assert!(
        all(&status, |exporter| exporter["exported"] == 0),
        "{protocol}: {status:#}"
    );
    let ended = service.end("TERM", END);

    let report = Report::of(&ended);
    assert_eq!(report.lost, 2 * (SPANS + RECORDS) + 1, "{report:?}");
    for signal in ["traces", "logs"] {
        let warning = format!("telemetry: {signal} do not arrive: ");
        let warnings: Vec<_> = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with(&warning))
            .collect();
        assert!(
            matches!(warnings[..], [line] if told(line)),
            "{protocol}: {}",
            ended.stderr
        );
    }
    assert_eq!(
        ended.stderr.lines().count(),
        4,
        "{protocol}: {}",
        ended.stderr
    );
}

/// A service whose telemetry arrives, whatever it takes.
#[track_caller]
fn works(endpoint: &str, protocol: &str, extra: &[(&str, &str)]) {
    let service = start(endpoint, protocol, &[&PATIENT[..], extra].concat());
    work(&service);
    let status = service.wait_for(
        |status| all(status, |exporter| exporter["pending"] == 0),
        LIMIT,
    );
    assert!(all(&status, balances), "{protocol}: {status:#}");
    let ended = service.end("TERM", END);

    let report = Report::of(&ended);
    assert_eq!(
        (report.spans, report.records, report.lost),
        (SPANS, RECORDS + 1, 0)
    );
    let quiet = ended
        .stderr
        .lines()
        .all(|line| !line.contains(" not arrive"));
    assert!(quiet, "{protocol}: {}", ended.stderr);
}

fn start(endpoint: &str, protocol: &str, variables: &[(&str, &str)]) -> Service {
    let to = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_SERVICE_NAME", "quickstart"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    Service::start(&[&to[..], variables].concat())
}

/// Asks as if nothing was wrong.
#[track_caller]
fn work(service: &Service) {
    for _ in 0..2 {
        let answer = service.get("/hello/ada", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello ada\n"));
    }
    assert_eq!(service.get("/fail", &[]).status, 500);
}

/// With each protocol at once.
fn everywhere(receiver: &Receiver, check: impl Fn(String, &str) + Sync) {
    thread::scope(|scope| {
        for protocol in PROTOCOLS {
            let endpoint = endpoint(receiver, protocol);
            let check = &check;
            scope.spawn(move || check(endpoint, protocol));
        }
    });
}

fn endpoint(receiver: &Receiver, protocol: &str) -> String {
    match protocol {
        "grpc" => receiver.grpc_endpoint(),
        _ => receiver.http_endpoint(),
    }
}

fn all(status: &Value, met: impl Fn(&Value) -> bool) -> bool {
    let exporters = status["exporters"].as_array().unwrap();
    assert_eq!(exporters.len(), 2, "{status:#}");
    exporters.iter().all(met)
}

fn is_failing(exporter: &Value) -> bool {
    exporter["last_error"].is_string()
}

fn balances(exporter: &Value) -> bool {
    let count = |key: &str| exporter[key].as_u64().unwrap();
    let dropped = exporter["dropped"].as_object().unwrap();
    let dropped: u64 = dropped.values().map(|count| count.as_u64().unwrap()).sum();
    count("created") == count("exported") + dropped + count("pending")
}

/// The spans of so many calls of [`work`], none twice.
#[track_caller]
fn assert_each_arrived_once(receiver: &Receiver, works: u64) {
    let spans = receiver.spans();
    let ids: HashSet<_> = spans
        .iter()
        .map(|span| span["spanId"].as_str().unwrap())
        .collect();
    assert_eq!(
        (spans.len() as u64, ids.len() as u64),
        (works * SPANS, works * SPANS)
    );
}

/// What the last line says: `telemetry: flushed in 41 ms: 7 spans, 8 log records, 8 log lines; 0 lost`.
#[derive(Debug)]
struct Report {
    millis: u64,
    spans: u64,
    records: u64,
    lost: u64,
    line: String,
}

impl Report {
    #[track_caller]
    fn of(ended: &Ended) -> Self {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap();
        let before = |what: &str| {
            let (head, _) = line
                .split_once(what)
                .unwrap_or_else(|| panic!("no {what} in {line}"));
            head.rsplit(' ').next().unwrap().parse().unwrap()
        };
        Self {
            millis: before(" ms: "),
            spans: before(" spans, "),
            records: before(" log records, "),
            lost: before(" lost"),
            line: line.to_owned(),
        }
    }
}
