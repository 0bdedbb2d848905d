//! What the service answers, which is foreign input: what cannot be used is refused and said.

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use tracing_core::Level;

use super::session::Session;
use crate::verbosity::Override;

/// The most sessions that hold here at once: more than people look at, and few enough to be compared
/// with every line of a request.
pub(super) const MAX_SESSIONS: usize = 200;

/// The longest text of a session that has to be kept whole, as in the service.
const MAX_LABEL: usize = 256;

/// The most characters of a reason, which is for people.
const MAX_REASON: usize = 256;

/// A session that has ended this long ago at most has ended while the answer travelled.
const JUST_NOW: Duration = Duration::from_secs(5);

/// The sessions of an answer, that of the whole app first.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) sessions: Vec<Session>,
    /// How many are left out.
    pub(super) refused: u64,
    /// Why the first of them is.
    pub(super) problem: Option<String>,
}

impl Answer {
    /// Reads the answer of `check`, given at `now` of the service's clock, in nanoseconds since the
    /// Unix epoch.
    pub(super) fn read(body: &[u8], now: u64) -> Result<Self, &'static str> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "its answer is no JSON")?;
        let is_enabled = body.get("enabled").and_then(Value::as_bool);
        let is_enabled = is_enabled.ok_or("its answer does not say whether a session is open")?;
        let config = body.get("config").filter(|config| !config.is_null());
        if is_enabled && config.is_none() {
            return Err("its answer names no session, and says that one is open");
        }
        let endpoints = body.get("sessions").and_then(Value::as_array);
        let all = config.filter(|_| is_enabled).into_iter();
        let mut answer = Self::default();
        for session in all.chain(endpoints.into_iter().flatten()) {
            answer.take(session, now);
        }
        Ok(answer)
    }

    fn take(&mut self, session: &Value, now: u64) {
        if self.sessions.len() >= MAX_SESSIONS {
            return self.refuse(format!("there are more than {MAX_SESSIONS} sessions"));
        }
        match read(session, now) {
            Ok(Some(session)) => self.sessions.push(session),
            Ok(None) => {}
            Err(problem) => self.refuse(problem),
        }
    }

    pub(super) fn refuse(&mut self, problem: String) {
        self.refused += 1;
        self.problem.get_or_insert(problem);
    }
}

/// One session; none if it has just ended.
fn read(session: &Value, now: u64) -> Result<Option<Session>, String> {
    let endpoint = label(session, "endpoint")?;
    let id = match label(session, "id")? {
        Some(id) => id,
        None => name_of(session, endpoint.as_deref())?,
    };
    let expires = text(session, "expires_at").ok_or("a session does not say when it ends")?;
    let Some(lasts) = remaining(expires, now)? else {
        return Ok(None);
    };
    let reason = text(session, "reason").or_else(|| text(session, "trigger_source"));
    let reason = reason.unwrap_or_default().chars().take(MAX_REASON);
    Ok(Some(Session {
        id,
        endpoint,
        level: level(session)?,
        reason: reason.collect(),
        lasts: lasts.min(Override::MAX_DURATION),
    }))
}

/// Services without ids tell sessions of one place by when they began.
fn name_of(session: &Value, endpoint: Option<&str>) -> Result<String, String> {
    let app = label(session, "app")?.unwrap_or_default();
    let began = label(session, "enabled_at")?.unwrap_or_default();
    Ok(match endpoint {
        Some(endpoint) => format!("{app}:{endpoint}:{began}"),
        None => format!("{app}:{began}"),
    })
}

fn level(session: &Value) -> Result<Level, String> {
    match session.get("level") {
        None | Some(Value::Null) => Ok(Level::DEBUG),
        Some(Value::String(level)) if level == "debug" => Ok(Level::DEBUG),
        Some(Value::String(level)) if level == "trace" => Ok(Level::TRACE),
        Some(_) => Err("a session's level is neither debug nor trace".to_owned()),
    }
}

fn remaining(expires: &str, now: u64) -> Result<Option<Duration>, String> {
    let expires = DateTime::parse_from_rfc3339(expires)
        .map_err(|_| "the end of a session is no time as in RFC 3339")?;
    let millis = u64::try_from(expires.timestamp_millis()).unwrap_or(0);
    let (expires, now) = (Duration::from_millis(millis), Duration::from_nanos(now));
    if expires > now {
        return Ok(Some(expires - now));
    }
    if now - expires <= JUST_NOW {
        return Ok(None);
    }
    Err("a session has ended before it was announced: is the service's clock right?".to_owned())
}

/// A text that stands for something: it is never cut.
fn label(session: &Value, key: &str) -> Result<Option<String>, String> {
    match session.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if is_fit(text) => Ok(Some(text.clone())),
        Some(_) => Err(format!(
            "the {key} of a session is no text, or longer than {MAX_LABEL} bytes"
        )),
    }
}

