//! The tracker as a service uses it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::thread;
use std::time::Duration;

use telemetry_slo::{
    AlertSeverity, AlertTiming, BurnRate, Cold, Counts, Gate, Objective, Period, Request,
    Resolution, SloHandle, Tier, Time, Tracker, TransitionKind,
};

const START: u64 = 1_000_000;
const HOUR: u64 = 3600;

fn objective() -> Objective {
    Objective::availability("api", "99.9%".parse().unwrap())
}

fn tracked(objective: Objective) -> (Tracker, SloHandle) {
    let mut tracker = Tracker::new(Time::from_secs(START));
    let handle = tracker.add(objective).unwrap();
    (tracker, handle)
}

/// Ticks every ten seconds after `from` until `to`, each with these events; what happened.
fn run(
    tracker: &mut Tracker,
    handle: &SloHandle,
    (from, to): (u64, u64),
    events: Counts,
) -> Vec<(u64, AlertSeverity, TransitionKind, bool)> {
    let ticks = (from + 10..=to).step_by(10);
    let transitions = ticks.flat_map(|after| {
        handle.record_many(events);
        tracker.tick_at(Time::from_secs(START + after))
    });
    let said = transitions.map(|it| (it.at.as_secs() - START, it.severity, it.kind, it.notify));
    said.collect()
}

const CLEAN: Counts = Counts::new(1000, 0);
const OUTAGE: Counts = Counts::new(0, 1000);

#[test]
fn eight_threads_record_and_no_event_is_lost_or_counted_twice() {
    const EACH: u64 = 500_000;
    let (mut tracker, handle) = tracked(objective());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..EACH).for_each(|event| handle.record(event % 4 != 0)));
        }
        for tick in 1..=20 {
            tracker.tick_at(Time::from_secs(START + tick * 10));
        }
    });
    assert_eq!(handle.counts(), Counts::new(6 * EACH, 2 * EACH));
    tracker.tick_at(Time::from_secs(START + 210));
    let status = handle.status();
    assert_eq!(
        status.budget.counts,
        Counts::new(6 * EACH, 2 * EACH),
        "all ticks together"
    );
}

#[test]
fn threads_that_come_and_go_lose_nothing() {
    let (_tracker, handle) = tracked(objective());
    for _ in 0..50 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..100).for_each(|_| handle.record(false)));
            }
        });
    }
    assert_eq!(handle.counts(), Counts::new(0, 40_000));
}

#[test]
fn a_page_inhibits_the_ticket_which_is_told_when_the_page_has_ended() {
    let (mut tracker, handle) = tracked(objective());
    assert_eq!(run(&mut tracker, &handle, (0, 100 * HOUR), CLEAN), []);
    let outage = run(
        &mut tracker,
        &handle,
        (100 * HOUR, 100 * HOUR + 600),
        OUTAGE,
    );
    let kinds: Vec<_> = outage.iter().map(|it| (it.1, it.2, it.3)).collect();
    let firing = TransitionKind::Firing;
    assert_eq!(
        kinds,
        [
            (AlertSeverity::Page, firing, true),
            (AlertSeverity::Ticket, firing, false)
        ]
    );
    let after = run(&mut tracker, &handle, (100 * HOUR + 600, 107 * HOUR), CLEAN);
    let kinds: Vec<_> = after.iter().map(|it| (it.1, it.2, it.3)).collect();
    assert_eq!(
        kinds,
        [
            (AlertSeverity::Page, TransitionKind::Resolved, true),
            (AlertSeverity::Ticket, TransitionKind::Released, true),
            (AlertSeverity::Ticket, TransitionKind::Resolved, true),
        ]
    );
    assert_eq!(after[0].0, after[1].0, "in the same tick");
}

#[test]
fn an_alert_is_known_by_labels_that_stay_and_says_where_to_read() {
    let objective = objective()
        .service("shop")
        .runbook("https://runbooks.test/{slo_id}");
    let (mut tracker, handle) = tracked(objective);
    let mut at = |after, events| {
        handle.record_many(events);
        tracker.tick_at(Time::from_secs(START + after))
    };
    let (fired, resolved) = (at(600, OUTAGE), at(4 * HOUR, CLEAN));
    let labels: Vec<_> = fired[0].labels.iter().collect();
    assert_eq!(
        labels,
        [
            ("alertname", "SLOErrorBudgetBurn"),
            ("severity", "page"),
            ("slo_id", "api"),
            ("slo_name", "availability"),
            ("slo_service", "shop"),
        ]
    );
    assert_eq!(
        fired[0].runbook_url.as_deref(),
        Some("https://runbooks.test/api")
    );
    assert_eq!(resolved[0].kind, TransitionKind::Resolved);
    assert_eq!(resolved[0].labels, fired[0].labels);
    assert_eq!(resolved[0].fired_at, fired[0].at);
}

