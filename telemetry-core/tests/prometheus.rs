//! Pages for Prometheus, judged by Python's strict parsers, promtool and Prometheus itself.
#![cfg(feature = "prometheus")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod prometheus {
    mod any_page;
    #[cfg(feature = "prometheus-client")]
    mod attached;
    mod served;
    mod support;
    mod translated;
}
