//! W3C Trace Context level 2 and W3C Baggage, one test for each MUST and SHOULD that a service can
//! keep: what a server receives over a socket, and what the call that its handler makes sends on.
//!
//! <https://www.w3.org/TR/trace-context-2/>, <https://www.w3.org/TR/baggage/>
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use common::{Finished, PARENT, TRACE, exchange, run, serve};
use telemetry_core::context::inject;
use telemetry_tower::ServerLayer;
use tokio::sync::mpsc;

/// What went in and out of a service.
struct Hop {
    /// The headers as bytes, which the next service received.
    raw: String,
    span: Finished,
}

impl Hop {
    /// The values of a header that was sent on, in order.
    fn sent(&self, name: &str) -> Vec<&str> {
        let lines = self.raw.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    fn traceparent(&self) -> &str {
        self.sent("traceparent")[0]
    }

    fn tracestate(&self) -> Vec<&str> {
        self.sent("tracestate")
    }

    fn baggage(&self) -> String {
        self.sent("baggage").join("<second header>")
    }

    /// Whether the trace of the caller goes on.
    fn continues(&self) -> bool {
        self.span.trace_id.to_string() == TRACE && self.span.parent.to_string() == PARENT
    }

    /// Whether it is a new trace without anything of the caller's.
    fn restarts(&self) -> bool {
        self.span.parent.to_string() == "0000000000000000"
            && self.traceparent()[3..35] != *TRACE
            && self.tracestate().is_empty()
    }
}

/// Sends these headers to a service whose handler makes a call to another one.
fn hop(headers: impl AsRef<[u8]>) -> Hop {
    hop_through(ServerLayer::new(), headers)
}

fn hop_through(layer: ServerLayer, headers: impl AsRef<[u8]>) -> Hop {
    let mut request = b"GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_vec();
    request.extend_from_slice(headers.as_ref());
    request.extend_from_slice(b"\r\n");
    run(|telemetry, _| async move {
        let (next, mut received) = next_service().await;
        let app = Router::new()
            .route("/first", get(call))
            .with_state(next)
            .layer(layer);
        let response = exchange(serve(app).await, request).await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        Hop {
            raw: received.recv().await.unwrap(),
            span: telemetry.span().await,
        }
    })
}

/// A handler that calls the next service as any client does: it injects, and sends.
async fn call(State(next): State<SocketAddr>) {
    tokio::task::yield_now().await;
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    let mut request = b"GET / HTTP/1.1\r\nConnection: close\r\n".to_vec();
    for (name, value) in &headers {
        request.extend_from_slice(format!("{name}: ").as_bytes());
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    exchange(next, request).await;
}

/// A service that tells the bytes it received.
async fn next_service() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut read).await.unwrap();
        }
        sender.send(String::from_utf8(read).unwrap()).unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    });
    (address, receiver)
}

fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n")
}

/// A valid traceparent with these headers.
fn with(headers: &str) -> String {
    parent("01") + headers
}

mod traceparent {
    use super::*;

    #[test]
    fn names_must_be_accepted_in_any_case_and_should_be_sent_in_lower_case() {
        for name in ["traceparent", "TRACEPARENT", "TraceParent"] {
            let hop = hop(format!(
                "{name}: 00-{TRACE}-{PARENT}-01\r\nTRACESTATE: a=b\r\n"
            ));
            assert!(hop.continues(), "{name}");
            assert!(hop.raw.contains("\r\ntraceparent: "), "{}", hop.raw);
            assert!(hop.raw.contains("\r\ntracestate: a=b"), "{}", hop.raw);
        }
    }

    #[test]
    fn the_trace_id_must_go_on_and_the_parent_id_must_be_new() {
        let hop = hop(parent("01"));
        let own = hop.span.span_id.to_string();
        assert_eq!(hop.traceparent(), format!("00-{TRACE}-{own}-01"));
        assert_ne!(own, PARENT);
    }

    #[test]
    fn one_must_be_sent_even_if_none_was_received() {
        let hop = hop("");
        assert!(hop.restarts());
        assert_eq!(hop.sent("traceparent").len(), 1);
        assert_eq!(hop.traceparent().len(), 55);
    }

    #[test]
    fn what_is_sent_must_be_lower_case_hexadecimal() {
        let hop = hop("");
        let digits = hop.traceparent().replace('-', "");
        let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        assert!(digits.bytes().all(is_lower), "{digits}");
    }

