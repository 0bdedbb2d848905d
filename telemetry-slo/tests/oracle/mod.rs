//! What would be right, from the definitions alone: every event at its own second, windows that are
//! open on the left and closed on the right, fractions of whole numbers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use telemetry_slo::Cold;

use crate::options::Options;

pub(crate) const TIERS: [&str; 4] = ["page_quick", "page_slow", "ticket_quick", "ticket_slow"];
/// Long window, short window, burn rate in tenths: for 30 days.
const TABLE: [(u64, u64, i128); 4] = [
    (3600, 300, 144),
    (21_600, 1800, 60),
    (86_400, 7200, 30),
    (259_200, 21_600, 10),
];
/// The same for 7 days.
const WEEK: [(u64, u64, i128); 4] = [
    (840, 70, 144),
    (5040, 420, 60),
    (20_160, 1680, 30),
    (60_480, 5040, 10),
];

/// From when to when.
pub(crate) type Span = (u64, Option<u64>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    pub(crate) fn new(over: i128, under: i128) -> Self {
        Self { over, under }
    }

    fn times(self, other: Self) -> Self {
        Self::new(self.over * other.over, self.under * other.under)
    }

    fn by(self, other: Self) -> Self {
        self.times(Self::new(other.under, other.over))
    }

    fn exceeds(self, other: Self) -> bool {
        (self.over * other.under).cmp(&(other.over * self.under)) == Ordering::Greater
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "to be compared with a tolerance"
    )]
    fn float(self) -> f64 {
        self.over as f64 / self.under as f64
    }
}

pub(crate) struct Oracle<'a> {
    options: &'a Options,
    start: u64,
    end: u64,
    budget: Fraction,
    /// Second, and all bad and all events until then.
    sums: Vec<(u64, i128, i128)>,
}

impl<'a> Oracle<'a> {
    /// Rows are of a second, good events and all events.
    pub(crate) fn new(options: &'a Options, rows: &[(u64, u64, u64)], budget: Fraction) -> Self {
        let (mut bad, mut all) = (0, 0);
        let sums = rows.iter().map(|(at, good, total)| {
            bad += i128::from(total - good);
            all += i128::from(*total);
            (*at, bad, all)
        });
        let start = rows[0].0;
        Self {
            options,
            start: start - start % 10,
            end: rows[rows.len() - 1].0,
            budget,
            sums: sums.collect(),
        }
    }

