//! The replay of whole streams, judged by an oracle that knows every event's time and computes in
//! exact fractions, one second at a time.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../examples/replay/options.rs"]
mod options;
#[path = "oracle/mod.rs"]
mod oracle;
#[path = "../examples/replay/replay.rs"]
mod replay;
#[path = "../examples/replay/stream.rs"]
mod stream;

use std::fmt::Write;

use oracle::{Fraction, Oracle, Span};
use serde_json::Value;

/// As far from the last boundary of each level as can be: a window that begins between two boundaries
/// is taken from the earlier one.
const START: u64 = 1_700_000_000 - 1_700_000_000 % HOUR + HOUR - 7;
/// The next multiple of ten seconds after a row.
const PROBE: u64 = START + 7;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// A stream under construction: rows follow each other every five seconds.
struct Stream {
    at: u64,
    rows: Vec<(u64, u64, u64)>,
}

impl Stream {
    fn new() -> Self {
        Self {
            at: START,
            rows: Vec::new(),
        }
    }

    /// So many of each event every five seconds.
    fn run(self, seconds: u64, good: u64, bad: u64) -> Self {
        self.every(5, seconds, good, bad)
    }

    fn every(mut self, step: u64, seconds: u64, good: u64, bad: u64) -> Self {
        let end = self.at + seconds;
        while self.at < end {
            self.rows.push((self.at, good, good + bad));
            self.at += step;
        }
        self
    }

    fn pause(mut self, seconds: u64) -> Self {
        self.at += seconds;
        self
    }

    fn csv(&self) -> String {
        let mut text = "timestamp_s,good,total\n".to_owned();
        for (at, good, total) in &self.rows {
            writeln!(text, "{at},{good},{total}").unwrap();
        }
        text
    }

    /// Replays it with the tool's own command line, probed at some times after the start, and
    /// compares all that it says with the oracle.
    fn check(&self, line: &str, probes: &[u64]) -> Value {
        let at: Vec<_> = probes
            .iter()
            .map(|after| (PROBE + after).to_string())
            .collect();
        let mut words: Vec<_> = ["replay", "file", "--target", "0.999"]
            .map(str::to_owned)
            .into();
        words.extend(line.split_whitespace().map(str::to_owned));
        if !at.is_empty() {
            words.extend(["--at".to_owned(), at.join(",")]);
        }
        let options = options::Options::parse(lexopt::Parser::from_iter(words)).unwrap();
        let rows = stream::parse(&self.csv()).unwrap();
        let said = replay::replay(&options, &rows).unwrap();
        let oracle = Oracle::new(&options, &self.rows, Fraction::new(1, 1000));
        compare_spans(&said, &oracle);
        assert_eq!(said["probes"].as_array().unwrap().len(), probes.len());
        for probe in said["probes"].as_array().unwrap() {
            compare_probe(probe, &oracle);
        }
        said
    }
}

fn compare_spans(said: &Value, oracle: &Oracle<'_>) {
    let exact = oracle.run();
    for (group, names) in [
        ("tiers", &oracle::TIERS[..]),
        ("alerts", &["page", "ticket"]),
    ] {
        for name in names {
            // what the tool may be late or early by, in seconds
            let (early, late) = if name.starts_with("page") {
                (15, 30)
            } else {
                (60, 90)
            };
            let found = spans(&said[group][name]);
            let exact = &exact[*name];
            assert_eq!(
                found.len(),
                exact.len(),
                "{name}: {found:?} is not {exact:?}"
            );
            let near = |found: u64, exact: u64| found + early >= exact && found <= exact + late;
            for (found, exact) in found.iter().zip(exact) {
                let ends = match (found.1, exact.1) {
                    (Some(found), Some(exact)) => near(found, exact),
                    (found, exact) => found == exact,
                };
                assert!(
                    near(found.0, exact.0) && ends,
                    "{name}: {found:?} is not {exact:?}"
                );
            }
        }
    }
}

fn spans(value: &Value) -> Vec<Span> {
    let spans = value.as_array().unwrap().iter();
    spans
        .map(|span| (span[0].as_u64().unwrap(), span[1].as_u64()))
        .collect()
}