    #[test]
    fn version_ff_must_be_refused() {
        assert!(hop(format!("traceparent: ff-{TRACE}-{PARENT}-01\r\n")).restarts());
    }

    #[test]
    fn a_version_that_is_not_two_digits_must_be_refused() {
        for version in ["0", "000", "0g", ".0", "0A", ""] {
            let header = format!("traceparent: {version}-{TRACE}-{PARENT}-01\r\n");
            assert!(hop(header).restarts(), "{version}");
        }
    }

    #[test]
    fn version_00_must_have_nothing_after_its_flags() {
        for tail in ["-", ".", "-what-the-future-will-be-like", "0"] {
            let header = format!("traceparent: 00-{TRACE}-{PARENT}-01{tail}\r\n");
            assert!(hop(header).restarts(), "{tail}");
        }
    }

    #[test]
    fn a_later_version_should_be_read_as_far_as_it_is_known() {
        for tail in ["", "-", "-what-the-future-will-be-like"] {
            let hop = hop(format!("traceparent: cc-{TRACE}-{PARENT}-01{tail}\r\n"));
            assert!(hop.continues(), "{tail}");
        }
        for tail in ["0", ".what", "-01".repeat(0).as_str()].iter().take(2) {
            let hop = hop(format!("traceparent: cc-{TRACE}-{PARENT}-01{tail}\r\n"));
            assert!(hop.restarts(), "{tail}");
        }
    }

    #[test]
    fn a_later_version_that_is_shorter_must_be_refused() {
        assert!(hop(format!("traceparent: cc-{TRACE}-{PARENT}-0\r\n")).restarts());
        assert!(hop(format!("traceparent: cc-{TRACE}-{PARENT}\r\n")).restarts());
    }

    #[test]
    fn what_is_sent_for_a_later_version_must_be_version_00_without_its_unknown_fields() {
        let hop = hop(format!("traceparent: cc-{TRACE}-{PARENT}-01-extra\r\n"));
        let own = hop.span.span_id;
        assert_eq!(hop.traceparent(), format!("00-{TRACE}-{own}-01"));
    }

    #[test]
    fn a_trace_id_that_is_not_valid_must_be_ignored() {
        let upper = TRACE.to_uppercase();
        let (short, long) = (&TRACE[1..], format!("{TRACE}0"));
        let zeros = "0".repeat(32);
        let dotted = format!(".{}", &TRACE[1..]);
        for id in [&upper, short, &long, &zeros, &dotted] {
            let header = format!("traceparent: 00-{id}-{PARENT}-01\r\n");
            assert!(hop(header).restarts(), "{id}");
        }
    }

    #[test]
    fn a_parent_id_that_is_not_valid_must_be_ignored() {
        let upper = PARENT.to_uppercase();
        let (short, long) = (&PARENT[1..], format!("{PARENT}0"));
        let zeros = "0".repeat(16);
        for id in [&upper, short, &long, &zeros, "00f067aa0ba902bx"] {
            let header = format!("traceparent: 00-{TRACE}-{id}-01\r\n");
            assert!(hop(header).restarts(), "{id}");
        }
    }

    #[test]
    fn flags_that_are_not_two_digits_must_be_refused() {
        for flags in ["", "1", "001", ".1", "0g", "0A"] {
            let header = format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n");
            assert!(hop(header).restarts(), "{flags}");
        }
    }

    #[test]
    fn flags_must_be_read_as_bits_and_unknown_ones_must_be_sent_as_zero() {
        for (received, sent) in [("01", "01"), ("ff", "03"), ("05", "01"), ("fd", "01")] {
            let hop = hop(parent(received));
            assert!(hop.continues(), "{received}");
            assert!(
                hop.traceparent().ends_with(&format!("-{sent}")),
                "{received}"
            );
        }
    }

    #[test]
    fn the_random_flag_must_be_passed_on_as_it_came() {
        assert!(hop(parent("03")).traceparent().ends_with("-03"));
        assert!(hop(parent("01")).traceparent().ends_with("-01"));
    }

    #[test]
    fn a_new_trace_should_say_that_its_id_is_random() {
        assert!(hop("").traceparent().ends_with("-03"));
    }

