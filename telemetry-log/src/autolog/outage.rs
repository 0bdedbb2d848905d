//! When to ask again, and what to tell the operator meanwhile.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use telemetry_core::clock::{Clock, Timestamp};
use telemetry_core::diagnostics::{Level, Voice};
use telemetry_core::pipeline::Backoff;

/// From one second to the five minutes of the contract.
const BACKOFF: Backoff = Backoff {
    initial: Duration::from_secs(1),
    max: Duration::from_secs(5 * 60),
};

/// The failure of which the operator is told: the first may be a service that restarts.
const TELL_AT: u32 = 2;

/// Consecutive failures of one kind of request.
#[derive(Debug)]
pub(super) struct Outage {
    /// What does not work, and what follows from it.
    what: &'static str,
    consequence: &'static str,
    failures: u32,
    since: Option<Timestamp>,
}

impl Outage {
    pub(super) fn of(what: &'static str, consequence: &'static str) -> Self {
        Self {
            what,
            consequence,
            failures: 0,
            since: None,
        }
    }

    /// Another request has failed; returns how long to wait, at least `after` and at most five minutes.
    pub(super) fn goes_on(
        &mut self,
        why: &dyn fmt::Display,
        after: Option<Duration>,
        clock: &Clock,
        voice: &Voice,
    ) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert_with(|| clock.now());
        if self.failures == TELL_AT {
            let Self {
                what, consequence, ..
            } = self;
            voice.say(
                Level::Warn,
                format_args!("telemetry: {what}: {why}; {consequence}"),
            );
        }
        let after = after.unwrap_or_default().min(BACKOFF.max);
        BACKOFF.wait(self.failures, random()).max(after)
    }

    /// A request has succeeded.
    pub(super) fn ends(&mut self, clock: &Clock, voice: &Voice) {
        let since = self.since.take();
        if std::mem::take(&mut self.failures) < TELL_AT {
            return;
        }
        let lasted = since.map(|since| clock.now().since(since));
        let (what, lasted) = (self.what, lasted.unwrap_or_default().as_secs());
        voice.say(
            Level::Info,
            format_args!("telemetry: {what}: it works again, after {lasted} s"),
        );
    }

    /// How long it has lasted.
    pub(super) fn lasts(&self, clock: &Clock) -> Duration {
        self.since
            .map_or(Duration::ZERO, |since| clock.now().since(since))
    }
}

/// `interval`, a tenth more or less.
pub(super) fn jittered(interval: Duration) -> Duration {
    let share = u32::try_from(random() % 201).unwrap_or(100);
    interval * (900 + share) / 1000
}

/// Any number; clients that start together shall not ask together.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn an_outage_is_told_once_and_so_is_its_end() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let voice = Voice::new(Level::Info, move |line| {
            heard.lock().unwrap().push(line.to_owned());
        });
        let clock = Clock::manual(0);
        let mut outage = Outage::of("it", "so what");
        outage.goes_on(&"no", None, &clock, &voice);
        outage.ends(&clock, &voice);
        assert!(said.lock().unwrap().is_empty());
        for _ in 0..50 {
            let wait = outage.goes_on(&"no", None, &clock, &voice);
            assert!(wait <= BACKOFF.max);
            clock.advance(Duration::from_secs(1));
        }
        let asked = Some(Duration::from_secs(u64::MAX));
        assert_eq!(outage.goes_on(&"no", asked, &clock, &voice), BACKOFF.max);
        outage.ends(&clock, &voice);
        outage.ends(&clock, &voice);
        assert_eq!(
            *said.lock().unwrap(),
            [
                "telemetry: it: no; so what",
                "telemetry: it: it works again, after 50 s"
            ]
        );
    }

    #[test]
    fn the_interval_is_spread_by_a_tenth() {
        let all: Vec<_> = (0..500)
            .map(|_| jittered(Duration::from_secs(10)))
            .collect();
        let (least, most) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(9) && *most <= Duration::from_secs(11));
        assert!(least < most);
    }
}
