use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use proptest::prelude::*;
use prost::Message;

use super::*;

/// The messages of google.rpc that no dependency brings.
#[derive(Clone, PartialEq, Message)]
struct ProtoStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<ProtoAny>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoRetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<ProtoDuration>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn status_with_delay(seconds: i64, nanos: i32) -> Vec<u8> {
    let info = ProtoRetryInfo {
        delay: Some(ProtoDuration { seconds, nanos }),
    };
    let details = vec![
        ProtoAny {
            type_url: "type.googleapis.com/google.rpc.DebugInfo".into(),
            value: vec![10, 1, b'x'],
        },
        ProtoAny {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: info.encode_to_vec(),
        },
    ];
    ProtoStatus {
        code: 14,
        message: "busy".into(),
        details,
    }
    .encode_to_vec()
}

#[test]
fn a_partial_success_tells_how_many_and_why() {
    let traces = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 3,
            error_message: "too old".into(),
        }),
    };
    let logs = ExportLogsServiceResponse {
        partial_success: Some(ExportLogsPartialSuccess {
            rejected_log_records: 3,
            error_message: "too old".into(),
        }),
    };
    let expected = Accepted::partly(3, "too old");
    assert_eq!(
        accepted(Encoding::Protobuf, &traces.encode_to_vec()),
        expected
    );
    assert_eq!(
        accepted(Encoding::Protobuf, &logs.encode_to_vec()),
        expected
    );
    for body in [
        r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#,
        r#"{"partialSuccess":{"rejectedLogRecords":3,"errorMessage":"too old"}}"#,
        r#"{"partial_success":{"rejected_spans":3,"error_message":"too old"}}"#,
    ] {
        assert_eq!(
            accepted(Encoding::Json, body.as_bytes()),
            expected,
            "{body}"
        );
    }
}

#[test]
fn an_empty_or_strange_answer_is_full_success() {
    for body in ["", "{}", "null", "[]", "OK", r#"{"partialSuccess":{}}"#] {
        assert_eq!(accepted(Encoding::Json, body.as_bytes()), Accepted::all());
    }
    assert_eq!(accepted(Encoding::Protobuf, b""), Accepted::all());
    assert_eq!(accepted(Encoding::Protobuf, b"<html>"), Accepted::all());
    let negative = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: -1,
            error_message: String::new(),
        }),
    };
    assert_eq!(
        accepted(Encoding::Protobuf, &negative.encode_to_vec()),
        Accepted::all()
    );
}

#[test]
fn an_error_tells_code_message_and_delay() {
    let expected = Status {
        code: 14,
        message: "busy".into(),
        retry_after: Some(Duration::from_millis(1500)),
    };
    let protobuf = status_with_delay(1, 500_000_000);
    assert_eq!(Status::read(Encoding::Protobuf, &protobuf), expected);
    let json = r#"{"code":14,"message":"busy","details":[{"@type":"type.googleapis.com/google.rpc.DebugInfo"},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#;
    assert_eq!(Status::read(Encoding::Json, json.as_bytes()), expected);
}

#[test]
fn a_negative_delay_is_none_to_wait() {
    let status = Status::read(Encoding::Protobuf, &status_with_delay(-5, 0));
    assert_eq!(status.retry_after, Some(Duration::ZERO));
    let json = r#"{"details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"-5s"}]}"#;
    assert_eq!(
        Status::read(Encoding::Json, json.as_bytes()),
        Status::default()
    );
}

#[test]
fn a_long_message_is_cut_at_a_whole_character() {
    let body = format!(r#"{{"message":"{}"}}"#, "€".repeat(2000));
    let status = Status::read(Encoding::Json, body.as_bytes());
    assert_eq!(status.message, "€".repeat(1024));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200), json: bool) {
        let encoding = if json { Encoding::Json } else { Encoding::Protobuf };
        prop_assert!(accepted(encoding, &body).message.len() <= 4 * 1024);
        prop_assert!(Status::read(encoding, &body).message.len() <= 4 * 1024);
    }

    /// Whatever a receiver sends, cut or damaged anywhere, is read without a panic.
    #[test]
    fn a_damaged_status_is_read_without_a_panic(seconds: i64, nanos: i32, at in 0_usize..100, bit in 0_u8..8) {
        let mut body = status_with_delay(seconds, nanos);
        let at = at % body.len();
        body[at] ^= 1 << bit;
        prop_assert!(Status::read(Encoding::Protobuf, &body).message.len() <= 4 * 1024);
        body.truncate(at);
        prop_assert!(Status::read(Encoding::Protobuf, &body).message.len() <= 4 * 1024);
    }
}
