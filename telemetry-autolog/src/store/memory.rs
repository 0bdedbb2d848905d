use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use telemetry::Clock;

use super::{
    Answer, Counted, Cursor, Errors, MAX_SESSIONS, Opened, Page, Released, Store, StoreError,
};
use crate::changes::Changes;
use crate::session::{App, Holder, Opening, Record, Scope, Session, millis};

/// Sessions in the memory of this process: for one instance, and gone when it ends.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Clock,
    kept: Mutex<Kept>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Kept {
    records: BTreeMap<Scope, Record>,
    windows: HashMap<Scope, Window>,
}

#[derive(Debug)]
struct Window {
    ends_at: u64,
    count: u64,
}

impl MemoryStore {
    /// An empty store, in the time of this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
            changes: Changes::default(),
        }
    }

    fn now(&self) -> u64 {
        self.clock.now().unix_nanos() / 1_000_000
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn open(&self, opening: Opening) -> Answer<'_, Opened> {
        let opened = self.kept().open(&opening, self.now());
        if opened.is_ok() {
            self.changes.tell(&opening.scope.app);
        }
        Box::pin(ready(opened))
    }

    fn close(&self, scope: Scope) -> Answer<'_, bool> {
        let closed = self.kept().take(&scope, self.now());
        if closed {
            self.changes.tell(&scope.app);
        }
        Box::pin(ready(Ok(closed)))
    }

    fn release(&self, scope: Scope, fingerprint: String) -> Answer<'_, Released> {
        let released = self.kept().release(&scope, fingerprint, self.now());
        if released != Released::Nothing {
            self.changes.tell(&scope.app);
        }
        Box::pin(ready(Ok(released)))
    }

    fn count(&self, errors: Errors) -> Answer<'_, Counted> {
        let counted = self.kept().count(&errors, self.now());
        if counted.as_ref().is_ok_and(|counted| counted.triggered) {
            self.changes.tell(&errors.opening.scope.app);
        }
        Box::pin(ready(counted))
    }

    fn sessions(&self, app: &App) -> Answer<'_, Vec<Session>> {
        let now = self.now();
        let first = Scope {
            app: app.clone(),
            endpoint: None,
        };
        let kept = self.kept();
        let records = kept.records.range(first..);
        let records = records.take_while(|(scope, _)| scope.app == *app);
        let sessions = records.filter_map(|(_, record)| record.show(now)).collect();
        Box::pin(ready(Ok(sessions)))
    }

    fn list(&self, after: Option<Cursor>, limit: usize) -> Answer<'_, Page> {
        Box::pin(ready(Ok(self.kept().list(after, limit, self.now()))))
    }

    fn active(&self) -> Answer<'_, Vec<(App, u64)>> {
        let now = self.now();
        let mut active = BTreeMap::new();
        for record in self.kept().records.values().filter(|one| one.is_live(now)) {
            *active.entry(record.app()).or_default() += 1;
        }
        Box::pin(ready(Ok(active.into_iter().collect())))
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }
}

impl Kept {
    fn open(&mut self, opening: &Opening, now: u64) -> Result<Opened, StoreError> {
        if let Some(record) = self.live(&opening.scope, now) {
            record.join(opening, now);
            return Ok(Opened {
                session: record.session(now),
                new: false,
            });
        }
        if self.records.len() >= MAX_SESSIONS {
            self.records.retain(|_, record| record.is_live(now));
        }
        if self.records.len() >= MAX_SESSIONS {
            return Err(StoreError::Full);
        }
        let record = opening.record(now);
        let session = record.session(now);
        self.records.insert(opening.scope.clone(), record);
        Ok(Opened { session, new: true })
    }

    fn take(&mut self, scope: &Scope, now: u64) -> bool {
        let taken = self.records.remove(scope);
        taken.is_some_and(|record| record.is_live(now))
    }

    fn release(&mut self, scope: &Scope, fingerprint: String, now: u64) -> Released {
        let Some(record) = self.live(scope, now) else {
            return Released::Nothing;
        };
        if record
            .holds
            .remove(&Holder::Alert(fingerprint).key())
            .is_none()
        {
            return Released::Nothing;
        }
        if record.is_live(now) {
            return Released::StillHeld;
        }
        self.records.remove(scope);
        Released::Closed
    }

    fn count(&mut self, errors: &Errors, now: u64) -> Result<Counted, StoreError> {
        let scope = &errors.opening.scope;
        let added = u64::from(errors.count);
        let (before, count) = self.window(errors, now)?;
        if let Some(record) = self.live(scope, now) {
            record.error_count = record.error_count.saturating_add(added);
        }
        if before >= errors.threshold || count < errors.threshold {
            return Ok(Counted {
                count,
                triggered: false,
                opened: false,
            });
        }
        let opened = self.open(&errors.opening, now)?;
        if let Some(record) = self.live(scope, now).filter(|_| opened.new) {
            record.error_count = count;
        }
        Ok(Counted {
            count,
            triggered: true,
            opened: opened.new,
        })
    }

    /// The count of the window before these errors, and with them.
    fn window(&mut self, errors: &Errors, now: u64) -> Result<(u64, u64), StoreError> {
        let scope = &errors.opening.scope;
        if self.windows.len() >= MAX_SESSIONS && !self.windows.contains_key(scope) {
            self.windows.retain(|_, window| window.ends_at > now);
            if self.windows.len() >= MAX_SESSIONS {
                return Err(StoreError::Full);
            }
        }
        let first = Window {
            ends_at: now.saturating_add(millis(errors.window)),
            count: 0,
        };
        let window = self.windows.entry(scope.clone()).or_insert(first);
        if window.ends_at <= now {
            window.ends_at = now.saturating_add(millis(errors.window));
            window.count = 0;
        }
        let before = window.count;
        window.count = before.saturating_add(u64::from(errors.count));
        Ok((before, window.count))
    }

    fn list(&self, after: Option<Cursor>, limit: usize, now: u64) -> Page {
        let place = |(scope, record): (&Scope, &Record)| {
            let cursor = Cursor {
                enabled_at: record.enabled_at,
                key: scope.key(),
            };
            Some((cursor, record.show(now)?))
        };
        let mut places: Vec<_> = self.records.iter().filter_map(place).collect();
        places.retain(|(cursor, _)| after.as_ref().is_none_or(|after| cursor < after));
        places.sort_by(|(one, _), (other, _)| other.cmp(one));
        let more = places.len() > limit;
        places.truncate(limit);
        Page {
            next: places
                .last()
                .map(|(cursor, _)| cursor.clone())
                .filter(|_| more),
            sessions: places.into_iter().map(|(_, session)| session).collect(),
        }
    }

    /// The open session of a scope; one that has expired is forgotten.
    fn live(&mut self, scope: &Scope, now: u64) -> Option<&mut Record> {
        if self
            .records
            .get(scope)
            .is_some_and(|record| !record.is_live(now))
        {
            self.records.remove(scope);
        }
        self.records.get_mut(scope)
    }
}
