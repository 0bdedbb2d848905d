use std::io::Read;
use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};
use serde_json::{Value, json};
use telemetry_core::metrics::{
    AttributeSet, Buckets, ExponentialHistogram, Histogram, InstrumentKind, Metric, Number, Points,
    ValueTemporality,
};
use telemetry_core::otlp::ScopeId;
use test_support::promtool;

use super::support::{
    OPEN_METRICS, SPAN, START, TRACE, counter, descriptor, durations, exemplar, families, gauge,
    metric, point, renderer, snapshot, text,
};

fn of_scope(mut metric: Metric, scope: &'static str, description: &'static str) -> Metric {
    let descriptor = Arc::make_mut(&mut metric.descriptor);
    descriptor.scope = ScopeId::of_name(scope);
    descriptor.description = description.into();
    metric
}

fn page(metrics: Vec<Metric>) -> String {
    text(renderer().0.render(&snapshot(metrics), OPEN_METRICS, None))
}

fn one<'a>(families: &'a [Value], name: &str) -> &'a Value {
    let mut named = families.iter().filter(|family| family["name"] == name);
    let found = named
        .next()
        .unwrap_or_else(|| panic!("no {name} in {families:#?}"));
    assert!(named.next().is_none());
    found
}

#[test]
fn a_page_of_open_metrics_has_units_and_exemplars() {
    let page = page(vec![counter("http.requests", 3), durations(START)]);
    let Some(families) = families(&page) else {
        return;
    };
    let requests = one(&families, "http_requests");
    assert_eq!(requests["type"], "counter");
    assert_eq!(requests["unit"], "");
    assert_eq!(
        requests["samples"],
        json!([{
            "name": "http_requests_total",
            "labels": {"otel_scope_name": "shop.http", "otel_scope_version": "0.3", "code": "200"},
            "value": 3,
        }])
    );
    let durations = one(&families, "http_server_request_duration_seconds");
    assert_eq!(durations["unit"], "seconds");
    let samples = durations["samples"].as_array().unwrap();
    let of = |name: &str, value: &str| -> Vec<Value> {
        let name = format!("http_server_request_duration_seconds_{name}");
        let named = samples
            .iter()
            .filter(|sample| sample["name"] == name.as_str());
        let pick = |sample: &Value| match value {
            "value" => sample["value"].clone(),
            label => sample["labels"][label].clone(),
        };
        named.map(pick).collect()
    };
    assert_eq!(of("bucket", "le"), ["0.005", "1.0", "1e+06", "+Inf"]);
    assert_eq!(of("bucket", "value"), [1.0, 3.0, 6.0, 10.0]);
    assert_eq!(of("sum", "value"), [7.5]);
    assert_eq!(of("count", "value"), [10.0]);
    assert_eq!(of("count", "http_route"), ["/a\"\\\nb"]);
    let exemplars = samples.iter().map(|sample| &sample["exemplar"]);
    let exemplars: Vec<&Value> = exemplars.filter(|e| !e.is_null()).collect();
    let labels = json!({"trace_id": TRACE, "span_id": SPAN, "user_id": "u-1", "shop": "7"});
    let expected = json!({"labels": labels, "value": 0.25, "timestamp": 1_700_000_000.25});
    assert_eq!(exemplars, [&expected]);
    assert_eq!(
        samples[1]["exemplar"], expected,
        "in the bucket of its value"
    );
    let target = &one(&families, "target")["samples"][0];
    let resource = json!({"service_name": "shop", "service_version": "1.2 \"beta\""});
    assert_eq!(target["labels"], resource);
}