    /// When each tier burnt and each alert fired.
    pub(crate) fn run(&self) -> BTreeMap<&'static str, Vec<Span>> {
        let table = if self.options.period.as_secs() == 7 * 86_400 {
            WEEK
        } else {
            TABLE
        };
        let mut windows: Vec<_> = table
            .iter()
            .flat_map(|line| [line.0, line.1])
            .map(|window| Sliding::new(self, window))
            .collect();
        let mut found: BTreeMap<_, Vec<Span>> = TIERS
            .iter()
            .chain(&["page", "ticket"])
            .map(|name| (*name, Vec::new()))
            .collect();
        let (mut page, mut ticket) = (Patience::default(), Patience::default());
        let (from, to) = self.options.suspended.unwrap_or_default();
        for now in (self.start..=self.end).filter(|now| *now <= from || *now >= to) {
            let mut burns = [false; 4];
            for (tier, windows) in windows.chunks_mut(2).enumerate() {
                let [long, short] = [0, 1].map(|index| windows[index].at(now));
                let factor = Fraction::new(table[tier].2, 10);
                let exceeded = |counts, window| {
                    self.scaled(now, counts, window)
                        .is_some_and(|burn| burn.exceeds(factor))
                };
                burns[tier] = long.0 >= i128::from(self.options.min_bad)
                    && exceeded(long, table[tier].0)
                    && exceeded(short, table[tier].1);
                follow(found.get_mut(TIERS[tier]), now, burns[tier]);
            }
            follow(
                found.get_mut("page"),
                now,
                page.fires(self.options, now, burns[0] || burns[1]),
            );
            follow(
                found.get_mut("ticket"),
                now,
                ticket.fires(self.options, now, burns[2] || burns[3]),
            );
        }
        found
    }

    /// The burn rate over the last `window` seconds at `now`.
    pub(crate) fn burn(&self, now: u64, window: u64) -> Option<f64> {
        let counts = self.between(now.saturating_sub(window), now);
        Some(self.rate(counts)?.float())
    }

    /// Observed and period consumption, and coverage.
    pub(crate) fn budget(&self, now: u64) -> (Option<f64>, Option<f64>, f64) {
        let (from, passed, length) = match self.options.calendar {
            Some((start, end)) => {
                let (start, length) = (start.as_secs(), end.as_secs() - start.as_secs());
                let begin = start + (now - start) / length * length;
                (begin, now - begin, length)
            }
            None => {
                let length = self.options.period.as_secs();
                (
                    now.saturating_sub(length),
                    now.saturating_sub(self.start).min(length),
                    length,
                )
            }
        };
        let coverage = Fraction::new(passed.into(), length.into());
        let observed = self.rate(self.between(from, now));
        let period = observed.map(|observed| observed.times(coverage).float());
        (observed.map(Fraction::float), period, coverage.float())
    }

    fn scaled(&self, now: u64, counts: (i128, i128), window: u64) -> Option<Fraction> {
        let rate = self.rate(counts)?;
        let age = (now - self.start).min(window);
        Some(match self.options.cold {
            Cold::Scaled => rate.times(Fraction::new(age.into(), window.into())),
            _ => rate,
        })
    }

    fn rate(&self, (bad, all): (i128, i128)) -> Option<Fraction> {
        (all > 0).then(|| Fraction::new(bad, all).by(self.budget))
    }

    /// Bad and all events after `from`, until `to`.
    fn between(&self, from: u64, to: u64) -> (i128, i128) {
        let until = |time| match self.sums.partition_point(|sum| sum.0 <= time) {
            0 => (0, 0),
            rows => (self.sums[rows - 1].1, self.sums[rows - 1].2),
        };
        let (before, now) = (until(from), until(to));
        (now.0 - before.0, now.1 - before.1)
    }
}

/// A window that moves on second by second.
struct Sliding<'a> {
    sums: &'a [(u64, i128, i128)],
    window: u64,
    /// How many rows are not later than each end.
    ends: [usize; 2],
}

impl<'a> Sliding<'a> {
    fn new(oracle: &'a Oracle<'_>, window: u64) -> Self {
        Self {
            sums: &oracle.sums,
            window,
            ends: [0; 2],
        }
    }

    fn at(&mut self, now: u64) -> (i128, i128) {
        let mut sums = [(0, 0); 2];
        for ((end, time), sum) in self
            .ends
            .iter_mut()
            .zip([now - self.window, now])
            .zip(&mut sums)
        {
            while self.sums.get(*end).is_some_and(|row| row.0 <= time) {
                *end += 1;
            }
            *sum = end
                .checked_sub(1)
                .map_or((0, 0), |row| (self.sums[row].1, self.sums[row].2));
        }
        (sums[1].0 - sums[0].0, sums[1].1 - sums[0].1)
    }
}

/// `for` and `keep_firing_for`.
#[derive(Default)]
struct Patience {
    firing: bool,
    /// Since when it is not as it was.
    other_since: Option<u64>,
}

impl Patience {
    fn fires(&mut self, options: &Options, now: u64, burns: bool) -> bool {
        if burns == self.firing {
            self.other_since = None;
            return self.firing;
        }
        let wait = if burns {
            options.fire_after
        } else {
            options.keep_firing_for
        };
        if now - *self.other_since.get_or_insert(now) >= wait.as_secs() {
            self.firing = burns;
            self.other_since = None;
        }
        self.firing
    }
}

fn follow(spans: Option<&mut Vec<Span>>, now: u64, so: bool) {
    let Some(spans) = spans else { return };
    let open = spans.last().is_some_and(|span| span.1.is_none());
    match (open, so) {
        (false, true) => spans.push((now, None)),
        (true, false) => {
            if let Some(span) = spans.last_mut() {
                span.1 = Some(now);
            }
        }
        _ => {}
    }
}
