//! Where lines go: a bounded queue and a thread for each sink, so that no caller ever waits for a
//! terminal, a pipe or a disk.

mod config;
mod file;
mod queue;
mod stdio;
mod writer;

use std::fmt;
use std::io;
use std::sync::Arc;

pub(crate) use config::{Destination, Format};
pub use config::{Overflow, SinkConfig, SinkLimits};
pub use file::{FileConfig, Rotation};
pub(crate) use queue::Queue;
pub(crate) use stdio::{stderr, stdout};
pub(crate) use writer::Writer;

/// Takes batches of log lines somewhere.
///
/// It lives on a thread of its own and may block there; what waits meanwhile is bounded. Events
/// that it logs itself are ignored. A panic counts as a failed write.
///
/// # Examples
///
/// ```
/// use std::io::{self, Write};
/// use telemetry_log::LogSink;
///
/// struct Syslog(std::net::TcpStream);
///
/// impl LogSink for Syslog {
///     fn write(&mut self, lines: &[u8]) -> io::Result<()> {
///         self.0.write_all(lines)
///     }
/// }
/// ```
pub trait LogSink: Send {
    /// Writes a batch of whole lines, each ended by a line feed.
    ///
    /// # Errors
    ///
    /// Whatever prevented it: the lines of the batch count as lost, and the next batch is tried
    /// again.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Passes on what the sink itself still holds. Called when nothing more waits, after a
    /// second, after 64 KiB, on [`LogHandle::flush`](crate::LogHandle::flush) and at the end.
    ///
    /// # Errors
    ///
    /// Whatever prevented it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the log says that lines were lost. Never the log itself.
#[derive(Clone)]
pub(crate) struct Diagnostics(pub(crate) Arc<dyn Fn(&str) + Send + Sync>);

impl Default for Diagnostics {
    fn default() -> Self {
        Self(Arc::new(|message| {
            use io::Write as _;
            // nobody is left to tell if stderr is closed
            drop(writeln!(io::stderr(), "{message}"));
        }))
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Diagnostics")
    }
}
