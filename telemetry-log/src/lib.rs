//! telemetry-log
