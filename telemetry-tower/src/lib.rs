//! telemetry-tower
