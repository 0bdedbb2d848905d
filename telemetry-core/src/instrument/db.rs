//! Databases and their pools.

use opentelemetry::KeyValue;

use super::kinds::{Acquire, DbOperation, label};
use super::{Call, Label};
use crate::metrics::Registry;
use crate::semconv::{self, Metric, signed};

/// An operation of a database, as its client sees it. `system` is a `db.system.name` of the
/// conventions, such as `postgresql`:
/// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name>.
///
/// ```
/// use telemetry_core::instrument;
///
/// # async fn example(id: i64) -> Result<(), std::io::Error> {
/// let order = instrument::db("postgresql")
///     .operation("SELECT")
///     .collection("orders")
///     .span_attribute("shop.order.id", id)
///     .run(async { Ok::<_, std::io::Error>("the order") })
///     .await?;
/// # Ok(()) }
/// ```
pub fn db(system: impl Into<Label>) -> Call<DbOperation> {
    Call::new(vec![label(semconv::DB_SYSTEM_NAME, system)])
}

impl Call<DbOperation> {
    /// What is done: `SELECT`, `findAndModify`.
    pub fn operation(self, name: impl Into<Label>) -> Self {
        self.attribute(semconv::DB_OPERATION_NAME, name)
    }

    /// The table or collection.
    pub fn collection(self, name: impl Into<Label>) -> Self {
        self.attribute(semconv::DB_COLLECTION_NAME, name)
    }

    /// The database.
    pub fn namespace(self, name: impl Into<Label>) -> Self {
        self.attribute(semconv::DB_NAMESPACE, name)
    }

    /// The query without its values, in few words: `SELECT orders customers`.
    pub fn summary(self, summary: impl Into<Label>) -> Self {
        self.attribute(semconv::DB_QUERY_SUMMARY, summary)
    }

    /// The query's text, for the span only. Its values belong into parameters, not here.
    pub fn query_text(self, text: impl Into<String>) -> Self {
        self.span_attribute("db.query.text", text.into())
    }

    /// The server and its port.
    pub fn server(self, address: impl Into<Label>, port: u16) -> Self {
        self.attribute(semconv::SERVER_ADDRESS, address)
            .attribute(semconv::SERVER_PORT, port)
    }
}

/// A pool of connections to a database.
///
/// ```
/// use std::sync::Arc;
/// use telemetry_core::instrument::{self, PoolUse};
///
/// let pool = Arc::new(()); // yours
/// let alive = Arc::downgrade(&pool);
/// instrument::pool("orders").observe(move || {
///     let _pool = alive.upgrade()?;
///     Some(PoolUse { idle: 3, used: 7, max: Some(10), pending: None })
/// });
/// ```
pub fn pool(name: impl Into<Label>) -> Pool {
    Pool {
        name: label(semconv::DB_CLIENT_CONNECTION_POOL_NAME, name),
    }
}

/// A pool of connections; see [`pool`].
#[derive(Clone, Debug)]
#[must_use = "nothing is measured until it is told what"]
pub struct Pool {
    name: KeyValue,
}

/// What a pool does at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "plain numbers, made by whoever has a pool"
)]
pub struct PoolUse {
    /// Connections that wait for work.
    pub idle: u64,
    /// Connections that work.
    pub used: u64,
    /// The most that there may be, if that is known.
    pub max: Option<u64>,
    /// Requests that wait for a connection, if that is known.
    pub pending: Option<u64>,
}

impl Pool {
    /// Asks `pool` whenever metrics are collected, as long as the program runs. It must not block,
    /// and gives `None` when the pool is gone: keep a weak reference in it.
    pub fn observe<F>(&self, pool: F)
    where
        F: Fn() -> Option<PoolUse> + Clone + Send + Sync + 'static,
    {
        let meter = semconv::meter(Registry::global());
        let (name, ask) = (self.name.clone(), pool.clone());
        semconv::METRIC_DB_CLIENT_CONNECTION_COUNT.observe_up_down_counter(&meter, move |out| {
            let Some(PoolUse { idle, used, .. }) = ask() else {
                return;
            };
            for (state, connections) in [("idle", idle), ("used", used)] {
                let state = KeyValue::new(semconv::DB_CLIENT_CONNECTION_STATE, state);
                out.observe(signed(connections), &[name.clone(), state]);
            }
        });
        let one = |metric: Metric, read: fn(PoolUse) -> Option<u64>| {
            let (name, ask) = (self.name.clone(), pool.clone());
            metric.observe_up_down_counter(&meter, move |out| {
                if let Some(number) = ask().and_then(read) {
                    out.observe(signed(number), std::slice::from_ref(&name));
                }
            });
        };
        one(semconv::METRIC_DB_CLIENT_CONNECTION_MAX, |pool| pool.max);
        one(
            semconv::METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS,
            |pool| pool.pending,
        );
    }

    /// The wait for a connection. One that is given up (`cancelled`, or a verdict of `timeout`)
    /// counts as a time-out of the pool.
    pub fn acquire(&self) -> Call<Acquire> {
        Call::new(vec![self.name.clone()])
    }
}
