//! A panic is a log line too, and the last one must not be lost.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::handle::Parts;

/// How long a panic that ends the process waits for what was recorded before it.
const BUDGET: Duration = Duration::from_millis(500);

/// Logs each panic at ERROR with the ids of the span it happened in, and flushes, within a short
/// budget, if the panic ends the process. The hook that was there before runs first.
pub(crate) fn install(parts: &Arc<Parts>) {
    let previous = take_hook();
    let parts = Arc::downgrade(parts);
    set_hook(Box::new(move |panic| {
        previous(panic);
        log(panic);
        if ends_the_process() {
            flush(&parts);
        }
    }));
}

fn log(panic: &PanicHookInfo<'_>) {
    let message = text(panic.payload());
    let location = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let thread = std::thread::current();
    tracing::event!(
        target: "panic",
        tracing::Level::ERROR,
        {
            "exception.type" = "panic",
            "exception.message" = message,
            "code.location" = location,
            "thread.name" = thread.name(),
        },
        "panicked"
    );
}

/// With unwinding, only the main thread's panic ends the process: any other thread's is caught by
/// its join handle, and a task's by its executor, which may run on the main thread.
fn ends_the_process() -> bool {
    let is_main = || std::thread::current().name() == Some("main");
    cfg!(panic = "abort") || (is_main() && tokio::task::try_id().is_none())
}

fn flush(parts: &Weak<Parts>) {
    if let Some(parts) = parts.upgrade() {
        // the process ends: whether it worked is nobody's to react to
        let _ = parts.flush(BUDGET);
    }
}

/// What `panic!` was given: text, unless somebody threw a value.
fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a value that is no text")
}
