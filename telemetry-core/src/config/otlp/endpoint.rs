//! Where OTLP goes.

use std::fmt;

use http::Uri;

use super::names::Names;
use super::protocol::OtlpProtocol;
use crate::config::env::Lookup;
use crate::config::overrides::OtlpOverrides;
use crate::config::redact;
use crate::config::resolver::{Chosen, Resolver, in_code};
use crate::config::setting::Source;
use crate::config::signal::Signal;

/// A valid `http` or `https` URL without credentials. `Display` and `Debug` leave its query out, which may hold a key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL as it is requested.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A URL as it is, for what is not OTLP; a path may be appended.
    pub(crate) fn plain(text: &str) -> Result<Self, String> {
        let url = parse(text, OtlpProtocol::HttpJson, false)?;
        if url.has_credentials || url.query.is_some() {
            return Err("a user, a password or a query has no place in it".to_owned());
        }
        let path = url.path.trim_end_matches('/');
        Ok(Self(format!("{}://{}{path}", url.scheme, url.authority)))
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::url(&self.0))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact::url(&self.0))
    }
}

/// One of the places where an endpoint can be given.
struct Candidate<'a> {
    variable: String,
    source: Source,
    /// For every signal: over HTTP, the signal's path is appended.
    general: bool,
    text: Result<&'a str, &'a str>,
}

/// A usable endpoint, taken apart.
struct Url {
    scheme: &'static str,
    /// Host and port, without credentials.
    authority: String,
    port: Option<u16>,
    path: String,
    query: Option<String>,
    has_credentials: bool,
}

pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    signal: Signal,
    all: &OtlpOverrides,
    own: &OtlpOverrides,
    protocol: &Chosen<OtlpProtocol>,
    insecure: bool,
) -> Endpoint {
    let names = Names::of(signal);
    let mut chosen = None;
    let mut refused = Vec::new();
    for candidate in candidates(r, names, all, own) {
        match candidate
            .text
            .map_err(|_| "not valid UTF-8".to_owned())
            .and_then(|text| parse(text, protocol.value, insecure))
        {
            Ok(url) if chosen.is_none() => chosen = Some((candidate, url)),
            Ok(_) => {}
            Err(reason) => refused.push((candidate, reason)),
        }
    }
    let (endpoint, source) = match &chosen {
        Some((candidate, url)) => (
            finish(url, signal, protocol.value, candidate.general),
            candidate.source,
        ),
        None => (default(signal, protocol.value), Source::Default),
    };
    for (candidate, reason) in refused {
        let (Ok(text) | Err(text)) = candidate.text;
        r.report
            .ignore(&candidate.variable, text, reason, endpoint.to_string());
    }
    if let Some((candidate, url)) = &chosen {
        give_hints(
            r,
            candidate,
            url,
            protocol,
            insecure && endpoint.is_https(),
            names,
        );
    }
    r.record(names.endpoint[0], endpoint.to_string(), source);
    endpoint
}

/// From the one that decides to the one that is asked last.
fn candidates<'a>(
    r: &Resolver<'a>,
    names: &Names,
    all: &'a OtlpOverrides,
    own: &'a OtlpOverrides,
) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    for (code, general) in [(own, false), (all, true)] {
        if let Some(text) = code.endpoint.as_deref() {
            let variable = in_code(&names.endpoint[usize::from(general)..]);
            found.push(Candidate {
                variable,
                source: Source::Code,
                general,
                text: Ok(text.trim()),
            });
        }
    }
    for (name, general) in [(names.endpoint[0], false), (names.endpoint[1], true)] {
        let text = match r.env.lookup(name) {
            Lookup::Unset => continue,
            Lookup::Text(text) => Ok(text),
            Lookup::NotUnicode(text) => Err(text),
        };
        found.push(Candidate {
            variable: name.to_owned(),
            source: Source::Env(name),
            general,
            text,
        });
    }
    found
}

fn parse(text: &str, protocol: OtlpProtocol, insecure: bool) -> Result<Url, String> {
    let has_scheme = text.contains("://");
    let text = match (has_scheme, protocol) {
        (true, _) => text.to_owned(),
        // <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>: TLS unless INSECURE says so.
        (false, OtlpProtocol::Grpc) if insecure => format!("http://{text}"),
        (false, OtlpProtocol::Grpc) => format!("https://{text}"),
        (false, _) => {
            return Err(format!(
                "a URL starts with http:// or https://; write {}",
                cured(text)
            ));
        }
    };
    let uri: Uri = text.parse().map_err(|error| {
        format!(
            "not a URL ({error}); write one such as {}",
            default_base(protocol)
        )
    })?;
    let scheme = match uri.scheme_str() {
        Some("http") => "http",
        Some("https") => "https",
        _ => {
            return Err(format!(
                "only http:// and https:// are understood; write one such as {}",
                default_base(protocol)
            ));
        }
    };
    let authority = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .unwrap_or_default();
    let (credentials, host_and_port) = match authority.rsplit_once('@') {
        Some((credentials, rest)) => (Some(credentials), rest),
        None => (None, authority),
    };
    let port = port(&uri, host_and_port)?;
    Ok(Url {
        scheme,
        authority: host_and_port.to_owned(),
        port,
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        has_credentials: credentials.is_some(),
    })
}

