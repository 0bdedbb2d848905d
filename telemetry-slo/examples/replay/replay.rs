//! Drives the tracker with a clock that the events turn.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use telemetry_slo::{
    AlertTiming, Objective, Period, Resolution, SloError, SloHandle, Status, Tier, Time, Tracker,
    Transition, TransitionKind,
};

use crate::options::Options;
use crate::stream::Row;

const ID: &str = "replay";
const TICK: u64 = 10;

/// What fired and resolved when, and how the objective did at the moments asked for.
pub(crate) fn replay(options: &Options, rows: &[Row]) -> Result<Value, SloError> {
    let Some((first, last)) = rows.first().zip(rows.last()) else {
        return Err(SloError::OutOfRange("the file has no rows"));
    };
    let start = first.at - first.at % TICK;
    let mut tracker = Tracker::new(Time::from_secs(start));
    let handle = tracker.add(objective(options)?)?;
    let mut run = Run {
        tracker,
        handle,
        rows,
        spans: Spans::of(&Tier::table(options.period)?),
        probes: options.at.clone(),
        results: Vec::new(),
    };
    run.probes.sort_unstable_by(|a, b| b.cmp(a));
    let suspended = options.suspended.unwrap_or_default();
    let ticks = (start..=last.at).step_by(10);
    for now in ticks.filter(|now| *now <= suspended.0 || *now >= suspended.1) {
        run.probe_before(now);
        run.tick(now);
    }
    run.probe_before(u64::MAX);
    let Run { spans, results, .. } = run;
    Ok(json!({"tiers": spans.tiers, "alerts": spans.alerts, "probes": results}))
}

fn objective(options: &Options) -> Result<Objective, SloError> {
    let mut timing = AlertTiming::repeated_every(Duration::ZERO);
    timing.fire_after = options.fire_after;
    timing.keep_firing_for = options.keep_firing_for;
    let period = match options.calendar {
        Some((start, end)) => Period::Calendar { start, end },
        None => Period::Rolling(options.period),
    };
    Ok(Objective::availability(ID, options.target)
        .period(period)
        .tiers(Tier::table(options.period)?)
        .min_bad(options.min_bad)
        .cold(options.cold)
        // a report of the past may take memory, to be right to the minute
        .resolution(Resolution::Fine)
        .page(timing)
        .ticket(timing))
}

struct Run<'a> {
    tracker: Tracker,
    handle: SloHandle,
    /// Those that are still to come.
    rows: &'a [Row],
    spans: Spans,
    /// Moments that are still to come, the next one last.
    probes: Vec<u64>,
    results: Vec<Value>,
}

impl Run<'_> {
    fn tick(&mut self, now: u64) {
        self.record_until(now);
        let transitions = self.tracker.tick_at(Time::from_secs(now));
        self.spans.follow(now, &self.handle.status(), &transitions);
    }

    fn record_until(&mut self, now: u64) {
        while let Some((row, rest)) = self.rows.split_first().filter(|(row, _)| row.at <= now) {
            self.handle.record_many(row.counts);
            self.rows = rest;
        }
    }

    /// Probes at all moments before the next tick.
    fn probe_before(&mut self, tick: u64) {
        while let Some(at) = self.probes.pop_if(|at| *at < tick) {
            self.record_until(at);
            let status = self.tracker.status_at(ID, Time::from_secs(at));
            self.results.extend(status.map(|status| probe(at, &status)));
        }
    }
}

fn probe(at: u64, status: &Status) -> Value {
    let burn = status.windows.iter();
    let burn: Map<_, _> = burn
        .map(|window| (window.window.as_secs().to_string(), json!(window.burn)))
        .collect();
    let budget = &status.budget;
    json!({"t": at, "burn": burn, "budget": {
        "consumed_observed": budget.consumed_observed,
        "consumed_period": budget.consumed_period,
        "coverage": budget.coverage,
    }})
}

/// From when to when something was so, by its name; `None` if it still is.
struct Spans {
    tiers: BTreeMap<String, Vec<(u64, Option<u64>)>>,
    alerts: BTreeMap<String, Vec<(u64, Option<u64>)>>,
}

impl Spans {
    fn of(tiers: &[Tier]) -> Self {
        let tiers = tiers.iter().map(|tier| (tier.id.to_string(), Vec::new()));
        let alerts = ["page", "ticket"].map(|severity| (severity.to_owned(), Vec::new()));
        Self {
            tiers: tiers.collect(),
            alerts: alerts.into(),
        }
    }

    fn follow(&mut self, now: u64, status: &Status, transitions: &[Transition]) {
        for tier in &status.tiers {
            let spans = self.tiers.entry(tier.id.clone()).or_default();
            let open = spans.last().is_some_and(|(_, end)| end.is_none());
            match (open, tier.burning) {
                (false, true) => spans.push((now, None)),
                (true, false) => end(spans, now),
                _ => {}
            }
        }
        for transition in transitions {
            let spans = self
                .alerts
                .entry(transition.severity.as_str().to_owned())
                .or_default();
            match transition.kind {
                TransitionKind::Firing => spans.push((now, None)),
                TransitionKind::Resolved => end(spans, now),
                _ => {}
            }
        }
    }
}

fn end(spans: &mut [(u64, Option<u64>)], now: u64) {
    if let Some((_, end)) = spans.last_mut() {
        *end = Some(now);
    }
}