#[test]
fn a_classic_page_has_no_complaint_from_promtool() {
    let (renderer, said) = renderer();
    let metrics = vec![
        counter("http.requests", 3),
        durations(START),
        gauge("load", "1", 0.5),
    ];
    let page = renderer.render(&snapshot(metrics), None, None);
    assert_eq!(
        page.content_type,
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let page = text(page);
    assert!(!page.contains(TRACE) && !page.contains("# EOF"), "{page}");
    assert!(
        page.contains("# TYPE http_requests_total counter\n"),
        "{page}"
    );
    if let Some(complaints) = promtool(&page) {
        assert_eq!(complaints, "", "{page}");
    }
    if let Some(families) = families(&page) {
        assert_eq!(one(&families, "load_ratio")["samples"][0]["value"], 0.5);
    }
    assert_eq!(*said.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn gzip_when_asked() {
    let (renderer, _) = renderer();
    let snapshot = snapshot(vec![counter("jobs", 1)]);
    let plain = renderer.render(&snapshot, OPEN_METRICS, None);
    let page = renderer.render(&snapshot, OPEN_METRICS, Some("gzip, deflate"));
    assert_eq!(page.content_encoding, Some("gzip"));
    let mut unpacked = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&*page.body);
    decoder.read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
}

#[test]
fn what_goes_down_is_a_gauge_and_what_is_empty_is_left_out() {
    let queue = descriptor(InstrumentKind::UpDownCounter, "queue.length", "1");
    let queue = metric(queue, Points::Sum(vec![point(&[], Number::I64(-2))]));
    let empty = metric(
        descriptor(InstrumentKind::Counter, "nothing", ""),
        Points::Sum(Vec::new()),
    );
    let page = page(vec![queue, empty]);
    assert!(page.contains("# TYPE queue_length gauge\n"), "{page}");
    assert!(!page.contains("nothing"), "{page}");
}

#[test]
fn help_is_made_where_nobody_wrote_one() {
    let page = page(vec![
        of_scope(durations(START), "lib", " "),
        of_scope(counter("cache.hits", 1), "lib", ""),
    ]);
    let help = "# HELP http_server_request_duration_seconds \
        Distribution of http.server.request.duration in seconds\n";
    assert!(page.contains(help), "{page}");
    assert!(
        page.contains("# HELP cache_hits Total of cache.hits\n"),
        "{page}"
    );
}

#[test]
fn scopes_share_a_family_and_its_first_description() {
    let (renderer, said) = renderer();
    let metrics = vec![
        of_scope(counter("jobs", 1), "a", ""),
        of_scope(counter("jobs.total", 2), "b", "Jobs done"),
        of_scope(counter("jobs", 3), "c", "Jobs of all kinds"),
    ];
    let snapshot = snapshot(metrics);
    let page = text(renderer.render(&snapshot, OPEN_METRICS, None));
    drop(renderer.render(&snapshot, OPEN_METRICS, None));
    assert_eq!(page.matches("# HELP jobs Jobs done\n").count(), 1, "{page}");
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "once for two pages: {said:?}");
    assert!(said[0].contains("counter \"jobs\" of \"c\""), "{said:?}");
    if let Some(families) = families(&page) {
        let values = one(&families, "jobs")["samples"].as_array().unwrap().iter();
        let values: Vec<_> = values
            .map(|sample| sample["value"].as_f64().unwrap())
            .collect();
        assert_eq!(values, [1.0, 2.0, 3.0]);
    }
}

#[test]
fn a_name_of_another_type_is_left_out_and_reported_once() {
    let (renderer, said) = renderer();
    let metrics = vec![
        counter("jobs", 1),
        of_scope(gauge("jobs", "", 2.0), "other", ""),
        of_scope(gauge("jobs_total", "", 2.0), "other", ""),
        of_scope(gauge("target.info", "", 2.0), "other", ""),
    ];
    let snapshot = snapshot(metrics);
    let page = renderer.render(&snapshot, OPEN_METRICS, None);
    assert_eq!(page.left_out, 3);
    drop(renderer.render(&snapshot, None, None));
    let page = text(page);
    assert!(
        families(&page).is_none_or(|found| found.len() == 2),
        "{page}"
    );
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].contains("gauge \"jobs\" of \"other\" is left out"),
        "{said:?}"
    );
    assert!(
        said[0].contains("counter \"jobs\" of \"shop.http\""),
        "{said:?}"
    );
    assert!(said[2].contains("the resource"), "{said:?}");
}

#[test]
fn colliding_labels_are_joined_and_ours_are_kept() {
    let mut durations = durations(START);
    if let Points::Histogram(points) = &mut durations.points {
        points[0].attributes = Arc::new(AttributeSet::new([
            KeyValue::new("a.b", "x"),
            KeyValue::new("a_b", 1),
            KeyValue::new("le", "mine"),
            KeyValue::new("otel.scope.name", "forged"),
            KeyValue::new("9lives", true),
            KeyValue::new("empty", ""),
        ]));
    }
    let page = page(vec![durations]);
    let labels = "otel_scope_version=\"0.3\",_9lives=\"true\",a_b=\"x;1\",exported_le=\"mine\",\
        exported_otel_scope_name=\"forged\"} 10\n";
    assert!(page.contains(labels), "{page}");
    drop(families(&page));
}

#[test]
fn series_that_become_one_are_kept_once() {
    let (renderer, said) = renderer();
    let twice = metric(
        descriptor(InstrumentKind::Counter, "jobs", ""),
        Points::Sum(vec![
            point(&[("a.b", "x")], Number::U64(1)),
            point(&[("a_b", "x")], Number::U64(2)),
        ]),
    );
    let page = renderer.render(&snapshot(vec![twice]), OPEN_METRICS, None);
    assert_eq!(page.left_out, 1);
    let page = text(page);
    assert_eq!(page.matches("jobs_total{").count(), 1, "{page}");
    assert!(said.lock().unwrap()[0].contains("labels"));
}

