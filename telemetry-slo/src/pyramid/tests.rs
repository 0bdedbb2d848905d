use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

/// Every event with its time; a window is a walk over all of them.
#[derive(Default)]
struct Naive(VecDeque<(u64, Counts)>);

impl Naive {
    fn window(&self, from: u64, to: u64) -> Counts {
        let inside = self.0.iter().filter(|(at, _)| (from + 1..=to).contains(at));
        inside.fold(Counts::default(), |sum, (_, counts)| {
            Counts::new(sum.good + counts.good, sum.bad + counts.bad)
        })
    }
}

const PERIOD: u64 = 30 * 86_400;

/// Seconds to the next tick, and the events that came with it: mostly as it should be, at times
/// late, sometimes by days.
fn steps() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
    let gap = prop_oneof![
        8 => Just(10_u64),
        3 => (1..90_u64).prop_map(|ticks| ticks * 10),
        1 => (1..400_000_u64).prop_map(|ticks| ticks * 10),
    ];
    prop::collection::vec((gap, 0..50_u64, 0..5_u64), 1..400)
}

/// The step of the finest level that reaches back so far at `now`.
fn step(ladder: Ladder, now: u64, edge: u64) -> u64 {
    let reach = |step: u64, cells: u64| {
        edge / step * step >= (now / step * step).saturating_sub((cells - 1) * step)
    };
    ladder
        .iter()
        .find(|(step, cells)| reach(*step, *cells))
        .map_or(HOUR, |(step, _)| *step)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_window_is_that_of_the_naive_deque(
        ladder in prop::sample::select(vec![STANDARD, FINE]),
        start in 0..10_000_u64,
        steps in steps(),
        windows in prop::collection::vec(1..=PERIOD, 16),
    ) {
        let start = start * 10;
        let mut pyramid = Pyramid::new(ladder, PERIOD, Time::from_secs(start), Counts::default());
        let (mut naive, mut counts, mut now) = (Naive::default(), Counts::default(), start);
        for (gap, good, bad) in steps {
            now += gap;
            counts = Counts::new(counts.good + good, counts.bad + bad);
            naive.0.push_back((now, Counts::new(good, bad)));
            pyramid.tick(Time::from_secs(now), counts);
            let usual = [300, 1800, 3600, 7200, 21_600, 86_400, 259_200, PERIOD];
            for window in windows.iter().copied().chain(usual) {
                let edge = now.saturating_sub(window);
                let step = step(ladder, now, edge);
                let from = edge / step * step;
                let from = if from < start { 0 } else { from };
                let found = pyramid.window(Time::from_secs(now), window, counts);
                prop_assert_eq!(found, naive.window(from, now), "{} s at {}", window, now);
                prop_assert!(found.total() >= naive.window(edge, now).total(), "misses nothing");
            }
        }
    }
}

#[test]
fn a_gap_longer_than_a_month_leaves_what_came_with_its_end() {
    let mut pyramid = Pyramid::new(STANDARD, PERIOD, Time::from_secs(0), Counts::default());
    pyramid.tick(Time::from_secs(10), Counts::new(5, 5));
    let late = Time::from_secs(40 * 86_400);
    let counts = Counts::new(6, 7);
    pyramid.tick(late, counts);
    for window in [10, 3600, PERIOD] {
        assert_eq!(
            pyramid.window(late, window, counts),
            Counts::new(1, 2),
            "{window}"
        );
    }
}

#[test]
fn a_tick_between_boundaries_counts_for_the_next() {
    let mut pyramid = Pyramid::new(STANDARD, PERIOD, Time::from_secs(0), Counts::default());
    pyramid.tick(Time::from_secs(13), Counts::new(1, 0));
    pyramid.tick(Time::from_secs(27), Counts::new(2, 0));
    let found = pyramid.window(Time::from_secs(27), 7, Counts::new(2, 0));
    assert_eq!(
        found,
        Counts::new(1, 0),
        "from 20 on: the first tick's events are older"
    );
}
