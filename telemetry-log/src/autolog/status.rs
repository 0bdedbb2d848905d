//! How the client fares.

use std::time::Duration;

use telemetry_core::clock::Timestamp;
use tracing_core::Level;

use crate::verbosity::{OverrideStatus, Scope};

/// How the client of the auto-log service fares, and what it has set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutologStatus {
    /// Where the service is.
    pub url: String,
    /// Whether it answered last time it was asked.
    pub connected: bool,
    /// Whether it holds requests until there is news.
    pub holds_requests: bool,
    /// Time since its last answer that could be used.
    pub last_success: Option<Duration>,
    /// What went wrong last; none after a success.
    pub last_error: Option<String>,
    /// How many requests have failed since the last success.
    pub failed_attempts: u64,
    /// How many answers could not be used, since the start.
    pub bad_answers: u64,
    /// How many sessions of the last answer are left out.
    pub refused_sessions: u64,
    /// Why the first of them is.
    pub refused_because: Option<String>,
    /// How many records of ERROR and FATAL were reported to it.
    pub reported_errors: u64,
    /// How many were given up, because it takes no reports.
    pub unreported_errors: u64,
    /// Why the last report failed; none after a success.
    pub last_report_error: Option<String>,
    /// What is verbose now because of it.
    pub sessions: Vec<AutologSession>,
}

/// A session that holds in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutologSession {
    /// Its id, as on lines and spans.
    pub id: String,
    /// The route in which it holds; none for the whole app.
    pub endpoint: Option<String>,
    /// The level that it gives.
    pub level: Level,
    /// Why it was opened.
    pub reason: String,
    /// How long it still lasts.
    pub remaining: Duration,
}

impl From<OverrideStatus> for AutologSession {
    fn from(set: OverrideStatus) -> Self {
        Self {
            id: set.session.unwrap_or_default(),
            endpoint: match set.scope {
                Scope::Route(route) => Some(route),
                _ => None,
            },
            level: set.level,
            reason: set.reason,
            remaining: set.remaining,
        }
    }
}

/// What the client remembers for its status.
#[derive(Debug, Default)]
pub(super) struct State {
    connected: bool,
    holds_requests: bool,
    last_success: Option<Timestamp>,
    last_error: Option<String>,
    failed_attempts: u64,
    bad_answers: u64,
    refused_sessions: u64,
    refused_because: Option<String>,
    reported_errors: u64,
    unreported_errors: u64,
    last_report_error: Option<String>,
}

impl State {
    pub(super) fn succeeded(&mut self, now: Timestamp, holds_requests: bool) {
        self.connected = true;
        self.holds_requests = holds_requests;
        self.last_success = Some(now);
        self.last_error = None;
        self.failed_attempts = 0;
    }

    pub(super) fn failed(&mut self, why: String, is_bad_answer: bool) {
        self.connected = false;
        self.last_error = Some(why);
        self.failed_attempts += 1;
        self.bad_answers += u64::from(is_bad_answer);
    }

    pub(super) fn refused(&mut self, sessions: u64, because: Option<&str>) {
        self.refused_sessions = sessions;
        self.refused_because = because.map(str::to_owned);
    }

    pub(super) fn reported(&mut self, errors: u64) {
        self.reported_errors += errors;
        self.last_report_error = None;
    }

    pub(super) fn report_failed(&mut self, why: String) {
        self.last_report_error = Some(why);
    }

    pub(super) fn gave_up(&mut self, errors: u64) {
        self.unreported_errors += errors;
    }

    pub(super) fn status(
        &self,
        url: String,
        now: Timestamp,
        sessions: Vec<AutologSession>,
    ) -> AutologStatus {
        AutologStatus {
            url,
            connected: self.connected,
            holds_requests: self.holds_requests,
            last_success: self.last_success.map(|then| now.since(then)),
            last_error: self.last_error.clone(),
            failed_attempts: self.failed_attempts,
            bad_answers: self.bad_answers,
            refused_sessions: self.refused_sessions,
            refused_because: self.refused_because.clone(),
            reported_errors: self.reported_errors,
            unreported_errors: self.unreported_errors,
            last_report_error: self.last_report_error.clone(),
            sessions,
        }
    }
}