#[test]
fn an_alert_that_fires_on_is_said_again_once_an_hour() {
    let (mut tracker, handle) = tracked(objective());
    let said = run(&mut tracker, &handle, (0, 3 * HOUR), OUTAGE);
    let pages = said.iter().filter(|it| it.1 == AlertSeverity::Page);
    let kinds: Vec<_> = pages.map(|it| it.2).collect();
    let (firing, repeated) = (TransitionKind::Firing, TransitionKind::Repeated);
    assert_eq!(kinds, [firing, repeated, repeated]);
}

#[test]
fn a_clock_that_goes_back_stands_still_and_is_counted_once() {
    let (mut tracker, handle) = tracked(objective());
    run(&mut tracker, &handle, (0, 2 * HOUR), CLEAN);
    for tick in 0..10 {
        handle.record_many(CLEAN);
        assert!(
            tracker
                .tick_at(Time::from_secs(START + HOUR + tick * 10))
                .is_empty()
        );
    }
    assert_eq!(handle.status().at, Time::from_secs(START + 2 * HOUR));
    assert_eq!(tracker.clock_jumps().back, 1);
    run(&mut tracker, &handle, (2 * HOUR, 3 * HOUR), CLEAN);
    assert_eq!(
        handle.status().budget.counts,
        Counts::new(1000 * (3 * 360 + 10), 0)
    );
    assert_eq!(
        (tracker.clock_jumps().back, tracker.clock_jumps().forward),
        (1, 0)
    );
}

#[test]
fn a_suspend_of_forty_days_and_a_billion_events_at_once_do_no_harm() {
    let (mut tracker, handle) = tracked(objective());
    run(&mut tracker, &handle, (0, HOUR), OUTAGE);
    let late = Counts::new(1_000_000_000, 0);
    handle.record_many(late);
    let said = tracker.tick_at(Time::from_secs(START + HOUR + 40 * 86_400));
    assert!(said.iter().all(|it| it.kind == TransitionKind::Resolved) && said.len() == 2);
    assert_eq!(
        handle.status().budget.counts,
        late,
        "what is older than the period is forgiven"
    );
    assert_eq!(tracker.clock_jumps().forward, 1);
}

#[test]
fn without_events_nothing_is_known_and_nothing_fires() {
    let (mut tracker, handle) = tracked(objective());
    assert!(tracker.tick_at(Time::from_secs(START + 10)).is_empty());
    let status = handle.status();
    assert_eq!(
        (
            status.sli(),
            status.budget.consumed_period,
            status.budget.exhaustion
        ),
        (None, None, None)
    );
    assert!(status.windows.iter().all(|window| window.burn.is_none()) && !status.is_violating());
}

#[test]
fn the_budget_of_a_young_tracker_is_told_both_ways() {
    let (mut tracker, handle) = tracked(objective());
    let day = 86_400;
    run(&mut tracker, &handle, (0, 3 * day - 600), CLEAN);
    run(&mut tracker, &handle, (3 * day - 600, 3 * day), OUTAGE);
    let status = handle.status();
    let budget = status.budget;
    let near = |found: Option<f64>, expected: f64| (found.unwrap() / expected - 1.0).abs() < 0.01;
    assert!(
        near(budget.consumed_observed, 2.3148) && near(budget.consumed_period, 0.23148),
        "{budget:?}"
    );
    assert!(near(Some(budget.coverage), 0.1));
    assert!(
        near(budget.remaining_seconds, 2592.0 * (1.0 - 0.23148)),
        "of 43 min 12 s"
    );
    assert!(near(
        budget.exhaustion.map(|left| left.as_secs_f64()),
        0.76852 * 2_592_000.0 / (1000.0 / 6.0)
    ));
    assert!(status.is_violating(), "of what was allowed so far");
}

