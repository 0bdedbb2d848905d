//! The exporter of traces to a terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::held::{Held, HeldLimits, Ready};
use super::render::render;
use super::terminal::Terminal;
use crate::clock::Clock;
use crate::export::writer::WriterThread;
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::pipeline::Batch;

/// Writes each trace as a tree when its local root has arrived.
///
/// A trace without a root is written after 5 seconds, when too much waits (256 traces, 4 MiB),
/// or on flush; of one trace at most 1000 spans are kept and 200 lines written, and what is left
/// out is counted on its last line. It never waits for the terminal: the writer has a thread.
#[derive(Debug)]
pub struct ConsoleSpanExporter {
    shared: Arc<Shared>,
    /// Rendered and not yet handed to the writer.
    text: Vec<u8>,
}

#[derive(Debug)]
struct Shared {
    held: Mutex<Held>,
    writer: Arc<WriterThread>,
    terminal: Terminal,
    clock: Clock,
    is_sweeping: AtomicBool,
}

/// How often the traces that wait are looked at.
const SWEEP: Duration = Duration::from_secs(1);

impl ConsoleSpanExporter {
    /// An exporter that draws for `terminal` and writes to `writer`.
    #[must_use]
    pub fn new(writer: Arc<WriterThread>, terminal: Terminal, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                held: Mutex::new(Held::new(HeldLimits::default())),
                writer,
                terminal,
                clock,
                is_sweeping: AtomicBool::new(false),
            }),
            text: Vec::new(),
        }
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn render(&self, ready: Vec<Ready>) -> Vec<u8> {
        let mut text = Vec::new();
        for Ready { spans, missing } in ready {
            text.extend_from_slice(render(&spans, missing, self.terminal).as_bytes());
        }
        text
    }

    /// Writes what has waited long enough, without waiting for room: it has no batch to answer
    /// for, and the writer counts what it refuses.
    fn sweep(&self) {
        let ready = self.held().take_older(self.clock.now());
        let mut text = self.render(ready);
        drop(super::write(&self.writer, &mut text));
    }

    /// Keeps an eye on the traces that wait, until none does.
    fn start_sweeping(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.held().is_empty() || self.is_sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::downgrade(self);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                shared.sweep();
                if shared.held().is_empty() {
                    shared.is_sweeping.store(false, Ordering::Release);
                    return;
                }
            }
        });
    }
}

impl Exporter for ConsoleSpanExporter {
    fn destination(&self) -> String {
        "console".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let now = self.shared.clock.now();
        let ready = self.shared.held().absorb(batch, now);
        self.text = self.shared.render(ready);
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        Box::pin(async {
            self.shared.start_sweeping();
            super::write(&self.shared.writer, &mut self.text).map(|()| Accepted::all())
        })
    }

    fn release(&mut self) {
        self.text = Vec::new();
    }

    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(async {
            let ready = self.shared.held().take_all();
            let mut text = self.shared.render(ready);
            super::write(&self.shared.writer, &mut text)?;
            super::flush(&self.shared.writer).await
        })
    }
}
