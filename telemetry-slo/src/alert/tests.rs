use proptest::prelude::*;

use super::*;

fn timing(fire_after: u64, keep: u64, repeat: u64) -> AlertTiming {
    AlertTiming {
        fire_after: Duration::from_secs(fire_after),
        keep_firing_for: Duration::from_secs(keep),
        repeat_interval: Duration::from_secs(repeat),
    }
}

/// What is said, and when, if it burns or does not at each tick of 10 s.
fn told(timing: AlertTiming, burning: &[bool]) -> Vec<(u64, TransitionKind)> {
    let mut alert = Alert::new(timing);
    let ticks = (0..).step_by(10).zip(burning);
    let steps = ticks.filter_map(|(now, burning)| {
        let step = alert.advance(Time::from_secs(now), *burning, false)?;
        Some((now, step.kind))
    });
    steps.collect()
}

const YES: bool = true;
const NO: bool = false;

#[test]
fn it_fires_and_resolves_in_the_tick_that_shows_it() {
    let said = told(timing(0, 0, 0), &[NO, YES, YES, NO, NO, YES]);
    assert_eq!(
        said,
        [
            (10, TransitionKind::Firing),
            (30, TransitionKind::Resolved),
            (50, TransitionKind::Firing)
        ]
    );
}

#[test]
fn it_fires_only_after_burning_without_a_break() {
    let said = told(timing(20, 0, 0), &[YES, YES, NO, YES, YES, YES, YES]);
    assert_eq!(said, [(50, TransitionKind::Firing)]);
}

#[test]
fn it_lasts_until_it_has_been_calm_for_long_enough() {
    let said = told(timing(0, 20, 0), &[YES, NO, YES, NO, NO, NO, NO]);
    assert_eq!(
        said,
        [(0, TransitionKind::Firing), (50, TransitionKind::Resolved)]
    );
}

#[test]
fn it_is_said_again_after_the_interval() {
    let said = told(timing(0, 0, 30), &[YES; 8]);
    assert_eq!(
        said,
        [
            (0, TransitionKind::Firing),
            (30, TransitionKind::Repeated),
            (60, TransitionKind::Repeated)
        ]
    );
}

#[test]
fn what_has_ended_is_shown_for_fifteen_minutes() {
    let mut alert = Alert::new(timing(0, 0, 0));
    for (now, burning, state) in [
        (0, YES, "firing"),
        (10, NO, "resolved"),
        (900, NO, "resolved"),
        (910, NO, "inactive"),
    ] {
        alert.advance(Time::from_secs(now), burning, false);
        assert_eq!(alert.state().as_str(), state, "{now}");
    }
}

#[test]
fn an_inhibited_alert_is_told_when_it_is_released_and_still_fires() {
    let mut alert = Alert::new(timing(0, 0, 0));
    let mut at = |now, burning, inhibited| {
        let step = alert.advance(Time::from_secs(now), burning, inhibited)?;
        Some((step.kind, step.fired_at.as_secs(), step.notify))
    };
    assert_eq!(at(0, YES, true), Some((TransitionKind::Firing, 0, false)));
    assert_eq!(at(10, YES, true), None);
    assert_eq!(
        at(20, YES, false),
        Some((TransitionKind::Released, 0, true))
    );
    assert_eq!(at(30, YES, true), None);
    assert_eq!(
        at(40, NO, true),
        Some((TransitionKind::Resolved, 0, true)),
        "whom it was told must hear the end"
    );
    assert_eq!(at(50, YES, true), Some((TransitionKind::Firing, 50, false)));
    assert_eq!(
        at(60, NO, false),
        Some((TransitionKind::Resolved, 50, false)),
        "nobody knew"
    );
}

proptest! {
    #[test]
    fn no_alert_fires_twice_and_none_is_left_unresolved(
        timing in (0..5_u64, 0..5_u64, 0..5_u64).prop_map(|(a, b, c)| timing(a * 10, b * 10, c * 10)),
        ticks in prop::collection::vec((1..4_u64, any::<bool>(), any::<bool>()), 0..200),
    ) {
        let mut alert = Alert::new(timing);
        let (mut now, mut firing, mut known) = (0, None, false);
        let calm = std::iter::repeat_n((1, false, false), 10);
        for (ticks, burning, inhibited) in ticks.into_iter().chain(calm) {
            now += ticks * 10;
            let step = alert.advance(Time::from_secs(now), burning, inhibited);
            match step.map(|step| (step.kind, step)) {
                Some((TransitionKind::Firing, step)) => {
                    prop_assert_eq!(firing.replace(step.fired_at), None, "fires twice");
                    prop_assert!(burning && step.fired_at.as_secs() == now);
                    known = step.notify;
                }
                Some((TransitionKind::Resolved, step)) => {
                    prop_assert_eq!(firing.take(), Some(step.fired_at), "ends what did not fire");
                    prop_assert!(!burning);
                    prop_assert_eq!(std::mem::take(&mut known), step.notify, "told if and only if known");
                }
                Some((TransitionKind::Repeated, step)) => prop_assert!(known && step.notify && !inhibited),
                Some((TransitionKind::Released, step)) => {
                    prop_assert!(!known && step.notify && !inhibited);
                    known = true;
                }
                None => {}
            }
            prop_assert_eq!(alert.state().is_firing(), firing.is_some());
        }
        prop_assert_eq!(firing, None, "still fires after a hundred calm seconds");
    }
}
