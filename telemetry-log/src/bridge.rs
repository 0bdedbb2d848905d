//! Records of the `log` crate.

use std::error::Error;
use std::fmt;

/// Sends the records of the `log` crate to `tracing`, and so into this log with their own target.
///
/// # Errors
///
/// [`LogBridgeError`] if the process has another logger already.
pub fn init_log_bridge() -> Result<(), LogBridgeError> {
    tracing_log::LogTracer::init().map_err(LogBridgeError)
}

/// The process has another logger for the `log` crate already.
#[derive(Debug)]
pub struct LogBridgeError(log::SetLoggerError);

impl fmt::Display for LogBridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "records of the `log` crate go elsewhere: another logger is installed; \
             remove it (env_logger::init() or the like) to have them here",
        )
    }
}

impl Error for LogBridgeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
