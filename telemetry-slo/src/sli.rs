//! Which events count, and which of them are good.

use std::time::Duration;

/// Which events count, and which of them are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sli {
    kind: Kind,
    too_many_requests_are_bad: bool,
    failures_are_slow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Availability,
    Latency(Duration),
    Correctness,
}

impl Sli {
    /// Valid are requests that got an outcome from the server; good are those that are not its
    /// failure: no status of 500 or more, no panic, no timeout. A client that left is not valid.
    #[must_use]
    pub const fn availability() -> Self {
        Self::of(Kind::Availability)
    }

    /// Valid are requests that did not fail; good are those that took at most `threshold`.
    #[must_use]
    pub const fn latency(threshold: Duration) -> Self {
        Self::of(Kind::Latency(threshold))
    }

    /// Valid is each output that was checked, good if the check passed. You say so by `record`.
    #[must_use]
    pub const fn correctness() -> Self {
        Self::of(Kind::Correctness)
    }

    /// Counts answers of status 429 as bad, which are good otherwise, as are all of 4xx.
    #[must_use]
    pub const fn too_many_requests_are_bad(mut self) -> Self {
        self.too_many_requests_are_bad = true;
        self
    }

    /// For latency: counts failures as too slow, which do not count otherwise.
    #[must_use]
    pub const fn failures_are_slow(mut self) -> Self {
        self.failures_are_slow = true;
        self
    }

    /// Whether a request was good, or `None` if it does not count.
    #[must_use]
    pub fn judge(self, request: &Request) -> Option<bool> {
        if request.aborted || request.status == 499 {
            return None;
        }
        let throttled = self.too_many_requests_are_bad && request.status == 429;
        let failed = request.failed || request.status >= 500 || throttled;
        match self.kind {
            Kind::Availability => Some(!failed),
            Kind::Latency(_) if failed => self.failures_are_slow.then_some(false),
            Kind::Latency(threshold) => Some(request.duration <= threshold),
            Kind::Correctness => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self.kind {
            Kind::Availability => "availability",
            Kind::Latency(_) => "latency",
            Kind::Correctness => "correctness",
        }
    }

    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            too_many_requests_are_bad: false,
            failures_are_slow: false,
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    status: u16,
    duration: Duration,
    failed: bool,
    aborted: bool,
}

impl Request {
    /// It was answered with this HTTP status, this long after it came.
    #[must_use]
    pub const fn answered(status: u16, duration: Duration) -> Self {
        Self {
            status,
            duration,
            failed: false,
            aborted: false,
        }
    }

    /// The server panicked or timed out, whatever it answered.
    #[must_use]
    pub const fn failed(mut self) -> Self {
        self.failed = true;
        self
    }

    /// The client left before the end.
    #[must_use]
    pub const fn aborted(mut self) -> Self {
        self.aborted = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(250);
    const SLOW: Duration = Duration::from_millis(251);

    #[test]
    fn only_failures_of_the_server_spend_the_budget_of_availability() {
        let judge = |request| Sli::availability().judge(&request);
        for (status, good) in [
            (200, true),
            (302, true),
            (404, true),
            (429, true),
            (500, false),
            (503, false),
        ] {
            assert_eq!(
                judge(Request::answered(status, SLOW)),
                Some(good),
                "{status}"
            );
        }
        assert_eq!(judge(Request::answered(200, QUICK).failed()), Some(false));
        assert_eq!(judge(Request::answered(200, QUICK).aborted()), None);
        assert_eq!(judge(Request::answered(499, QUICK)), None);
        let strict = Sli::availability().too_many_requests_are_bad();
        assert_eq!(strict.judge(&Request::answered(429, QUICK)), Some(false));
    }

    #[test]
    fn the_threshold_itself_is_quick_enough_and_failures_are_not_fast() {
        let sli = Sli::latency(QUICK);
        assert_eq!(sli.judge(&Request::answered(200, QUICK)), Some(true));
        assert_eq!(sli.judge(&Request::answered(404, SLOW)), Some(false));
        assert_eq!(sli.judge(&Request::answered(500, QUICK)), None);
        assert_eq!(
            sli.failures_are_slow()
                .judge(&Request::answered(500, QUICK)),
            Some(false)
        );
    }
}
