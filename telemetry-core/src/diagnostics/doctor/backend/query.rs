//! What each backend is asked, and what its answers mean.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::Value;

use super::Backend;
use crate::diagnostics::doctor::trial::{SPAN_NAME, Trial};

/// The question to one backend.
#[derive(Debug)]
pub(super) struct Query {
    /// With the query string.
    pub(super) path: String,
    backend: Backend,
    expected: String,
}

impl Query {
    pub(super) fn of(backend: Backend, trial: &Trial, service: &str) -> Self {
        let id = trial.trace_id;
        let (path, expected) = match backend {
            // <https://grafana.com/docs/tempo/latest/api_docs/#query>
            Backend::Tempo => (format!("/api/traces/{id}"), SPAN_NAME.to_owned()),
            // <https://github.com/jaegertracing/jaeger-idl/blob/001eb82d25c345fa890526f2c0c1acb598162a13/swagger/api_v3/query_service.openapi.yaml>
            Backend::Jaeger => (format!("/api/v3/traces/{id}"), SPAN_NAME.to_owned()),
            // <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>
            Backend::Prometheus => (prometheus(trial), String::new()),
            // <https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-within-a-range-of-time>
            Backend::Loki => (loki(trial, service), id.to_string()),
        };
        Self {
            path,
            backend,
            expected,
        }
    }

    /// Whether the answer has the test data; `None` if it is no answer to that.
    pub(super) fn judge(&self, status: StatusCode, body: &[u8]) -> Option<bool> {
        // Tempo and Jaeger say so of a trace that they do not know
        if status == StatusCode::NOT_FOUND && self.is_about_a_trace() {
            return Some(false);
        }
        if !status.is_success() {
            return None;
        }
        let answer: Value = serde_json::from_slice(body).ok()?;
        match self.backend {
            Backend::Tempo => Some(has_span(&answer["batches"], &self.expected)),
            Backend::Jaeger => Some(has_span(&answer["result"]["resourceSpans"], &self.expected)),
            Backend::Prometheus => Some(!result(&answer)?.is_empty()),
            Backend::Loki => Some(has_line(result(&answer)?, &self.expected)),
        }
    }

    fn is_about_a_trace(&self) -> bool {
        matches!(self.backend, Backend::Tempo | Backend::Jaeger)
    }
}

/// The gauge's value is the time of the run. Its name depends on how dots and the unit were
/// translated: <https://prometheus.io/docs/guides/opentelemetry/#utf-8>.
fn prometheus(trial: &Trial) -> String {
    let time = trial.unix_seconds();
    let query = format!(r#"{{__name__=~"telemetry.doctor.last_run(_seconds)?"}} >= {time}"#);
    format!("/api/v1/query?query={}", encoded(&query))
}

/// Loki makes a label `service_name` of the resource's `service.name`:
/// <https://grafana.com/docs/loki/latest/send-data/otel/#format-considerations>.
fn loki(trial: &Trial, service: &str) -> String {
    let service = service.replace('\\', r"\\").replace('"', "\\\"");
    let query = format!(r#"{{service_name="{service}"}} |= "{}""#, trial.trace_id);
    let (start, end) = (around(trial, -1), around(trial, 1));
    let query = encoded(&query);
    format!("/loki/api/v1/query_range?query={query}&start={start}&end={end}&limit=1")
}

/// An hour before or after the run, in nanoseconds.
fn around(trial: &Trial, hours: i64) -> u64 {
    const HOUR: i64 = 3_600_000_000_000;
    trial.unix_nanos.saturating_add_signed(hours * HOUR)
}

/// Everything but letters and digits as `%41`.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `data.result` of a successful answer of Prometheus or Loki.
fn result(answer: &Value) -> Option<&Vec<Value>> {
    (answer["status"] == "success").then_some(())?;
    answer["data"]["result"].as_array()
}

/// Whether OTLP's resource spans have a span of this name. Old answers of Tempo say
/// `instrumentationLibrarySpans`, so every list within is looked at.
fn has_span(resource_spans: &Value, name: &str) -> bool {
    let lists = resource_spans.as_array().into_iter().flatten();
    let scopes = lists
        .filter_map(Value::as_object)
        .flat_map(|resource| resource.values())
        .filter_map(Value::as_array)
        .flatten();
    let mut spans = scopes
        .filter_map(|scope| scope["spans"].as_array())
        .flatten();
    spans.any(|span| span["name"] == name)
}

fn has_line(streams: &[Value], text: &str) -> bool {
    let lists = streams
        .iter()
        .filter_map(|stream| stream["values"].as_array());
    let mut lines = lists.flatten().filter_map(|entry| entry[1].as_str());
    lines.any(|line| line.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(backend: Backend) -> (Query, String) {
        let trial = Trial::new();
        let query = Query::of(backend, &trial, r#"a "shop""#);
        (query, trial.trace_id.to_string())
    }

    #[test]
    fn an_unknown_trace_is_not_there_yet_and_other_refusals_are_no_answer() {
        for backend in [Backend::Tempo, Backend::Jaeger] {
            let (query, id) = query(backend);
            assert!(query.path.ends_with(&format!("/traces/{id}")));
            assert_eq!(
                query.judge(StatusCode::NOT_FOUND, b"trace not found"),
                Some(false)
            );
            assert_eq!(query.judge(StatusCode::BAD_GATEWAY, b""), None);
            assert_eq!(query.judge(StatusCode::OK, b"<html>"), None);
            assert_eq!(query.judge(StatusCode::OK, b"{}"), Some(false));
        }
        let (query, _) = query(Backend::Loki);
        assert_eq!(query.judge(StatusCode::NOT_FOUND, b""), None);
    }

    #[test]
    fn queries_are_encoded() {
        let (query, id) = query(Backend::Loki);
        let start =
            "/loki/api/v1/query_range?query=%7Bservice%5Fname%3D%22a%20%5C%22shop%5C%22%22%7D";
        assert!(query.path.starts_with(start), "{}", query.path);
        assert!(query.path.contains(&id));
        assert!(query.path.parse::<http::Uri>().is_ok());
    }
}
