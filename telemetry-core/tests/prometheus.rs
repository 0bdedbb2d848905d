//! Pages for Prometheus, judged by Python's strict parsers, promtool and Prometheus itself.
#![cfg(feature = "prometheus")]
#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::panic,
    reason = "tests fail by panicking, and exact numbers arrive"
)]

mod prometheus {
    mod any_page;
    #[cfg(feature = "prometheus-client")]
    mod attached;
    mod quantiles;
    mod served;
    mod support;
    mod translated;
}