#[test]
fn scopes_tell_who_they_are() {
    let scope = InstrumentationScope::builder("lib")
        .with_version("1")
        .with_schema_url("https://example.com/1")
        .with_attributes([KeyValue::new("team", "a"), KeyValue::new("name", "forged")])
        .build();
    let mut metric = gauge("load", "", 1.0);
    Arc::make_mut(&mut metric.descriptor).scope = ScopeId::of(&scope);
    let page = page(vec![metric]);
    let labels = "load{otel_scope_name=\"lib\",otel_scope_version=\"1\",\
        otel_scope_schema_url=\"https://example.com/1\",otel_scope_team=\"a\"} 1.0\n";
    assert!(page.contains(labels), "{page}");
}

#[test]
fn exponential_histograms_have_buckets_at_powers() {
    let value = ExponentialHistogram {
        scale: 1,
        zero_count: 2,
        positive: Buckets {
            offset: -1,
            counts: vec![3, 0, 1],
        },
        negative: Buckets::default(),
        sum: 5.0,
        range: Some((0.0, 1.9)),
    };
    let mut point = point(&[], value);
    point.exemplars = vec![exemplar(1.9, START)];
    let page = page(vec![metric(
        descriptor(InstrumentKind::Histogram, "size", "By"),
        Points::ExponentialHistogram(vec![point]),
    )]);
    let Some(families) = families(&page) else {
        return;
    };
    let samples = one(&families, "size_bytes")["samples"].as_array().unwrap();
    let bucket = |sample: &Value| {
        let le: f64 = sample["labels"]["le"]
            .as_str()?
            .replace("+Inf", "inf")
            .parse()
            .ok()?;
        Some((le, sample["value"].as_f64()?))
    };
    let buckets: Vec<(f64, f64)> = samples.iter().filter_map(bucket).collect();
    let root = 2.0_f64.sqrt();
    let expected = [
        (0.0, 2.0),
        (1.0 / root, 2.0),
        (1.0, 5.0),
        (root, 5.0),
        (2.0, 6.0),
        (f64::INFINITY, 6.0),
    ];
    for (found, expected) in buckets.iter().zip(expected) {
        assert!(
            (found.0 - expected.0).abs() < 1e-9 || found.0 == expected.0,
            "{buckets:?}"
        );
        assert_eq!(found.1, expected.1, "{buckets:?}");
    }
    assert_eq!(buckets.len(), 6);
    assert_eq!(samples[4]["exemplar"]["value"], 1.9);
}

#[test]
fn histograms_with_negative_values_have_no_sum() {
    let value = Histogram {
        bounds: Arc::from([-1.0, 1.0]),
        counts: vec![1, 0, 0],
        sum: -3.0,
        range: Some((-3.0, -3.0)),
    };
    let metrics = vec![metric(
        descriptor(InstrumentKind::Histogram, "balance", ""),
        Points::Histogram(vec![point(&[], value)]),
    )];
    let classic = text(renderer().0.render(&snapshot(metrics.clone()), None, None));
    assert!(classic.contains("balance_count{"), "{classic}");
    let page = page(metrics);
    assert!(
        !page.contains("balance_sum") && !classic.contains("balance_sum"),
        "{page}"
    );
    assert!(families(&page).is_none_or(|found| found.len() == 2));
}

#[test]
fn creation_times_when_wanted() {
    let metrics = vec![counter("jobs", 1), durations(START)];
    let renderer = renderer().0.with_created(true);
    let page = text(renderer.render(&snapshot(metrics), OPEN_METRICS, None));
    assert!(
        page.contains("jobs_created{") && page.contains("} 1700000000.250\n"),
        "{page}"
    );
    assert!(
        page.contains("http_server_request_duration_seconds_created{"),
        "{page}"
    );
    drop(families(&page));
}

#[test]
fn changes_and_impossible_counts_are_left_out() {
    let (renderer, said) = renderer();
    let mut changes = counter("changes", 1);
    changes.temporality = ValueTemporality::Delta;
    let negative = metric(
        descriptor(InstrumentKind::Counter, "backwards", ""),
        Points::Sum(vec![point(&[], Number::F64(-1.0))]),
    );
    let page = renderer.render(&snapshot(vec![changes, negative]), OPEN_METRICS, None);
    assert_eq!(page.left_out, 2);
    assert!(!text(page).contains("_total"));
    assert_eq!(said.lock().unwrap().len(), 2);
}
