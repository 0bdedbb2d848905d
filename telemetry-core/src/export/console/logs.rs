//! The exporter of log records to a terminal.

use std::sync::Arc;

use super::attributes::{all_attributes, push_attributes};
use super::escape::{cut, escape};
use super::line::{Line, Style};
use super::terminal::Terminal;
use super::time;
use crate::export::memory::CapturedLog;
use crate::export::writer::WriterThread;
use crate::export::{Accepted, ExportError, ExportFuture, Exporter};
use crate::otlp::Severity;
use crate::pipeline::Batch;

/// Writes one line for each log record: time, level, scope, message, attributes, trace.
#[derive(Debug)]
pub struct ConsoleLogExporter {
    writer: Arc<WriterThread>,
    terminal: Terminal,
    text: Vec<u8>,
}

/// The most characters of a message.
const MAX_MESSAGE: usize = 2000;

impl ConsoleLogExporter {
    /// An exporter that writes for `terminal` to `writer`.
    #[must_use]
    pub fn new(writer: Arc<WriterThread>, terminal: Terminal) -> Self {
        Self {
            writer,
            terminal,
            text: Vec::new(),
        }
    }
}

impl Exporter for ConsoleLogExporter {
    fn destination(&self) -> String {
        "console".to_owned()
    }

    fn prepare(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.text.clear();
        for item in batch.items() {
            let line = render(&CapturedLog::read(item), self.terminal);
            self.text.extend_from_slice(line.as_bytes());
        }
        Ok(())
    }

    fn attempt(&mut self) -> ExportFuture<'_, Result<Accepted, ExportError>> {
        let written = super::write(&self.writer, &mut self.text).map(|()| Accepted::all());
        Box::pin(std::future::ready(written))
    }

    fn release(&mut self) {
        self.text = Vec::new();
    }

    fn flush(&mut self) -> ExportFuture<'_, Result<(), ExportError>> {
        Box::pin(super::flush(&self.writer))
    }
}

pub(super) fn render(log: &CapturedLog, terminal: Terminal) -> String {
    let mut line = Line::new(terminal.color);
    line.push(Style::Dim, &time::timestamp(log.unix_nanos));
    line.push(
        severity_style(log.severity),
        &format!(" {:<5}", log.severity.as_str()),
    );
    line.push(Style::Dim, &format!(" {}", log.scope.get().name()));
    if !log.event_name.is_empty() {
        line.push(Style::Cyan, &format!(" {}", log.event_name));
    }
    if !log.message.is_empty() {
        line.push(Style::Plain, " ");
        line.push(Style::Bold, &cut(&escape(&log.message), MAX_MESSAGE));
    }
    let mut attributes = all_attributes(&log.attributes);
    if let Some(trace_id) = log.trace_id {
        attributes.push(format!("trace={trace_id}"));
    }
    // a record is looked for by what it carries, so nothing of it is left out for the width
    push_attributes(&mut line, &attributes, usize::MAX);
    line.finish()
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Trace | Severity::Debug => Style::Dim,
        Severity::Info => Style::Green,
        Severity::Warn => Style::Yellow,
        Severity::Error | Severity::Fatal => Style::Red,
    }
}
