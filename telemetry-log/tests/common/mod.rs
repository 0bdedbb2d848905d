//! A sink in memory, and a reader of JSON that is stricter than most.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use telemetry_core::clock::Clock;
use telemetry_log::{LogHandle, LogSink, Logs, SinkConfig};
use tracing_subscriber::layer::SubscriberExt;

/// 2026-11-21T14:23:01.234567Z
pub(crate) const NOW: u64 = 1_795_270_981_234_567_000;

pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl LogSink for Memory {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }
}

impl Memory {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn lines(&self) -> Vec<Json> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(parse).collect()
    }
}

/// What `body` logs, with a memory sink configured by `config`.
pub(crate) fn capture_with(
    config: impl FnOnce(SinkConfig) -> SinkConfig,
    logs: impl FnOnce(Logs) -> Logs,
    body: impl FnOnce(),
) -> Memory {
    let memory = Memory::default();
    let sink = config(SinkConfig::custom("memory", memory.clone()));
    let logs = logs(
        Logs::builder()
            .service("shop")
            .clock(Clock::manual(NOW))
            .sink(sink),
    );
    run(logs, body);
    memory
}

/// What `body` logs in the default format.
pub(crate) fn capture(body: impl FnOnce()) -> Memory {
    capture_with(|sink| sink, |logs| logs, body)
}

/// Runs `body` with this log and writes everything.
pub(crate) fn run(logs: Logs, body: impl FnOnce()) -> LogHandle {
    let (layer, handle) = logs.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, body);
    let report = handle.flush(DEADLINE);
    assert!(report.in_time);
    assert_eq!(report.left, 0);
    assert!(handle.ledger().balances());
    handle
}

/// A JSON value whose objects keep their order and have no key twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

pub(crate) fn parse(line: &str) -> Json {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

impl Json {
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            panic!("no object: {self:?}")
        };
        members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Self::Text(text)) => text,
            other => panic!("{key} is {other:?} in {self:?}"),
        }
    }

    pub(crate) fn int(&self, key: &str) -> i64 {
        match self.get(key) {
            Some(Self::Number(number)) => number.as_i64().unwrap(),
            other => panic!("{key} is {other:?} in {self:?}"),
        }
    }

    pub(crate) fn keys(&self) -> Vec<&str> {
        let Self::Object(members) = self else {
            panic!("no object: {self:?}")
        };
        members.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate keys")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(serde_json::Number::from_f64(value).unwrap()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Json>()? {
            if members.iter().any(|(name, _)| *name == key) {
                let message = format!("the key {key:?} occurs twice");
                return Err(serde::de::Error::custom(message));
            }
            members.push((key, value));
        }
        Ok(Json::Object(members))
    }
}