fn compare_probe(probe: &Value, oracle: &Oracle<'_>) {
    let at = probe["t"].as_u64().unwrap();
    let near = |what: &str, found: &Value, exact: Option<f64>| match (found.as_f64(), exact) {
        (Some(found), Some(exact)) => {
            let off = (found - exact).abs();
            assert!(
                off <= 0.02 * exact.abs() + 0.02,
                "{what} at {at}: {found} is not {exact}"
            );
        }
        (found, exact) => assert_eq!(found, exact, "{what} at {at}"),
    };
    let burn = probe["burn"].as_object().unwrap();
    for (window, found) in burn {
        near(window, found, oracle.burn(at, window.parse().unwrap()));
    }
    let (observed, period, coverage) = oracle.budget(at);
    near(
        "consumed_observed",
        &probe["budget"]["consumed_observed"],
        observed,
    );
    near(
        "consumed_period",
        &probe["budget"]["consumed_period"],
        period,
    );
    near("coverage", &probe["budget"]["coverage"], Some(coverage));
}

fn fired(said: &Value, name: &str) -> usize {
    let group = if name.contains('_') {
        "tiers"
    } else {
        "alerts"
    };
    said[group][name].as_array().unwrap().len()
}

#[test]
fn steady_errors_burn_all_tiers_or_none() {
    let much = Stream::new().run(DAY, 980, 20);
    let said = much.check("", &[0, 1, 5 * MINUTE, HOUR, 6 * HOUR + 7, DAY - 5]);
    assert!(oracle::TIERS.iter().all(|tier| fired(&said, tier) == 1));
    let burn = said["probes"][0]["burn"].as_object().unwrap();
    for window in [300, 1800, 3600, 7200, 21_600, DAY, 3 * DAY, 30 * DAY] {
        assert!(burn.contains_key(&window.to_string()), "{window}");
    }
    let little = Stream::new().run(DAY, 9995, 5);
    let said = little.check("", &[HOUR, DAY - 5]);
    assert_eq!(fired(&said, "page") + fired(&said, "ticket"), 0);
}

#[test]
fn an_outage_pages_within_the_minute_and_tickets_after_it() {
    let stream = Stream::new()
        .run(4 * DAY, 100, 0)
        .run(10 * MINUTE, 0, 100)
        .run(8 * HOUR, 100, 0);
    let end = 4 * DAY;
    let said = stream.check(
        "",
        &[
            end,
            end + MINUTE,
            end + 10 * MINUTE,
            end + HOUR,
            end + 5 * HOUR,
        ],
    );
    assert_eq!((fired(&said, "page"), fired(&said, "ticket")), (1, 1));
    let fire = said["tiers"]["page_quick"][0][0].as_u64().unwrap();
    assert!(
        (START + end + 45..START + end + 80).contains(&fire),
        "51.8 s, and a tick"
    );
}

#[test]
fn a_slow_burn_is_a_ticket_and_no_page() {
    let stream = Stream::new()
        .run(DAY, 1000, 0)
        .run(2 * DAY, 996, 4)
        .run(DAY, 1000, 0);
    let said = stream.check("", &[DAY, 2 * DAY, 3 * DAY, 4 * DAY - 5]);
    assert_eq!(fired(&said, "page"), 0);
    assert_eq!(
        (fired(&said, "ticket_quick"), fired(&said, "ticket_slow")),
        (1, 1)
    );
}

#[test]
fn each_burst_pages_and_each_recovery_resolves() {
    let burst = |stream: Stream| stream.run(5 * MINUTE, 50, 50).run(5 * HOUR, 100, 0);
    let stream = burst(burst(burst(Stream::new().run(DAY, 100, 0))));
    let said = stream.check("", &[DAY + 5 * MINUTE, DAY + 6 * HOUR]);
    assert_eq!(fired(&said, "page_quick"), 3);
}

#[test]
fn with_low_traffic_one_error_is_enough_unless_more_are_asked_for() {
    let quiet = |stream: Stream| stream.every(5 * MINUTE, 7 * HOUR, 1, 0);
    let stream = quiet(quiet(Stream::new()).every(5 * MINUTE, 5 * MINUTE, 0, 1));
    let probes = [
        HOUR + 2 * MINUTE,
        7 * HOUR + 2 * MINUTE,
        8 * HOUR + 2 * MINUTE,
    ];
    assert!(fired(&stream.check("", &probes), "page") > 0);
    assert_eq!(fired(&stream.check("--min-bad 3", &probes), "page"), 0);
}

