use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, RedisResult, Script};
use telemetry::Clock;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{
    Answer, Counted, Cursor, Errors, MAX_SESSIONS, Opened, Page, Released, Store, StoreError,
};
use crate::changes::Changes;
use crate::session::{App, Holder, Opening, Record, Scope, Session, millis};

/// When each open session ends. The braces put all keys into one slot of a cluster.
const ENDS: &str = "{autolog}:ends";
/// When each open session was opened.
const OPENED: &str = "{autolog}:opened";
/// When each window of errors ends.
const WINDOWS: &str = "{autolog}:windows";
/// Which app's sessions have changed.
const CHANNEL: &str = "{autolog}:changes";

/// How long one command may take, a new connection included: shorter than a client waits, which is
/// 2 s.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How often a Redis that is away is looked for.
const RETRY: Duration = Duration::from_millis(200);
/// After so long without news it is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(5);

/// Sessions in Redis 6.2 or newer: instances that share one behave as one.
///
/// An app's sessions are one hash, whose fields are the endpoints; two sorted sets lead to them. Each
/// write is one Lua script, in the time of the instance that asks: instances whose clocks differ by a
/// second differ by a second about an expiry. A change is published, and every instance listens.
#[derive(Debug)]
pub struct RedisStore {
    clock: Clock,
    patience: Duration,
    connection: ConnectionManager,
    scripts: Scripts,
    changes: Changes,
    listener: JoinHandle<()>,
}

#[derive(Debug)]
struct Scripts {
    open: Script,
    close: Script,
    release: Script,
    count: Script,
    list: Script,
}

/// Whether a command that may have been carried out may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Harmless,
    CountsTwice,
}

impl RedisStore {
    /// A store at `redis://[user:password@]host[:port]/[database]`, or `rediss://` over TLS. It need not
    /// be there yet: until it is, every call is [`StoreError::Unreachable`].
    ///
    /// Call it inside of a tokio runtime, which then also runs the task that listens for changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Address`] if that is no such URL.
    pub fn new(url: &str, clock: Clock) -> Result<Arc<Self>, StoreError> {
        Self::with_patience(url, clock, PATIENCE)
    }

    /// The same with another limit than 1.5 s for how long one command may take.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_patience(
        url: &str,
        clock: Clock,
        patience: Duration,
    ) -> Result<Arc<Self>, StoreError> {
        let address = |error: RedisError| StoreError::Address(Arc::new(error));
        let client = Client::open(url).map_err(address)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(patience / 2))
            .set_response_timeout(Some(patience));
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config);
        let changes = Changes::default();
        let listener = tokio::spawn(listen(client, changes.clone(), patience));
        Ok(Arc::new(Self {
            clock,
            patience,
            connection: connection.map_err(address)?,
            scripts: Scripts::new(),
            changes,
            listener,
        }))
    }

    fn now(&self) -> u64 {
        self.clock.now().unix_nanos() / 1_000_000
    }

    /// What every script takes.
    fn call<'s>(&self, script: &'s Script, app: &App, scope: &str) -> redis::ScriptInvocation<'s> {
        let mut call = script.prepare_invoke();
        call.key(ENDS).key(OPENED);
        call.arg(self.now()).arg(scope).arg(CHANNEL).arg(news(app));
        call
    }

    async fn run<T: FromRedisValue>(
        &self,
        call: redis::ScriptInvocation<'_>,
        repeat: Repeat,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let asked = async {
            match call.invoke_async(&mut connection).await {
                Err(error) if may_repeat(&error, repeat) => {
                    call.invoke_async(&mut connection).await
                }
                other => other,
            }
        };
        in_time(self.patience, asked).await
    }

    async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let asked = async {
            match command.query_async(&mut connection).await {
                Err(error) if may_repeat(&error, Repeat::Harmless) => {
                    command.query_async(&mut connection).await
                }
                other => other,
            }
        };
        in_time(self.patience, asked).await
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Store for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async { self.query(&redis::cmd("PING")).await })
    }

    fn open(&self, opening: Opening) -> Answer<'_, Opened> {
        Box::pin(async move {
            let scope = &opening.scope;
            let mut call = self.call(&self.scripts.open, &scope.app, &scope.key());
            open_with(&mut call, &opening, self.now())?;
            let (outcome, text): (String, String) = self.run(call, Repeat::Harmless).await?;
            if outcome == "full" {
                return Err(StoreError::Full);
            }
            Ok(Opened {
                session: record(&text)?.session(self.now()),
                new: outcome == "new",
            })
        })
    }

    fn close(&self, scope: Scope) -> Answer<'_, bool> {
        Box::pin(async move {
            let call = self.call(&self.scripts.close, &scope.app, &scope.key());
            self.run(call, Repeat::Harmless).await
        })
    }

    fn release(&self, scope: Scope, fingerprint: String) -> Answer<'_, Released> {
        Box::pin(async move {
            let mut call = self.call(&self.scripts.release, &scope.app, &scope.key());
            call.arg(Holder::Alert(fingerprint).key());
            let released: String = self.run(call, Repeat::Harmless).await?;
            Ok(match released.as_str() {
                "closed" => Released::Closed,
                "held" => Released::StillHeld,
                _ => Released::Nothing,
            })
        })
    }

    fn count(&self, errors: Errors) -> Answer<'_, Counted> {
        Box::pin(async move {
            let scope = &errors.opening.scope;
            let key = scope.key();
            let mut call = self.call(&self.scripts.count, &scope.app, &key);
            call.key(WINDOWS).key(format!("{{autolog}}:window:{key}"));
            open_with(&mut call, &errors.opening, self.now())?;
            call.arg(errors.count)
                .arg(errors.threshold)
                .arg(millis(errors.window));
            let (outcome, count, triggered): (String, u64, bool) =
                self.run(call, Repeat::CountsTwice).await?;
            if outcome == "full" {
                return Err(StoreError::Full);
            }
            Ok(Counted {
                count,
                triggered,
                opened: outcome == "new",
            })
        })
    }

    fn sessions(&self, app: &App) -> Answer<'_, Vec<Session>> {
        let mut command = redis::cmd("HVALS");
        command.arg(format!("{{autolog}}:app:{}", app.key()));
        Box::pin(async move {
            let texts: Vec<String> = self.query(&command).await?;
            let mut sessions = shown(&texts, self.now())?;
            sessions.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
            Ok(sessions)
        })
    }

    fn list(&self, after: Option<Cursor>, limit: usize) -> Answer<'_, Page> {
        Box::pin(async move {
            let nobody = App {
                name: String::new(),
                environment: String::new(),
            };
            let mut call = self.call(&self.scripts.list, &nobody, "");
            // one more than asked for tells whether there is more
            call.arg(limit.saturating_add(1));
            match after {
                Some(after) => call.arg(after.enabled_at).arg(after.key),
                None => call.arg("+inf").arg(""),
            };
            let texts: Vec<String> = self.run(call, Repeat::Harmless).await?;
            let last = texts
                .get(limit.saturating_sub(1))
                .filter(|_| texts.len() > limit);
            let next = last.map(|text| record(text)).transpose()?;
            Ok(Page {
                sessions: shown(texts.get(..limit).unwrap_or(&texts), self.now())?,
                next: next.map(|record| Cursor {
                    enabled_at: record.enabled_at,
                    key: record.scope().key(),
                }),
            })
        })
    }

    fn active(&self) -> Answer<'_, Vec<(App, u64)>> {
        Box::pin(async {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command
                .arg(ENDS)
                .arg(format!("({}", self.now()))
                .arg("+inf");
            let scopes: Vec<String> = self.query(&command).await?;
            let mut active = BTreeMap::new();
            for app in scopes.iter().filter_map(|scope| App::from_key(scope)) {
                *active.entry(app).or_default() += 1;
            }
            Ok(active.into_iter().collect())
        })
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }
}

