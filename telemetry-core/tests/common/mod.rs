//! What the tests of OTLP share: cases, our requests, the official exporter's requests, and the
//! comparison of both.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod arbitrary;
pub(crate) mod canonical;
pub(crate) mod differences;
pub(crate) mod official;
pub(crate) mod ours;
