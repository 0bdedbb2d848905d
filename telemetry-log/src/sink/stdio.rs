//! The standard outputs.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::LogSink;

/// How long to wait for a terminal or pipe that was made non-blocking by somebody else.
const RETRY_AFTER: Duration = Duration::from_millis(5);

/// Writes to a standard output, or to any other writer that takes bytes as they come.
#[derive(Debug)]
pub(crate) struct Stream<W> {
    writer: W,
    /// Whether a failed write left the beginning of a line behind.
    broken: bool,
}

/// The standard output as a file of its own: a write that is stuck does not hold the lock of
/// [`io::stdout`], for which the end of the process might wait.
#[cfg(unix)]
pub(crate) fn stdout() -> io::Result<Box<dyn LogSink>> {
    use std::os::fd::AsFd;
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Box::new(Stream::new(std::fs::File::from(stdout))))
}

/// See [`stdout`].
#[cfg(unix)]
pub(crate) fn stderr() -> io::Result<Box<dyn LogSink>> {
    use std::os::fd::AsFd;
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    Ok(Box::new(Stream::new(std::fs::File::from(stderr))))
}

#[cfg(not(unix))]
pub(crate) fn stdout() -> io::Result<Box<dyn LogSink>> {
    Ok(Box::new(Stream::new(io::stdout())))
}

#[cfg(not(unix))]
pub(crate) fn stderr() -> io::Result<Box<dyn LogSink>> {
    Ok(Box::new(Stream::new(io::stderr())))
}

impl<W: Write> Stream<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self {
            writer,
            broken: false,
        }
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.broken = bytes.get(written - 1) != Some(&b'\n');
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(RETRY_AFTER);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<W: Write + Send> LogSink for Stream<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.broken {
            self.put(b"\n")?;
        }
        self.put(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