#[test]
fn an_overspent_budget_says_by_how_much() {
    let (mut tracker, handle) =
        tracked(objective().period(Period::Rolling(Duration::from_secs(86_400))));
    run(&mut tracker, &handle, (0, 24 * HOUR), Counts::new(998, 2));
    let budget = handle.status().budget;
    assert_eq!(budget.consumed_period, Some(2.0));
    assert_eq!(
        (budget.remaining_ratio(), budget.exhaustion),
        (Some(-1.0), Some(Duration::ZERO))
    );
}

#[test]
fn the_gate_flips_at_exactly_all_of_the_budget() {
    let day = Period::Rolling(Duration::from_secs(86_400));
    let (mut tracker, handle) = tracked(objective().period(day));
    let mut after = |seconds, events| {
        handle.record_many(events);
        tracker.tick_at(Time::from_secs(START + seconds));
        handle.status().gate()
    };
    assert_eq!(after(10, Counts::default()), Gate::Unknown);
    assert_eq!(after(86_400, Counts::new(998_002, 999)), Gate::Go);
    assert_eq!(
        after(86_400, Counts::new(998, 1)),
        Gate::Stop,
        "1000 of a million"
    );
    assert_eq!(
        after(86_400, Counts::new(1, 0)),
        Gate::Go,
        "a thousandth of one more is allowed"
    );
}

#[test]
fn a_tier_may_last_until_a_lower_burn_rate() {
    let seconds = Duration::from_secs;
    let tier = Tier::new(
        "mine",
        AlertSeverity::Page,
        seconds(600),
        seconds(60),
        BurnRate::from_milli(10_000),
    );
    let patient = tier.clone().exit_factor(BurnRate::from_milli(2000));
    let resolved = |tier| {
        let (mut tracker, handle) = tracked(objective().tiers([tier]).cold(Cold::Observed));
        run(&mut tracker, &handle, (0, 1200), Counts::new(950, 50));
        let said = run(&mut tracker, &handle, (1200, 2400), Counts::new(995, 5));
        said.iter().any(|it| it.2 == TransitionKind::Resolved)
    };
    assert!(resolved(tier) && !resolved(patient));
}

#[test]
fn requests_are_judged_by_the_objectives_own_indicator() {
    let quick = Objective::latency("quick", Duration::from_millis(250), "99%".parse().unwrap());
    let (_tracker, handle) = tracked(quick);
    for (status, millis) in [(200, 250), (200, 251), (500, 1)] {
        handle.record_request(&Request::answered(status, Duration::from_millis(millis)));
    }
    assert_eq!(handle.counts(), Counts::new(1, 1));
}

#[test]
fn what_could_never_work_is_refused_with_the_reason() {
    let target = |text: &str| text.parse().unwrap();
    let seconds = Duration::from_secs;
    let tier = |long, short| {
        Tier::new(
            "mine",
            AlertSeverity::Page,
            seconds(long),
            seconds(short),
            BurnRate::ONE,
        )
    };
    let rolling = |period| Period::Rolling(seconds(period));
    for (objective, reason) in [
        (Objective::availability("a", target("100%")), "no budget"),
        (
            Objective::availability("a", target("90%")),
            "less than 10.000",
        ),
        (Objective::availability("", target("99%")), "id"),
        (objective().tiers([tier(300, 300)]), "shorter"),
        (objective().tiers([tier(300, 30)]), "at least 60 s"),
        (objective().tiers([tier(31 * 86_400, 300)]), "period"),
        (
            objective().tiers([tier(600, 60).exit_factor(BurnRate::from_milli(1001))]),
            "exit factor",
        ),
        (objective().period(rolling(3600)), "too short"),
        (objective().period(rolling(60)), "one hour"),
        (objective().period(rolling(u64::MAX)), "366 days"),
    ] {
        let error = Tracker::new(Time::from_secs(START))
            .add(objective)
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let (mut tracker, _handle) = tracked(objective());
    assert!(
        tracker
            .add(objective())
            .unwrap_err()
            .to_string()
            .contains("unique")
    );
}

#[test]
fn the_past_of_an_objective_takes_what_is_documented() {
    let (tracker, _handle) = tracked(objective().page(AlertTiming::repeated_every(Duration::ZERO)));
    assert_eq!(tracker.history_bytes("api"), Some(36_928));
    assert_eq!(tracker.history_bytes("other"), None);
    let (tracker, _handle) = tracked(objective().resolution(Resolution::Fine));
    assert_eq!(tracker.history_bytes("api"), Some(115_248));
}
