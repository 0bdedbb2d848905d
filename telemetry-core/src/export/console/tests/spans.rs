//! How one trace looks.

use proptest::prelude::*;

use super::super::render::{render, render_shaped};
use super::super::tree::{Hidden, Shape};
use super::super::{Terminal, logs};
use crate::context::{SpanId, TraceFlags, TraceId};
use crate::export::memory::{CapturedLog, CapturedSpan};
use crate::otlp::span::put_event;
use crate::otlp::{
    AttributeLimits, Attributes, Kind, LogParts, ScopeId, Severity, SpanParts, StatusCode,
};
use crate::pipeline::Batch;

/// A span made by hand; times are microseconds after a fixed point.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) is_remote: bool,
    pub(super) name: String,
    kind: Kind,
    from: u64,
    to: u64,
    attributes: Vec<(&'static str, String)>,
    events: Vec<u8>,
    status: StatusCode,
}

const MICRO: u64 = 1_000;
const EPOCH: u64 = 1_795_271_041_000_000_000;

pub(super) fn made(id: u64, parent: u64, name: &str, from: u64, to: u64) -> Made {
    Made {
        trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
        id,
        parent,
        is_remote: false,
        name: name.to_owned(),
        kind: Kind::Internal,
        from,
        to,
        attributes: Vec::new(),
        events: Vec::new(),
        status: StatusCode::Unset,
    }
}

impl Made {
    pub(super) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    fn with(mut self, key: &'static str, value: &str) -> Self {
        self.attributes.push((key, value.to_owned()));
        self
    }

    fn event(mut self, name: &str, at: u64, attributes: &[(&str, &str)]) -> Self {
        let mut encoded = Attributes::new(Attributes::EVENT, AttributeLimits::default());
        for (key, value) in attributes {
            encoded.set(key, *value);
        }
        let at = EPOCH + at * MICRO;
        put_event(&mut self.events, at, name, encoded.as_bytes(), 0);
        self
    }

    fn failed(mut self) -> Self {
        self.status = StatusCode::Error;
        self
    }

    pub(super) fn push(&self, batch: &mut Batch) {
        let mut attributes = Attributes::new(Attributes::SPAN, AttributeLimits::default());
        for (key, value) in &self.attributes {
            match value.parse::<i64>() {
                Ok(number) => attributes.set(key, number),
                Err(_) => attributes.set(key, value.as_str()),
            }
        }
        let parent_span_id = SpanId::from(self.parent);
        let parts = SpanParts {
            trace_id: TraceId::from(self.trace),
            span_id: SpanId::from(self.id),
            parent_span_id,
            parent_is_remote: Some(self.is_remote),
            trace_flags: TraceFlags::SAMPLED,
            trace_state: "",
            name: &self.name,
            kind: self.kind,
            start_unix_nanos: EPOCH + self.from * MICRO,
            end_unix_nanos: EPOCH + self.to * MICRO,
            attributes: attributes.as_bytes(),
            dropped_attributes: 0,
            events: &self.events,
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status: self.status,
            status_message: "",
        };
        batch.push(ScopeId::of_name("console-test"), |buffer| {
            parts.encode(buffer);
        });
    }
}

pub(super) fn batch(spans: &[Made]) -> Batch {
    let mut batch = Batch::new();
    for span in spans {
        span.push(&mut batch);
    }
    batch
}

fn captured(spans: &[Made]) -> Vec<CapturedSpan> {
    batch(spans).items().map(CapturedSpan::read).collect()
}

fn plain(spans: &[Made]) -> String {
    render(&captured(spans), Hidden::default(), Terminal::plain())
}

fn hello() -> Vec<Made> {
    vec![
        made(2, 1, "load_profile", 60, 670)
            .with("user", "ada")
            .with("cache", "miss"),
        made(3, 1, "render", 700, 1680).with("bytes", "24"),
        made(1, 0, "GET /hello/{name}", 0, 1840)
            .kind(Kind::Server)
            .with("http.request.method", "GET")
            .with("http.response.status_code", "200")
            .with("client.address", "127.0.0.1"),
    ]
}

fn fail() -> Vec<Made> {
    let stacktrace =
        "payment declined\ncaused by: issuer refused (51)\ncaused by: connection reset";
    vec![
        made(2, 1, "charge", 100, 2900)
            .kind(Kind::Client)
            .event(
                "exception",
                2900,
                &[
                    ("exception.message", "payment declined"),
                    ("exception.stacktrace", stacktrace),
                ],
            )
            .failed(),
        made(1, 0, "GET /fail", 0, 3020)
            .kind(Kind::Server)
            .with("http.response.status_code", "500")
            .with("error.type", "500")
            .failed(),
    ]
}