    #[test]
    fn an_unsampled_trace_must_go_on_unsampled() {
        // its span is not recorded: the next service sees it
        let app = |flags: &str| {
            let request = format!(
                "GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
                parent(flags)
            );
            run(|_, _| async move {
                let (next, mut received) = next_service().await;
                let app = Router::new().route("/first", get(call)).with_state(next);
                exchange(serve(app.layer(ServerLayer::new())).await, request).await;
                received.recv().await.unwrap()
            })
        };
        for (received, sent) in [("00", "-00\r\n"), ("02", "-02\r\n"), ("fe", "-02\r\n")] {
            let raw = app(received);
            assert!(raw.contains(&format!("traceparent: 00-{TRACE}-")), "{raw}");
            assert!(raw.contains(sent), "{raw}");
        }
    }

    #[test]
    fn several_headers_must_not_be_taken_for_one() {
        let other = "00-11111111111111111111111111111111-2222222222222222-01";
        assert!(hop(parent("01") + "traceparent: " + other + "\r\n").restarts());
        let joined = format!("traceparent: 00-{TRACE}-{PARENT}-01,{other}\r\n");
        assert!(hop(joined).restarts());
    }

    #[test]
    fn space_around_the_value_is_not_part_of_it() {
        assert!(hop(format!("traceparent: \t 00-{TRACE}-{PARENT}-01 \t\r\n")).continues());
    }

    #[test]
    fn without_a_valid_one_the_tracestate_must_not_be_used() {
        assert!(hop("tracestate: a=b\r\n").restarts());
        assert!(hop("traceparent: nonsense\r\ntracestate: a=b\r\n").restarts());
    }

    #[test]
    fn a_service_that_does_not_trust_its_caller_restarts_the_trace() {
        let layer = ServerLayer::new().public_endpoint(|_| true);
        assert!(hop_through(layer, with("tracestate: a=b\r\n")).restarts());
    }
}

mod tracestate {
    use super::*;