fn is_fit(text: &str) -> bool {
    text.len() <= MAX_LABEL && !text.contains(char::is_control)
}

fn text<'a>(session: &'a Value, key: &str) -> Option<&'a str> {
    session.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// 2026-11-21T14:00:00Z
    const NOW: u64 = 1_795_269_600_000_000_000;

    fn answer(body: &Value) -> Answer {
        Answer::read(body.to_string().as_bytes(), NOW).unwrap()
    }

    fn session(change: impl FnOnce(&mut Value)) -> Value {
        let mut session = json!({
            "app": "shop", "environment": "production", "service": "shop",
            "trigger_source": "manual", "enabled_at": "2026-11-21T13:55:00Z",
            "expires_at": "2026-11-21T14:25:00+00:00", "error_count": 0,
        });
        change(&mut session);
        session
    }

    #[test]
    fn the_app_and_its_endpoints_are_read() {
        let config = session(|it| it["level"] = "trace".into());
        let endpoint = session(|it| {
            it["endpoint"] = "/pay".into();
            it["id"] = "7".into();
            it["reason"] = "refunds fail".into();
            it["unknown"] = json!([1]);
        });
        let answer = answer(&json!({"enabled": true, "config": config, "sessions": [endpoint]}));
        let [all, pay] = &answer.sessions[..] else {
            panic!("{answer:?}")
        };
        assert_eq!((all.level, pay.level), (Level::TRACE, Level::DEBUG));
        assert_eq!(all.lasts, Duration::from_secs(25 * 60));
        assert_eq!(all.id, "shop:2026-11-21T13:55:00Z");
        assert_eq!((&*pay.id, &*pay.reason), ("7", "refunds fail"));
        assert_eq!(pay.endpoint.as_deref(), Some("/pay"));
        assert_eq!(answer.refused, 0);
    }

    #[test]
    fn what_cannot_be_used_is_left_out_with_its_reason() {
        for (change, problem) in [
            (("level", json!("loud")), "neither debug nor trace"),
            (("level", json!(4)), "neither debug nor trace"),
            (("expires_at", json!("2026-11-21T13:59:00Z")), "clock"),
            (("expires_at", json!("tomorrow")), "RFC 3339"),
            (("expires_at", Value::Null), "when it ends"),
            (("endpoint", json!(["/pay"])), "endpoint"),
            (("endpoint", json!("/a\nb")), "endpoint"),
            (("id", json!("x".repeat(257))), "id"),
        ] {
            let bad = session(|it| it[change.0] = change.1.clone());
            let good = session(|it| it["id"] = "good".into());
            let answer = answer(&json!({"enabled": false, "sessions": [bad, good]}));
            assert_eq!(answer.refused, 1, "{change:?}");
            assert!(answer.problem.unwrap().contains(problem), "{change:?}");
            assert_eq!(answer.sessions[0].id, "good");
        }
    }

    #[test]
    fn one_that_ended_on_the_way_is_no_mistake() {
        let ended = session(|it| it["expires_at"] = "2026-11-21T13:59:58Z".into());
        let answer = answer(&json!({"enabled": true, "config": ended}));
        assert_eq!((answer.sessions.len(), answer.refused), (0, 0));
    }

    #[test]
    fn ten_thousand_sessions_become_two_hundred() {
        let sessions = vec![session(|_| {}); 10_000];
        let answer = answer(&json!({"enabled": false, "sessions": sessions}));
        assert_eq!(answer.sessions.len(), MAX_SESSIONS);
        assert_eq!(answer.refused, 9_800);
    }

    #[test]
    fn what_is_no_answer_of_the_service_is_refused() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            "null",
            r#"{"enabled":"yes"}"#,
            r#"{"enabled":true}"#,
            &deep,
        ] {
            assert!(Answer::read(body.as_bytes(), NOW).is_err(), "{body:.40}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Answer::read(&bytes, NOW));
        }

        #[test]
        fn any_session_is_taken_in_bounds_or_refused(
            key in "id|app|endpoint|level|reason|expires_at|enabled_at|trigger_source",
            value in prop_oneof![
                any::<String>().prop_map(Value::from),
                any::<i64>().prop_map(Value::from),
                Just(Value::Null),
                "[0-9]{1,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z".prop_map(Value::from),
            ],
            now in any::<u64>(),
        ) {
            let body = json!({"enabled": true, "config": session(|it| it[&*key] = value)});
            let answer = Answer::read(body.to_string().as_bytes(), now).unwrap();
            prop_assert!(answer.sessions.len() as u64 + answer.refused <= 1);
            for session in answer.sessions {
                prop_assert!(session.lasts > Duration::ZERO);
                prop_assert!(session.id.len() <= 3 * MAX_LABEL && session.reason.chars().count() <= MAX_REASON);
            }
        }
    }
}
