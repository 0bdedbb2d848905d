//! Instrumentation scopes: who made a span or a log record.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use opentelemetry::{InstrumentationScope, KeyValue};

use super::attributes::{AttributeLimits, Attributes};
use super::wire::put_bytes_field;

/// A short name for a scope within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(u32);

/// A scope with its encoding.
#[derive(Debug)]
pub struct Scope {
    scope: InstrumentationScope,
    encoded: Vec<u8>,
}

/// The most scopes that are kept apart; whatever comes later shares one without a name. A scope
/// is a library or a module path, so a program that has more is making names from data.
const MAX_SCOPES: usize = 4096;

#[derive(Default)]
struct Table {
    scopes: Vec<Arc<Scope>>,
    ids: HashMap<InstrumentationScope, ScopeId>,
}

static TABLE: OnceLock<RwLock<Table>> = OnceLock::new();

impl ScopeId {
    /// The scope with only a name, such as a `tracing` target.
    #[must_use]
    pub fn of_name(name: &'static str) -> Self {
        Self::of(&InstrumentationScope::builder(name).build())
    }

    /// The scope's short name; made on first use.
    #[must_use]
    pub fn of(scope: &InstrumentationScope) -> Self {
        let table = TABLE.get_or_init(RwLock::default);
        if let Some(id) = table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .ids
            .get(scope)
        {
            return *id;
        }
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.ids.get(scope) {
            return *id;
        }
        if table.scopes.len() >= MAX_SCOPES {
            return Self(u32::MAX);
        }
        let id = Self(u32::try_from(table.scopes.len()).unwrap_or(u32::MAX));
        table.scopes.push(Arc::new(Scope::new(scope.clone())));
        table.ids.insert(scope.clone(), id);
        id
    }

    /// The scope behind the short name.
    #[must_use]
    pub fn scope(self) -> Arc<Scope> {
        static UNKNOWN: OnceLock<Arc<Scope>> = OnceLock::new();
        let table = TABLE
            .get_or_init(RwLock::default)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(self.0).unwrap_or(usize::MAX);
        table.scopes.get(index).cloned().unwrap_or_else(|| {
            Arc::clone(
                UNKNOWN.get_or_init(|| Arc::new(Scope::new(InstrumentationScope::default()))),
            )
        })
    }

    /// As a number, for the head of a queued item.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0
    }

    /// From the number that [`ScopeId::to_u32`] gave.
    #[must_use]
    pub fn from_u32(id: u32) -> Self {
        Self(id)
    }
}

impl Scope {
    fn new(scope: InstrumentationScope) -> Self {
        let mut encoded = Vec::new();
        put_bytes_field(&mut encoded, 1, scope.name().as_bytes());
        put_bytes_field(
            &mut encoded,
            2,
            scope.version().unwrap_or_default().as_bytes(),
        );
        let mut attributes = Attributes::new(Attributes::SCOPE, AttributeLimits::NONE);
        for KeyValue { key, value, .. } in scope.attributes() {
            attributes.set(key.as_str(), value);
        }
        encoded.extend_from_slice(attributes.as_bytes());
        Self { scope, encoded }
    }

    /// The scope.
    #[must_use]
    pub fn get(&self) -> &InstrumentationScope {
        &self.scope
    }

    /// The bytes of the `InstrumentationScope` message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }
}