    #[test]
    fn a_valid_one_must_be_sent_on() {
        let hop = hop(with(
            "tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE\r\n",
        ));
        assert_eq!(
            hop.tracestate(),
            ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]
        );
    }

    #[test]
    fn it_must_be_sent_on_by_a_service_that_records_no_span() {
        for baggage in ["", "baggage: a=1\r\n"] {
            let request = format!(
                "GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}tracestate: 1a@b@c=1\r\n{baggage}\r\n",
                parent("01")
            );
            let raw = run(|_, _| async move {
                let (next, mut received) = next_service().await;
                let app = Router::new().route("/first", get(call)).with_state(next);
                let layer = ServerLayer::new().filter(|_| false);
                exchange(serve(app.layer(layer)).await, request).await;
                received.recv().await.unwrap()
            });
            let own = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\n");
            assert!(
                raw.contains(&own) && raw.contains("tracestate: 1a@b@c=1\r\n"),
                "{raw}"
            );
        }
    }

    #[test]
    fn several_headers_must_be_combined_in_order_and_should_be_sent_as_one() {
        let hop = hop(with(
            "tracestate: a=1,b=2\r\ntracestate: c=3\r\ntracestate: d=4\r\n",
        ));
        assert_eq!(hop.tracestate(), ["a=1,b=2,c=3,d=4"]);
    }

    #[test]
    fn one_that_is_malformed_must_not_harm_the_traceparent() {
        for bad in [
            "=1", "a", "A=1", "a=b=c", "a=\u{e9}", "a b=1", ",,a,", "a=1,b",
        ] {
            let hop = hop(with(&format!("tracestate: {bad}\r\n")));
            assert!(hop.continues(), "{bad}");
            assert!(hop.tracestate().is_empty(), "{bad}: {:?}", hop.tracestate());
        }
    }

    #[test]
    fn empty_ones_must_be_accepted_and_should_not_be_sent() {
        for empty in [
            "tracestate: \r\n",
            "tracestate: ,, ,\r\n",
            "tracestate:\r\ntracestate:\r\n",
        ] {
            let hop = hop(with(empty));
            assert!(hop.continues() && hop.tracestate().is_empty(), "{empty}");
        }
    }

    #[test]
    fn empty_members_and_space_around_members_are_allowed() {
        let hop = hop(with("tracestate: a=1 ,\t b=2,, ,c=3\t\r\n"));
        assert_eq!(hop.tracestate(), ["a=1,b=2,c=3"]);
    }

    #[test]
    fn thirty_two_members_must_be_kept_and_more_are_no_tracestate() {
        let members = |count: usize| {
            (0..count)
                .map(|at| format!("k{at}=v"))
                .collect::<Vec<_>>()
                .join(",")
        };
        let whole = members(32);
        assert_eq!(
            hop(with(&format!("tracestate: {whole}\r\n"))).tracestate(),
            [whole]
        );
        let over = hop(with(&format!("tracestate: {}\r\n", members(33))));
        assert!(over.continues() && over.tracestate().is_empty());
    }

    #[test]
    fn keys_follow_their_grammar() {
        let longest = "z".repeat(256);
        let many = "z".repeat(257);
        for key in ["a", "0", "a-_*/@1", "tenant@system", "1a@b@c", &longest] {
            let hop = hop(with(&format!("tracestate: {key}=1\r\n")));
            assert_eq!(hop.tracestate(), [format!("{key}=1")], "{key}");
        }
        for key in ["_a", "@a", "-a", "A", "a.b", "a\u{e9}", "a ", &many] {
            let hop = hop(with(&format!("tracestate: {key}=1\r\n")));
            assert!(hop.continues() && hop.tracestate().is_empty(), "{key}");
        }
    }

    #[test]
    fn values_follow_their_grammar() {
        let longest = "z".repeat(256);
        let many = "z".repeat(257);
        for value in ["!", "a b", "\"~;:{}\\", &longest] {
            let hop = hop(with(&format!("tracestate: a={value}\r\n")));
            assert_eq!(hop.tracestate(), [format!("a={value}")], "{value}");
        }
        for value in ["", "a\tb", "=", "a=", "\u{e9}", &many] {
            let hop = hop(with(&format!("tracestate: a={value}\r\n")));
            assert!(hop.continues() && hop.tracestate().is_empty(), "{value}");
        }
    }

    #[test]
    fn a_key_must_be_there_once() {
        let hop = hop(with("tracestate: a=new,b=2,a=old\r\n"));
        assert_eq!(hop.tracestate(), ["a=new,b=2"]);
    }

    #[test]
    fn the_order_of_what_is_not_changed_must_be_kept() {
        let order = "z=1,b=2,m=3,a=4";
        assert_eq!(
            hop(with(&format!("tracestate: {order}\r\n"))).tracestate(),
            [order]
        );
    }

    #[test]
    fn at_least_512_characters_should_be_passed_on() {
        let text: Vec<_> = (0..4)
            .map(|at| format!("k{at}={}", "v".repeat(124)))
            .collect();
        let text = text.join(",");
        assert!(text.len() >= 511);
        assert_eq!(
            hop(with(&format!("tracestate: {text}\r\n"))).tracestate(),
            [text]
        );
    }

    #[test]
    fn what_is_too_long_should_lose_whole_members_long_ones_first() {
        let long: Vec<_> = (0..12)
            .map(|at| format!("long{at}={}", "v".repeat(200)))
            .collect();
        let text = format!("first=1,{},last=2", long.join(","));
        let hop = hop(with(&format!("tracestate: {text}\r\n")));
        let sent = hop.tracestate()[0];
        assert!(
            sent.starts_with("first=1,long0=") && sent.ends_with(",last=2"),
            "{sent}"
        );
        assert!(
            sent.split(',')
                .all(|member| text.split(',').any(|whole| whole == member))
        );
        assert!(sent.len() < text.len());
    }
}

mod baggage {
    use super::*;

    #[test]
    fn it_must_be_passed_on_with_or_without_a_trace() {
        for headers in [with("baggage: a=1\r\n"), "baggage: a=1\r\n".to_owned()] {
            assert_eq!(hop(headers).baggage(), "a=1");
        }
    }

    #[test]
    fn names_must_be_accepted_in_any_case_and_should_be_sent_in_lower_case() {
        for name in ["Baggage", "BAGGAGE", "baggage"] {
            let hop = hop(format!("{name}: a=1\r\n"));
            assert!(hop.raw.contains("\r\nbaggage: a=1\r\n"), "{}", hop.raw);
        }
    }

    #[test]
    fn several_headers_are_combined() {
        let hop = hop("baggage: a=1,b=2\r\nbaggage: c=3\r\n");
        assert_eq!(hop.baggage(), "a=1,b=2,c=3");
    }

    #[test]
    fn space_around_keys_values_and_members_must_be_trimmed() {
        let hop = hop("baggage: \ta = 1 ,\t b\t=2\t; p = q ; r\r\n");
        assert_eq!(hop.baggage(), "a=1,b=2;p=q;r");
    }

