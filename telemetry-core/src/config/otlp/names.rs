//! The variables of one signal, each with the general one behind it.

use crate::config::signal::Signal;

pub(crate) struct Names {
    pub(crate) endpoint: [&'static str; 2],
    pub(crate) protocol: [&'static str; 2],
    pub(crate) headers: [&'static str; 2],
    pub(crate) timeout: [&'static str; 2],
    pub(crate) compression: [&'static str; 2],
    pub(crate) certificate: [&'static str; 2],
    pub(crate) client_certificate: [&'static str; 2],
    pub(crate) client_key: [&'static str; 2],
    pub(crate) insecure: [&'static str; 2],
}

macro_rules! names {
    ($signal:literal) => {
        Names {
            endpoint: names!($signal, "ENDPOINT"),
            protocol: names!($signal, "PROTOCOL"),
            headers: names!($signal, "HEADERS"),
            timeout: names!($signal, "TIMEOUT"),
            compression: names!($signal, "COMPRESSION"),
            certificate: names!($signal, "CERTIFICATE"),
            client_certificate: names!($signal, "CLIENT_CERTIFICATE"),
            client_key: names!($signal, "CLIENT_KEY"),
            insecure: names!($signal, "INSECURE"),
        }
    };
    ($signal:literal, $what:literal) => {
        [
            concat!("OTEL_EXPORTER_OTLP_", $signal, "_", $what),
            concat!("OTEL_EXPORTER_OTLP_", $what),
        ]
    };
}

const TRACES: Names = names!("TRACES");
const LOGS: Names = names!("LOGS");
const METRICS: Names = names!("METRICS");

impl Names {
    pub(crate) fn of(signal: Signal) -> &'static Self {
        match signal {
            Signal::Traces => &TRACES,
            Signal::Logs => &LOGS,
            Signal::Metrics => &METRICS,
        }
    }
}
