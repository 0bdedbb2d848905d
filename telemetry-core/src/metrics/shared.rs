//! What the instruments of a registry share.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use opentelemetry::KeyValue;

use super::RegistrySettings;
use crate::config::ExemplarFilter;
use crate::diagnostics::{Level, Voice};
use crate::redact::Place;

#[derive(Debug)]
pub(super) struct Shared {
    settings: RwLock<RegistrySettings>,
    /// A copy of the setting, read with each measurement.
    exemplar_filter: AtomicU8,
    refused: AtomicU64,
    panics: AtomicU64,
    /// What nobody could be told yet.
    unsaid: Mutex<Vec<String>>,
}

/// The most messages that wait for a voice.
const MAX_UNSAID: usize = 64;

const OFF: u8 = 0;
const ON: u8 = 1;
const TRACE_BASED: u8 = 2;

impl Shared {
    pub(super) fn new(settings: RegistrySettings) -> Self {
        Self {
            exemplar_filter: AtomicU8::new(code(settings.exemplar_filter)),
            settings: RwLock::new(settings),
            refused: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            unsaid: Mutex::default(),
        }
    }

    /// Replaces the settings, and says nothing yet.
    pub(super) fn configure(&self, settings: RegistrySettings) {
        self.exemplar_filter
            .store(code(settings.exemplar_filter), Ordering::Relaxed);
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Says what has waited for a voice.
    pub(super) fn catch_up(&self) {
        let unsaid = std::mem::take(&mut *self.unsaid());
        for line in unsaid {
            self.warn(line);
        }
    }

    pub(super) fn setting<T>(&self, read: impl FnOnce(&RegistrySettings) -> T) -> T {
        read(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time, in nanoseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.setting(|settings| settings.clock.now().unix_nanos())
    }

    /// The time for durations: it never goes back.
    pub(super) fn monotonic(&self) -> u64 {
        self.setting(|settings| settings.clock.now().monotonic_nanos())
    }

    #[inline]
    pub(super) fn exemplar_filter(&self) -> ExemplarFilter {
        match self.exemplar_filter.load(Ordering::Relaxed) {
            OFF => ExemplarFilter::AlwaysOff,
            ON => ExemplarFilter::AlwaysOn,
            _ => ExemplarFilter::TraceBased,
        }
    }

    /// Hides secrets among the attributes of an exemplar.
    pub(super) fn redact(&self, mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
        if attributes.is_empty() {
            return attributes;
        }
        let redaction = self.setting(|settings| settings.redaction.clone());
        for KeyValue { key, value, .. } in &mut attributes {
            if let Some(shown) = redaction.replace(key.as_str(), value) {
                redaction.count(Place::Exemplar);
                *value = shown;
            }
        }
        attributes
    }

    /// Tells the operator, now or as soon as there is a way to.
    pub(super) fn warn(&self, line: String) {
        let voice: Option<Voice> = self.setting(|settings| settings.voice.clone());
        match voice {
            Some(voice) => voice.say(Level::Warn, line),
            None => {
                let mut unsaid = self.unsaid();
                if unsaid.len() < MAX_UNSAID {
                    unsaid.push(line);
                }
            }
        }
    }

    #[cold]
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    fn unsaid(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn code(filter: ExemplarFilter) -> u8 {
    match filter {
        ExemplarFilter::AlwaysOff => OFF,
        ExemplarFilter::AlwaysOn => ON,
        ExemplarFilter::TraceBased => TRACE_BASED,
    }
}