    #[test]
    fn properties_must_be_passed_on_with_their_member() {
        let hop = hop("baggage: a=1;p1;p2=v;p3=%20,b=2\r\n");
        assert_eq!(hop.baggage(), "a=1;p1;p2=v;p3=%20,b=2");
    }

    #[test]
    fn keys_are_tokens_and_case_matters() {
        let hop = hop("baggage: !#$%&'*+-.^_`|~aZ9=1,Key=2,key=3\r\n");
        let mut sent: Vec<_> = hop.sent("baggage")[0].split(',').collect();
        sent.sort_unstable();
        assert_eq!(sent, ["!#$%&'*+-.^_`|~aZ9=1", "Key=2", "key=3"]);
    }

    #[test]
    fn members_whose_key_is_no_token_are_left_out_and_the_others_stay() {
        for bad in [
            "=1", "a b=1", "(a)=1", "\"a\"=1", "a@b=1", "noequals", ";p=1",
        ] {
            let hop = hop(format!("baggage: x=1,{bad},y=2\r\n"));
            assert_eq!(hop.baggage(), "x=1,y=2", "{bad}");
        }
    }

    #[test]
    fn values_must_be_decoded_and_what_needs_it_must_be_encoded() {
        // space, quote, comma, semicolon, backslash, percent, and UTF-8
        let encoded = "a=%20%22%2C%3B%5C%25%C3%A9";
        assert_eq!(hop(format!("baggage: {encoded}\r\n")).baggage(), encoded);
        // what need not be encoded may come so
        assert_eq!(hop("baggage: a=%41%62\r\n").baggage(), "a=Ab");
    }

    #[test]
    fn bytes_that_are_no_utf8_must_become_the_replacement_character() {
        assert_eq!(hop("baggage: a=x%FFy\r\n").baggage(), "a=x%EF%BF%BDy");
    }

    #[test]
    fn a_percent_sign_must_be_encoded() {
        assert_eq!(hop("baggage: a=100%25\r\n").baggage(), "a=100%25");
        assert_eq!(hop("baggage: a=100%\r\n").baggage(), "a=100%25");
    }

    #[test]
    fn an_equals_sign_may_be_part_of_a_value() {
        assert_eq!(hop("baggage: a=b=c\r\n").baggage(), "a=b%3Dc");
    }

    #[test]
    fn values_outside_their_grammar_are_left_out() {
        for bad in ["a=b c", "a=\"b\"", "a=b\\c", "a=\u{e9}"] {
            assert_eq!(
                hop(format!("baggage: x=1,{bad}\r\n")).baggage(),
                "x=1",
                "{bad}"
            );
        }
    }

    #[test]
    fn an_empty_value_is_a_value() {
        assert_eq!(hop("baggage: a=,b=2\r\n").baggage(), "a=,b=2");
    }

    #[test]
    fn an_empty_header_is_no_error() {
        for empty in ["baggage: \r\n", "baggage: ,,\r\n"] {
            assert_eq!(hop(empty).sent("baggage"), Vec::<&str>::new());
        }
    }

    #[test]
    fn sixty_four_members_must_be_passed_on() {
        let members: Vec<_> = (10..74).map(|at| format!("key{at}=value")).collect();
        assert_eq!(
            hop(format!("baggage: {}\r\n", members.join(","))).baggage(),
            members.join(",")
        );
    }

    #[test]
    fn eight_thousand_one_hundred_and_ninety_two_bytes_must_be_passed_on() {
        let text = format!("a={}", "v".repeat(8190));
        assert_eq!(text.len(), 8192);
        assert_eq!(hop(format!("baggage: {text}\r\n")).baggage(), text);
    }

    #[test]
    fn what_is_beyond_the_limits_is_dropped_in_whole_members() {
        let members: Vec<_> = (100..300)
            .map(|at| format!("k{at}={}", "v".repeat(90)))
            .collect();
        let hop = hop(format!("baggage: {}\r\n", members.join(",")));
        let sent: Vec<_> = hop.sent("baggage")[0].split(',').collect();
        assert_eq!(sent.len(), 64);
        assert!(
            sent.iter()
                .all(|one| members.iter().any(|whole| whole == one))
        );
    }

    #[test]
    fn a_producer_should_not_send_a_key_twice() {
        assert_eq!(hop("baggage: a=1,b=2,a=3\r\n").baggage(), "a=3,b=2");
    }
}
