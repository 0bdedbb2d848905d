//! What a session is: where it holds, who holds it open, and how it is shown.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An app in one environment: what a client polls for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "these two name an app for ever")]
pub struct App {
    /// The app's name, as its clients give it.
    pub name: String,
    /// Where it runs: `production`, `staging`.
    pub environment: String,
}

/// Where a session holds: one app and environment, one endpoint of it or all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a key of the store; more would be another key"
)]
pub struct Scope {
    /// The app and its environment.
    pub app: App,
    /// The endpoint; none for all of them.
    pub endpoint: Option<String>,
}

/// How verbose a session makes its app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the contract knows these two")]
pub enum Verbosity {
    /// DEBUG and what is above it.
    #[default]
    Debug,
    /// Everything.
    Trace,
}

/// Who holds a session open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the contract knows these three")]
pub enum Holder {
    /// A person, through `POST /api/autolog/enable`.
    Person,
    /// The rate of errors that clients report.
    ErrorRate,
    /// An alert, by its fingerprint.
    Alert(String),
}

/// The wish to have a session.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the parts of one call of a store"
)]
pub struct Opening {
    /// Where.
    pub scope: Scope,
    /// Who holds it.
    pub holder: Holder,
    /// For how long from now.
    pub ttl: Duration,
    /// How verbose.
    pub level: Verbosity,
    /// The service that the app belongs to.
    pub service: String,
    /// What made it open: `manual`, `alertmanager`, `error_rate`.
    pub trigger_source: String,
    /// The class of the error that made it open.
    pub error_type: Option<String>,
    /// A trace that shows why.
    pub trace_id: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
}

/// A session as clients see it, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// The app.
    pub app: String,
    /// Its environment.
    pub environment: String,
    /// The service that the app belongs to.
    pub service: String,
    /// The endpoint; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The class of the error that made it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// A trace that shows why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// What made it open.
    pub trigger_source: String,
    /// When it was opened, RFC 3339 in UTC.
    pub enabled_at: String,
    /// When it ends unless somebody extends it, RFC 3339 in UTC.
    pub expires_at: String,
    /// The errors that were reported for it.
    pub error_count: u64,
    /// How verbose.
    pub level: Verbosity,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What tells it from earlier and later sessions of the same scope.
    pub id: String,
    /// The fingerprints of the alerts that hold it open.
    pub alerts: Vec<String>,
    /// `expires_at` in milliseconds since the Unix epoch.
    #[serde(skip)]
    pub(crate) ends_at: u64,
}

/// A session as a store keeps it. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) app: String,
    pub(crate) environment: String,
    pub(crate) service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) trigger_source: String,
    pub(crate) enabled_at: u64,
    pub(crate) error_count: u64,
    pub(crate) id: String,
    pub(crate) holds: BTreeMap<String, Hold>,
}

/// What one holder asks for. A session lasts as long as the longest of its holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) expires_at: u64,
    pub(crate) level: Verbosity,
}

const ALERT: &str = "alert:";

impl Scope {
    /// The whole scope as one text without doubt: `app:environment:endpoint`, each part escaped.
    pub(crate) fn key(&self) -> String {
        let mut key = self.app.key();
        key.push(':');
        escape(self.endpoint.as_deref().unwrap_or_default(), &mut key);
        key
    }
}

impl App {
    /// `app:environment`, each part escaped.
    pub(crate) fn key(&self) -> String {
        let mut key = String::new();
        escape(&self.name, &mut key);
        key.push(':');
        escape(&self.environment, &mut key);
        key
    }
}

#[cfg(feature = "redis")]
impl App {
    /// Reads what [`key`](Self::key) wrote, or the key of one of its scopes.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let unescape = |part: &str| part.replace("%3A", ":").replace("%25", "%");
        let mut parts = key.split(':').map(unescape);
        Some(Self {
            name: parts.next()?,
            environment: parts.next()?,
        })
    }
}

impl Holder {
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Person => "manual".to_owned(),
            Self::ErrorRate => "errors".to_owned(),
            Self::Alert(fingerprint) => format!("{ALERT}{fingerprint}"),
        }
    }
}

impl Opening {
    pub(crate) fn hold(&self, now: u64) -> Hold {
        Hold {
            expires_at: now.saturating_add(millis(self.ttl)),
            level: self.level,
        }
    }

