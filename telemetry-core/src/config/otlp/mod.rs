//! How OTLP is spoken for one signal: `OTEL_EXPORTER_OTLP_*`.
//!
//! Source of names, defaults and precedence: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

mod endpoint;
mod headers;
mod names;
mod protocol;
mod tls;

use std::time::Duration;

pub use endpoint::Endpoint;
pub use headers::Headers;
pub use protocol::{Compression, OtlpProtocol};
pub use tls::TlsPlan;

use super::kind::{FLAG, MILLIS};
use super::overrides::{OtlpOverrides, Overrides};
use super::resolver::Resolver;
use super::signal::Signal;
use names::Names;

/// How OTLP is spoken for one signal. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpPlan {
    /// gRPC, or HTTP with protobuf or JSON.
    pub protocol: OtlpProtocol,
    /// The final URL: over HTTP with the signal's path, over gRPC without any.
    pub endpoint: Endpoint,
    /// Headers of each request, names in lower case, each once, all of them valid.
    pub headers: Headers,
    /// The longest time one request may take. Default: 10 s.
    pub timeout: Duration,
    /// How requests are compressed.
    pub compression: Option<Compression>,
    /// Whom to trust, and who we are.
    pub tls: TlsPlan,
}

const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether an endpoint is given for this signal, usable or not.
pub(crate) fn endpoint_is_set(r: &Resolver<'_>, signal: Signal, code: &Overrides) -> bool {
    let own = match signal {
        Signal::Traces => &code.traces.otlp,
        Signal::Logs => &code.logs.otlp,
        Signal::Metrics => &code.metrics.otlp,
    };
    let by_code = own.endpoint.is_some() || code.otlp.endpoint.is_some();
    by_code
        || Names::of(signal)
            .endpoint
            .iter()
            .any(|name| r.env.is_set(name))
}

/// The plan for one signal; `own` is what code says about it, `all` what it says about every signal.
pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    signal: Signal,
    all: &OtlpOverrides,
    own: &OtlpOverrides,
) -> OtlpPlan {
    let names = Names::of(signal);
    let default = OtlpProtocol::default();
    let protocol = r.choose(
        &names.protocol,
        own.protocol.or(all.protocol),
        &protocol::PROTOCOL,
        default,
    );
    let insecure = r.value(&names.insecure, own.insecure.or(all.insecure), &FLAG, false);
    let compression = own.compression.or(all.compression);
    let endpoint = endpoint::resolve(r, signal, all, own, &protocol, insecure);
    OtlpPlan {
        headers: headers::resolve(r, &names.headers, all, own),
        timeout: r.value(
            &names.timeout,
            own.timeout.or(all.timeout),
            &MILLIS,
            TIMEOUT,
        ),
        compression: r.value(
            &names.compression,
            compression,
            &protocol::COMPRESSION,
            None,
        ),
        tls: tls::resolve(r, names, all, own, &endpoint),
        protocol: protocol.value,
        endpoint,
    }
}