#[test]
fn a_request_is_a_header_and_a_tree() {
    let expected = "\
GET /hello/{name}  200  1.84 ms  trace 4bf92f3577b34da6a3ce929d0e0e4736
└─ GET /hello/{name}  server  ▕████████████████████████████████▏ 1.84 ms  client.address=127.0.0.1
   ├─ load_profile            ▕ ███████████                    ▏ 0.61 ms  user=ada cache=miss
   └─ render                  ▕            ██████████████████  ▏ 0.98 ms  bytes=24
";
    assert_eq!(plain(&hello()), expected);
}

#[test]
fn a_failure_shows_its_causes() {
    let expected = "\
GET /fail  500  3.02 ms  ✗ error.type=500  trace 4bf92f3577b34da6a3ce929d0e0e4736
└─ GET /fail  server  ▕████████████████████████████████▏ 3.02 ms  ✗ error.type=500
   └─ charge  client  ▕ ██████████████████████████████ ▏ 2.80 ms  ✗ payment declined ← issuer refused (51) ← connection reset
";
    assert_eq!(plain(&fail()), expected);
}

#[test]
fn colours_change_nothing_but_colours() {
    let terminal = Terminal {
        color: true,
        ..Terminal::plain()
    };
    let spans = captured(&fail());
    let colored = render(&spans, Hidden::default(), terminal);
    let header = "\x1b[1mGET /fail\x1b[0m  \x1b[31m500\x1b[0m  3.02 ms  \
                  \x1b[31m✗ error.type=500\x1b[0m  \x1b[2mtrace 4bf92f3577b34da6a3ce929d0e0e4736\x1b[0m\n";
    assert!(colored.starts_with(header), "{colored:?}");
    let mut bare = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_eq!(bare, plain(&fail()));
}

#[test]
fn events_stand_below_their_span() {
    let spans = [
        made(2, 1, "child", 10, 20),
        made(1, 0, "root", 0, 100).event("cache miss", 5, &[("key", "a b")]),
    ];
    let text = plain(&spans);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], "   │  · cache miss at 5.0 µs  key=\"a b\"");
    let busy = (0..9).fold(made(1, 0, "root", 0, 100), |span, at| {
        span.event("tick", at, &[])
    });
    assert!(plain(&[busy]).contains("· 9 events\n"));
}

#[test]
fn foreign_text_cannot_reach_the_terminal() {
    let spans = [made(1, 0, "evil\x1b[2J\nname\u{202e}", 0, 1)
        .with("key", "v\x07\r\nGET /forged  200")
        .event("e\x1b]0;title\x07", 0, &[("k", "\u{9b}31m")])];
    let text = plain(&spans);
    assert_eq!(text.lines().count(), 3, "{text}");
    let harmless = |c: char| !c.is_control() && c != '\u{202e}';
    assert!(
        text.lines().all(|line| line.chars().all(harmless)),
        "{text}"
    );
    assert!(text.contains(r"evil\u{1b}[2J\nname\u{202e}"));
}

#[test]
fn strange_times_are_drawn_at_the_edges() {
    let spans = [
        made(2, 1, "before", 0, 150),
        made(3, 1, "after", 350, 900),
        made(4, 1, "outside", 950, 960),
        made(5, 1, "instant", 200, 200),
        made(6, 1, "backwards", 250, 240),
        made(1, 0, "root", 100, 400),
    ];
    let text = plain(&spans);
    let bars: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('▕')?.1.split_once('▏').map(|(bar, _)| bar))
        .collect();
    assert_eq!(
        bars,
        [
            "████████████████████████████████",
            "‹█████                          ",
            "          █                     ",
            "                █               ",
            "                          █████›",
            "                               ›",
        ]
    );
    let zero = plain(&[made(2, 1, "child", 5, 5), made(1, 0, "root", 5, 5)]);
    assert!(zero.contains("0  trace"), "{zero}");
}

#[test]
fn a_crowd_is_cut_and_counted() {
    let mut spans: Vec<Made> = (2..=10_001)
        .map(|id| made(id, 1, &format!("job-{id}"), id, id + 1))
        .collect();
    spans[9_000] = spans[9_000].clone().failed();
    spans.push(made(1, 0, "root", 0, 20_000));
    let text = plain(&spans);
    assert_eq!(text.lines().count(), 42);
    assert!(
        text.ends_with("   └─ … 9961 more spans, 1 of them failed\n"),
        "{text}"
    );
}

