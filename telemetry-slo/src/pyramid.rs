//! Cumulative counts at past boundaries, fine for the near past and coarse for the far one.

use crate::Time;
use crate::counts::Counts;

/// Step in seconds, and how many: one cell more than the windows that it serves, for both their ends.
pub(crate) type Ladder = &'static [(u64, u64)];

/// 10 s for an hour, a minute for six hours, five minutes for three days.
pub(crate) const STANDARD: Ladder = &[(10, 361), (60, 361), (300, 865)];
/// 10 s for six hours, a minute for three days.
pub(crate) const FINE: Ladder = &[(10, 2161), (60, 4321)];
/// The step for the rest of the period.
const HOUR: u64 = 3600;

/// Answers how many events a window had, for any window up to the period, in constant time: what
/// has been counted by now, less what had been counted when it began.
///
/// A window that begins between two boundaries begins at the earlier one, so it is longer by less
/// than one step of the finest level that reaches back so far: it never misses an event.
#[derive(Debug)]
pub(crate) struct Pyramid {
    start: Time,
    latest: Counts,
    levels: Vec<Level>,
}

impl Pyramid {
    /// Nothing was counted before `start`. Below the ladder, an hour for the whole period.
    pub(crate) fn new(ladder: Ladder, period: u64, start: Time, counts: Counts) -> Self {
        let last = (HOUR, period.div_ceil(HOUR).saturating_add(1));
        let levels = ladder.iter().copied().chain([last]);
        Self {
            start,
            latest: counts,
            levels: levels
                .map(|(step, cells)| Level::new(start, step, cells, counts))
                .collect(),
        }
    }

    pub(crate) fn start(&self) -> Time {
        self.start
    }

    /// What had been counted at the last tick.
    pub(crate) fn latest(&self) -> Counts {
        self.latest
    }

    /// Keeps what has been counted by `now`, which is not earlier than at the last call. Boundaries
    /// that nobody saw get what was counted before them.
    pub(crate) fn tick(&mut self, now: Time, counts: Counts) {
        for level in &mut self.levels {
            level.advance(now, self.latest, counts);
        }
        self.latest = counts;
    }

    /// The events in the last `window` seconds before `now`, the first moment of which is not part
    /// of it, if `counts` are all there ever were.
    pub(crate) fn window(&self, now: Time, window: u64, counts: Counts) -> Counts {
        match now.as_secs().checked_sub(window) {
            Some(edge) => counts.since(self.at(Time::from_secs(edge))),
            None => counts,
        }
    }

    /// Bytes of its cells.
    pub(crate) fn bytes(&self) -> usize {
        self.levels
            .iter()
            .map(|level| size_of_val(&*level.cells))
            .sum()
    }

    /// What had been counted at the boundary before `edge`.
    fn at(&self, edge: Time) -> Counts {
        let reaching = self.levels.iter().find(|level| level.reaches(edge));
        let Some(level) = reaching.or(self.levels.last()) else {
            return Counts::default();
        };
        let boundary = edge.floor(level.step).max(level.first());
        if boundary < self.start {
            Counts::default()
        } else if boundary > level.last {
            self.latest
        } else {
            level.cells[level.index(boundary)]
        }
    }
}

#[derive(Debug)]
struct Level {
    step: u64,
    /// The latest boundary with a cell.
    last: Time,
    cells: Box<[Counts]>,
}

impl Level {
    fn new(start: Time, step: u64, cells: u64, counts: Counts) -> Self {
        // only a cell at the start itself is ever read before it was written anew
        let cells = usize::try_from(cells).unwrap_or(usize::MAX);
        Self {
            step,
            last: start.floor(step),
            cells: vec![counts; cells].into_boxed_slice(),
        }
    }

    fn advance(&mut self, now: Time, before: Counts, counts: Counts) {
        let newest = now.floor(self.step);
        let passed = newest.since(self.last) / self.step;
        let missed = passed.min(self.cells.len() as u64);
        for back in 0..missed {
            let boundary = newest.as_secs().saturating_sub(back * self.step);
            let index = self.index(Time::from_secs(boundary));
            self.cells[index] = before;
        }
        if newest == now {
            let index = self.index(now);
            self.cells[index] = counts;
        }
        self.last = newest.max(self.last);
    }

    fn reaches(&self, edge: Time) -> bool {
        edge.floor(self.step) >= self.first()
    }

    /// The earliest boundary with a cell.
    fn first(&self) -> Time {
        let span = (self.cells.len() as u64 - 1) * self.step;
        Time::from_secs(self.last.as_secs().saturating_sub(span))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than the number of cells"
    )]
    fn index(&self, boundary: Time) -> usize {
        (boundary.as_secs() / self.step % self.cells.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests;