fn port(uri: &Uri, host_and_port: &str) -> Result<Option<u16>, String> {
    let host = uri.host().unwrap_or_default();
    match (host, host_and_port.strip_prefix(host), uri.port_u16()) {
        ("", ..) => {
            Err("the URL names no host; write one such as http://localhost:4318".to_owned())
        }
        (_, Some(""), _) => Ok(None),
        (_, _, Some(port)) if port != 0 => Ok(Some(port)),
        _ => Err("the port is not a number between 1 and 65535".to_owned()),
    }
}

/// The URL that was probably meant by a value without a scheme.
fn cured(text: &str) -> String {
    let looks_like_host = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".-_:/[]".contains(c));
    let meant = if looks_like_host {
        text.trim_start_matches('/')
    } else {
        "localhost:4318"
    };
    redact::value("_ENDPOINT", &format!("http://{meant}"))
}

fn finish(url: &Url, signal: Signal, protocol: OtlpProtocol, general: bool) -> Endpoint {
    let base = format!("{}://{}", url.scheme, url.authority);
    let path = match (protocol, general) {
        (OtlpProtocol::Grpc, _) => return Endpoint(base),
        (_, true) => format!("{}/{}", url.path.trim_end_matches('/'), signal.otlp_path()),
        (_, false) => url.path.clone(),
    };
    let target = match &url.query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    Endpoint(format!("{base}{target}"))
}

fn default(signal: Signal, protocol: OtlpProtocol) -> Endpoint {
    let base = default_base(protocol);
    match protocol {
        OtlpProtocol::Grpc => Endpoint(base.to_owned()),
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => {
            Endpoint(format!("{base}/{}", signal.otlp_path()))
        }
    }
}

fn default_base(protocol: OtlpProtocol) -> &'static str {
    match protocol {
        OtlpProtocol::Grpc => "http://localhost:4317",
        OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => "http://localhost:4318",
    }
}

/// What is used and probably not meant; each hint names the value that would work.
fn give_hints(
    r: &mut Resolver<'_>,
    candidate: &Candidate<'_>,
    url: &Url,
    protocol: &Chosen<OtlpProtocol>,
    insecure_is_vain: bool,
    names: &Names,
) {
    let (Ok(text) | Err(text)) = candidate.text;
    let mut hint = |advice: String| r.report.hint(&candidate.variable, text, advice);
    let at_port = |port: u16| format!("{}://{}:{port}", url.scheme, host(url));
    let is_grpc = protocol.value == OtlpProtocol::Grpc;
    let base = format!("{}://{}", url.scheme, url.authority);
    let protocol_name = names.protocol[usize::from(candidate.general)];
    if is_grpc && (url.path != "/" || url.query.is_some()) {
        hint(format!("gRPC uses neither path nor query; write {base}"));
    } else if candidate.general && ends_in_signal_path(&url.path) {
        let own = "or keep it in the variable of that signal alone, such as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        hint(format!(
            "each signal appends its own path to it; write {base}, {own}"
        ));
    }
    match url.port {
        Some(4317) if !is_grpc && protocol.source == Source::Default => hint(format!(
            "port 4317 is gRPC's and {} is spoken; set {protocol_name}=grpc, or write {}",
            protocol.value,
            at_port(4318)
        )),
        Some(4318) if is_grpc => hint(format!(
            "port 4318 is HTTP's and gRPC is spoken; write {}, or set {protocol_name}=http/protobuf",
            at_port(4317)
        )),
        _ => {}
    }
    if url.has_credentials {
        hint("the credentials in the URL are not sent; set OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20<base64>".to_owned());
    }
    if insecure_is_vain {
        hint(format!(
            "https stays encrypted whatever {} says; write http://{} to go without",
            names.insecure[1], url.authority
        ));
    }
}

fn host(url: &Url) -> &str {
    match url.port {
        Some(_) => url
            .authority
            .rsplit_once(':')
            .map_or(&*url.authority, |(host, _)| host),
        None => &url.authority,
    }
}

fn ends_in_signal_path(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    [Signal::Traces, Signal::Logs, Signal::Metrics]
        .iter()
        .any(|signal| path.ends_with(&format!("/{}", signal.otlp_path())))
}