#[test]
fn a_runaway_recursion_keeps_its_names() {
    let spans: Vec<Made> = (1..=500)
        .map(|id| made(id, id - 1, &format!("depth-{id}"), id, 1000 - id))
        .collect();
    let text = plain(&spans);
    assert!(text.contains("depth-200 "), "{text}");
    assert!(text.ends_with("… 300 more spans\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 130));
}

#[test]
fn orphans_and_loops_are_shown_without_a_root() {
    let spans = [
        made(2, 99, "orphan", 0, 10),
        made(3, 2, "below", 1, 5),
        made(4, 5, "loop-a", 2, 3),
        made(5, 4, "loop-b", 2, 3),
        made(6, 6, "own-parent", 2, 3),
    ];
    let text = plain(&spans);
    assert!(
        text.starts_with("5 spans without a root  trace 4bf9"),
        "{text}"
    );
    for span in &spans {
        assert_eq!(text.matches(&span.name).count(), 1, "{text}");
    }
}

#[test]
fn attributes_stop_at_the_edge_of_the_terminal() {
    let span = (0..26).fold(made(1, 0, "root", 0, 10), |span, index| {
        span.with(&"abcdefghijklmnopqrstuvwxyz"[index..=index], "value")
    });
    let text = plain(&[span]);
    let line = text.lines().nth(1).unwrap();
    assert!(
        line.ends_with(" …") && line.chars().count() <= 102,
        "{line}"
    );
    let long = made(1, 0, "root", 0, 10).with("k", &"x".repeat(5_000));
    assert!(plain(&[long]).lines().nth(1).unwrap().contains("xxx…"));
}

#[test]
fn a_record_is_a_line() {
    let mut attributes = Attributes::new(Attributes::LOG, AttributeLimits::default());
    attributes.set("lang", "en\n");
    let parts = LogParts {
        unix_nanos: EPOCH,
        severity: Severity::Warn,
        body: "greet\x1b[1ming",
        attributes: attributes.as_bytes(),
        trace_id: TraceId::from(0xab_u128),
        ..LogParts::empty()
    };
    let mut batch = Batch::new();
    batch.push(ScopeId::of_name("quickstart"), |buffer| {
        parts.encode(buffer);
    });
    let log = batch.items().map(CapturedLog::read).next().unwrap();
    assert_eq!(
        logs::render(&log, Terminal::plain()),
        "2026-11-21T14:24:01.000Z WARN  quickstart greet\\u{1b}[1ming  lang=en\\n trace=000000000000000000000000000000ab\n"
    );
}

prop_compose! {
    fn any_span()(
        id in 1_u64..40,
        parent in 0_u64..40,
        is_remote: bool,
        name in any::<String>(),
        from in 0_u64..1_000,
        to in 0_u64..1_000,
        value in any::<String>(),
        is_failed: bool,
    ) -> Made {
        let span = made(id, parent, &name, from, to).with("key", &value);
        let mut span = if is_failed { span.failed() } else { span };
        span.is_remote = is_remote;
        span
    }
}

proptest! {
    #[test]
    fn each_span_within_the_limits_is_shown_once(mut spans in prop::collection::vec(any_span(), 1..60)) {
        for (index, span) in spans.iter_mut().enumerate() {
            span.name = format!("<{index}>");
        }
        let shape = Shape { rows: 60, children: 60 };
        let text = render_shaped(&captured(&spans), Hidden::default(), Terminal::plain(), shape);
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once('▕')?.0.rsplit_once("─ ")?.1.trim()))
            .collect();
        for span in &spans {
            let shown = names.iter().filter(|name| **name == span.name).count();
            prop_assert_eq!(shown, 1, "{}", text);
        }
    }

    #[test]
    fn whatever_is_cut_is_counted(
        spans in prop::collection::vec(any_span(), 1..80),
        rows in 0_usize..20,
        children in 0_usize..10,
        color: bool,
    ) {
        let terminal = Terminal { color, width: 60 };
        let shape = Shape { rows, children };
        let text = render_shaped(&captured(&spans), Hidden::default(), terminal, shape);
        let shown = text.lines().filter(|line| line.contains('▕')).count();
        let hidden: usize = text
            .lines()
            .filter_map(|line| line.split_once("… ")?.1.split_once(" more span")?.0.parse::<usize>().ok())
            .sum();
        prop_assert_eq!(shown + hidden, spans.len(), "{}", text);
    }
}
