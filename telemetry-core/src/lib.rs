//! telemetry-core