    /// The session, if there is none yet.
    pub(crate) fn record(&self, now: u64) -> Record {
        Record {
            app: self.scope.app.name.clone(),
            environment: self.scope.app.environment.clone(),
            service: self.service.clone(),
            endpoint: self.scope.endpoint.clone(),
            error_type: self.error_type.clone(),
            trace_id: self.trace_id.clone(),
            reason: self.reason.clone(),
            trigger_source: self.trigger_source.clone(),
            enabled_at: now,
            error_count: 0,
            id: new_id(),
            holds: BTreeMap::from([(self.holder.key(), self.hold(now))]),
        }
    }
}

impl Record {
    pub(crate) fn expires_at(&self) -> u64 {
        let ends = self.holds.values().map(|hold| hold.expires_at);
        ends.max().unwrap_or(0)
    }

    pub(crate) fn is_live(&self, now: u64) -> bool {
        self.expires_at() > now
    }

    pub(crate) fn app(&self) -> App {
        App {
            name: self.app.clone(),
            environment: self.environment.clone(),
        }
    }

    #[cfg(feature = "redis")]
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            app: self.app(),
            endpoint: self.endpoint.clone(),
        }
    }

    /// Takes one more holder in, or renews its hold. What a person says replaces what was said;
    /// what others say fills gaps.
    pub(crate) fn join(&mut self, opening: &Opening, now: u64) {
        self.holds.retain(|_, hold| hold.expires_at > now);
        self.holds.insert(opening.holder.key(), opening.hold(now));
        let said = opening.holder == Holder::Person;
        tell(&mut self.reason, opening.reason.as_ref(), said);
        tell(&mut self.error_type, opening.error_type.as_ref(), said);
        tell(&mut self.trace_id, opening.trace_id.as_ref(), said);
    }

    /// The session at this moment; none if it has ended.
    pub(crate) fn show(&self, now: u64) -> Option<Session> {
        self.is_live(now).then(|| self.session(now))
    }

    /// The session with the holds that have not expired.
    pub(crate) fn session(&self, now: u64) -> Session {
        let live = || self.holds.iter().filter(|(_, hold)| hold.expires_at > now);
        let level = live().map(|(_, hold)| hold.level).max();
        let alerts = live().filter_map(|(holder, _)| holder.strip_prefix(ALERT));
        Session {
            app: self.app.clone(),
            environment: self.environment.clone(),
            service: self.service.clone(),
            endpoint: self.endpoint.clone(),
            error_type: self.error_type.clone(),
            trace_id: self.trace_id.clone(),
            trigger_source: self.trigger_source.clone(),
            enabled_at: rfc3339(self.enabled_at),
            expires_at: rfc3339(self.expires_at()),
            error_count: self.error_count,
            level: level.unwrap_or_default(),
            reason: self.reason.clone(),
            id: self.id.clone(),
            alerts: alerts.map(str::to_owned).collect(),
            ends_at: self.expires_at(),
        }
    }
}

fn tell(known: &mut Option<String>, news: Option<&String>, replace: bool) {
    if let Some(news) = news
        && (replace || known.is_none())
    {
        *known = Some(news.clone());
    }
}

fn escape(part: &str, into: &mut String) {
    for character in part.chars() {
        match character {
            '%' => into.push_str("%25"),
            ':' => into.push_str("%3A"),
            other => into.push(other),
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn rfc3339(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    let time: DateTime<Utc> =
        DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// 16 hexadecimal digits. Each `RandomState` has keys that no other has.
fn new_id() -> String {
    format!("{:016x}", RandomState::new().hash_one("session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(app: &str, environment: &str, endpoint: Option<&str>) -> Scope {
        Scope {
            app: App {
                name: app.to_owned(),
                environment: environment.to_owned(),
            },
            endpoint: endpoint.map(str::to_owned),
        }
    }

    #[test]
    fn keys_carry_the_full_endpoint_and_are_never_mistaken() {
        let key = scope("shop", "production", Some("/orders/{id}")).key();
        assert_eq!(key, "shop:production:/orders/{id}");
        assert_eq!(scope("shop", "production", None).key(), "shop:production:");
        let parts = ["a", ":", "%", "%3A", "a:b", ""];
        let mut keys = std::collections::HashSet::new();
        for app in parts {
            for environment in parts {
                for endpoint in parts {
                    assert!(keys.insert(scope(app, environment, Some(endpoint)).key()));
                }
            }
        }
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 16));
    }
}