#[test]
fn a_gap_keeps_what_came_before_it() {
    let before = Stream::new().run(DAY, 100, 0).run(20 * MINUTE, 90, 10);
    let stream = before.pause(3 * HOUR).run(6 * HOUR, 100, 0);
    let from = DAY + 20 * MINUTE;
    let probes = [from, from + HOUR, from + 3 * HOUR + MINUTE, from + 5 * HOUR];
    stream.check("", &probes);
    let line = format!("--suspended {} {}", START + from, START + from + 3 * HOUR);
    let options = [line.as_str(), "--cold scaled"].join(" ");
    let said = stream.check(&options, &probes[2..]);
    let burnt = said["probes"][0]["burn"]["21600"].as_f64().unwrap();
    assert!(
        burnt > 6.0,
        "the errors before the suspend are not forgotten: {burnt}"
    );
}

#[test]
fn a_blip_after_a_cold_start_is_a_ticket_only_to_those_who_see_nothing_else() {
    let stream = Stream::new().run(MINUTE, 95, 5).run(12 * HOUR, 100, 0);
    let probes = [MINUTE, HOUR, 12 * HOUR - 5];
    assert!(fired(&stream.check("--cold observed", &probes), "ticket") > 0);
    assert_eq!(fired(&stream.check("--cold scaled", &probes), "ticket"), 0);
    let outage = Stream::new().run(HOUR, 0, 100);
    let said = outage.check("--cold scaled", &probes[..1]);
    let fire = said["tiers"]["page_quick"][0][0].as_u64().unwrap();
    assert!(
        (START + 45..START + 80).contains(&fire),
        "an outage fires as quickly as ever"
    );
}

#[test]
fn errors_of_a_quiet_night_count_until_busy_traffic_has_left_the_window() {
    let night = Stream::new()
        .run(10 * HOUR, 1000, 0)
        .every(30, 4 * HOUR, 1, 1);
    let stream = night.run(10 * HOUR, 1000, 0).pause(DAY).run(HOUR, 10, 0);
    let night = 14 * HOUR;
    stream.check(
        "",
        &[night, night + HOUR, night + 8 * HOUR, 24 * HOUR + 20 * HOUR],
    );
}

#[test]
fn exactly_at_the_budget_nothing_fires() {
    let stream = Stream::new().run(5 * DAY, 999, 1);
    let said = stream.check("", &[HOUR, DAY, 4 * DAY]);
    assert_eq!(fired(&said, "page") + fired(&said, "ticket"), 0);
    assert_eq!(said["probes"][2]["budget"]["consumed_observed"], 1.0);
}

#[test]
fn alerts_wait_and_linger_as_told() {
    let stream = Stream::new()
        .run(DAY, 100, 0)
        .run(10 * MINUTE, 0, 100)
        .run(8 * HOUR, 100, 0);
    stream.check("--for 120 --keep-firing-for 600", &[]);
    let said = stream.check("--for 3h", &[]);
    assert_eq!(fired(&said, "page"), 0, "it did not burn for so long");
}

#[test]
fn a_calendars_budget_begins_anew_at_its_end() {
    let (start, end) = (START - START % DAY, START - START % DAY + 2 * DAY);
    let stream = Stream::new().run(DAY, 990, 10).run(3 * DAY, 1000, 0);
    let probes = [HOUR, DAY, end - START - MINUTE, end - START + HOUR, 3 * DAY];
    let said = stream.check(&format!("--calendar {start} {end}"), &probes);
    let spent = |probe: usize| {
        said["probes"][probe]["budget"]["consumed_period"]
            .as_f64()
            .unwrap()
    };
    assert!(spent(2) > 4.0 && spent(3) < 0.01);
}

#[test]
fn errors_are_forgiven_when_they_leave_the_period() {
    let stream = Stream::new()
        .every(60, HOUR, 50, 50)
        .every(60, 9 * DAY, 100, 0);
    let said = stream
        .check("--period 7d", &[HOUR, 6 * DAY, 7 * DAY + 3 * HOUR])
        .take();
    let probes = said["probes"].as_array().unwrap();
    assert_eq!(probes[2]["budget"]["consumed_period"], 0.0);
}

#[test]
fn rows_that_make_no_sense_are_named() {
    for (rows, what) in [
        ("1,2", "three"),
        ("1,x,3", "whole"),
        ("1,-2,3", "whole"),
        ("1,3,2", "more good"),
    ] {
        let error = stream::parse(&format!("timestamp_s,good,total\n0,1,1\n{rows}\n")).unwrap_err();
        assert!(error.contains("line 3") && error.contains(what), "{error}");
    }
}
