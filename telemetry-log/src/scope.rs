//! Fields of all lines within a closure or a future.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use opentelemetry::KeyValue;
use pin_project_lite::pin_project;

use crate::visit::{Record, VisitOptions};

/// Fields that every line has which is written within: what other logs call a child logger.
///
/// They come after the event's own fields, which win where names meet, and before those of spans,
/// over which they win. A scope that is made within another has the fields of that one too, and
/// its own win. Unlike a span, a scope is no part of a trace, and whether lines have it depends on
/// no level.
///
/// # Examples
///
/// ```
/// use opentelemetry::KeyValue;
/// use telemetry_log::{LogScoped, scope};
///
/// let job = scope([KeyValue::new("job.id", 7)]);
/// job.in_scope(|| tracing::info!("started"));
///
/// # async fn work() {}
/// let work = async {
///     work().await;
///     tracing::info!("done"); // has job.id on whichever thread it is written
/// };
/// let work = work.in_log_scope(job);
/// ```
#[must_use = "it says nothing until something runs within it"]
pub fn scope(fields: impl IntoIterator<Item = KeyValue>) -> LogScope {
    let outer = current();
    let mut all: Vec<KeyValue> = fields.into_iter().collect();
    let own = all.len();
    if let Some(outer) = &outer {
        let is_new = |field: &&KeyValue| all[..own].iter().all(|it| it.key != field.key);
        let inherited: Vec<_> = outer.fields.iter().filter(is_new).cloned().collect();
        all.extend(inherited);
    }
    LogScope(Arc::new(Inner {
        fields: all,
        rendered: OnceLock::new(),
    }))
}

/// See [`scope`]. Cloning is cheap.
#[derive(Clone)]
pub struct LogScope(Arc<Inner>);

struct Inner {
    /// Those of the scope, and those of the scopes around it.
    fields: Vec<KeyValue>,
    /// As the first log that wrote a line within it writes them.
    rendered: OnceLock<Rendered>,
}

struct Rendered {
    /// Which log that is.
    generation: u64,
    record: Record,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Inner>>> = const { RefCell::new(None) };
}

impl LogScope {
    /// Runs a closure within the scope.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        work()
    }

    /// Makes the scope current on this thread until the guard is dropped. In asynchronous code
    /// use [`LogScoped::in_log_scope`]: a guard that is held over an `await` leaves the fields on
    /// other tasks' lines.
    #[must_use = "the scope ends when the guard is dropped"]
    pub fn enter(&self) -> EnteredLogScope {
        EnteredLogScope {
            outer: replace(Some(Arc::clone(&self.0))),
            not_send: PhantomData,
        }
    }
}

impl fmt::Debug for LogScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // values may be secret
        let keys = self.0.fields.iter().map(|field| field.key.as_str());
        f.debug_list().entries(keys).finish()
    }
}

/// Ends a scope on this thread when it is dropped.
pub struct EnteredLogScope {
    outer: Option<Arc<Inner>>,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl fmt::Debug for EnteredLogScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnteredLogScope")
    }
}

impl Drop for EnteredLogScope {
    fn drop(&mut self) {
        drop(replace(self.outer.take()));
    }
}

/// Puts futures into a scope.
pub trait LogScoped: Sized {
    /// The future, within the scope whenever it is polled and when it is dropped. Tasks that it
    /// spawns are not: wrap them too, with a scope made within this one.
    fn in_log_scope(self, scope: LogScope) -> InLogScope<Self> {
        InLogScope {
            inner: Some(self),
            scope,
        }
    }
}

impl<F: Future> LogScoped for F {}

pin_project! {
    /// See [`LogScoped::in_log_scope`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct InLogScope<F> {
        // empty once it is being dropped
        #[pin]
        inner: Option<F>,
        scope: LogScope,
    }

    impl<F> PinnedDrop for InLogScope<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.enter();
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for InLogScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.enter();
        this.inner
            .as_pin_mut()
            .map_or(Poll::Pending, |inner| inner.poll(context))
    }
}

/// Adds the fields of the current scope that the event has not.
#[inline]
pub(crate) fn add_to(record: &mut Record, options: &VisitOptions) {
    // while the thread ends there is no scope either
    let _ = CURRENT.try_with(|current| {
        if let Ok(current) = current.try_borrow()
            && let Some(scope) = current.as_deref()
        {
            scope.add_to(record, options);
        }
    });
}

/// The current scope, for a line that is written later.
#[inline]
pub(crate) fn current_scope() -> Option<LogScope> {
    current().map(LogScope)
}

impl LogScope {
    /// Adds the fields of the scope that the event has not.
    pub(crate) fn add_to(&self, record: &mut Record, options: &VisitOptions) {
        self.0.add_to(record, options);
    }
}

impl Inner {
    #[cold]
    fn add_to(&self, record: &mut Record, options: &VisitOptions) {
        let generation = options.reserved.generation();
        let first = self.rendered.get_or_init(|| Rendered {
            generation,
            record: self.render(options),
        });
        if first.generation == generation {
            record.inherit(&first.record, options);
        } else {
            record.inherit(&self.render(options), options);
        }
    }

    fn render(&self, options: &VisitOptions) -> Record {
        let mut record = Record::default();
        record.clear(options);
        record.put_attributes(options, &self.fields);
        record
    }
}

fn current() -> Option<Arc<Inner>> {
    CURRENT
        .try_with(|current| current.try_borrow().ok()?.clone())
        .ok()
        .flatten()
}

fn replace(scope: Option<Arc<Inner>>) -> Option<Arc<Inner>> {
    CURRENT
        .try_with(|current| {
            let mut current = current.try_borrow_mut().ok()?;
            std::mem::replace(&mut *current, scope)
        })
        .ok()
        .flatten()
}