impl Scripts {
    fn new() -> Self {
        let script = |own| Script::new(&format!("{}{own}", include_str!("redis/common.lua")));
        Self {
            open: script(include_str!("redis/open.lua")),
            close: script(include_str!("redis/close.lua")),
            release: script(include_str!("redis/release.lua")),
            count: script(include_str!("redis/count.lua")),
            list: script(include_str!("redis/list.lua")),
        }
    }
}

fn open_with(
    call: &mut redis::ScriptInvocation<'_>,
    opening: &Opening,
    now: u64,
) -> Result<(), StoreError> {
    let fresh = serde_json::to_string(&opening.record(now)).map_err(unreadable)?;
    let said = opening.holder == Holder::Person;
    call.arg(fresh)
        .arg(opening.holder.key())
        .arg(said)
        .arg(MAX_SESSIONS);
    Ok(())
}

fn news(app: &App) -> String {
    app.key()
}

async fn in_time<T>(
    patience: Duration,
    asked: impl Future<Output = RedisResult<T>>,
) -> Result<T, StoreError> {
    match timeout(patience, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(StoreError::Unreachable(Arc::new(error))),
        Err(late) => Err(StoreError::Unreachable(Arc::new(late))),
    }
}

/// A connection that broke before, while nobody looked, is found broken by the first who uses it.
fn may_repeat(error: &RedisError, repeat: Repeat) -> bool {
    match repeat {
        Repeat::Harmless => error.is_io_error() || error.is_connection_dropped(),
        Repeat::CountsTwice => error.is_connection_refusal(),
    }
}

fn record(text: &str) -> Result<Record, StoreError> {
    serde_json::from_str(text).map_err(unreadable)
}

fn shown(texts: &[String], now: u64) -> Result<Vec<Session>, StoreError> {
    let records = texts.iter().map(|text| record(text));
    let sessions = records.map(|record| record.map(|record| record.show(now)));
    sessions.filter_map(Result::transpose).collect()
}

fn unreadable(error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unreachable(Arc::new(error))
}

type Broken = Box<dyn Error + Send + Sync>;

/// Tells those who wait here what is changed anywhere, for as long as the store lives.
async fn listen(client: Client, changes: Changes, patience: Duration) {
    let mut told = false;
    loop {
        let Err(error) = follow(&client, &changes, patience, &mut told).await else {
            continue;
        };
        if !told {
            told = true;
            tracing::warn!(
                error = &*error as &(dyn Error + 'static),
                "Redis cannot be reached"
            );
        }
        sleep(RETRY).await;
    }
}

/// Listens until the connection breaks.
async fn follow(
    client: &Client,
    changes: &Changes,
    patience: Duration,
    told: &mut bool,
) -> Result<(), Broken> {
    let connect = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        RedisResult::Ok(subscription.split())
    };
    let (mut line, mut news) = timeout(patience, connect).await??;
    if std::mem::take(told) {
        tracing::info!("Redis is there again");
    }
    // what was published until now was not heard
    changes.tell_all();
    loop {
        match timeout(QUIET, news.next()).await {
            Ok(Some(message)) => match App::from_key(&message.get_payload::<String>()?) {
                Some(app) => changes.tell(&app),
                None => changes.tell_all(),
            },
            Ok(None) => return Err("the connection was closed".into()),
            Err(_) => drop(timeout(patience, line.ping::<redis::Value>()).await??),
        }
    }
}
