//! Whom to trust, and who we are: the certificate variables.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::endpoint::Endpoint;
use super::names::Names;
use crate::config::kind::Kind;
use crate::config::overrides::OtlpOverrides;
use crate::config::resolver::Resolver;

/// The certificates of a connection. Every file was readable, and PEM, when the plan was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsPlan {
    /// The certificate authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain; never without its key.
    pub client_cert: Option<PathBuf>,
    /// The client's private key; never without its certificate.
    pub client_key: Option<PathBuf>,
    /// Whether the connection is not encrypted at all.
    pub insecure: bool,
}

/// More than any bundle of roots (Mozilla's is a quarter of this).
const MAX_PEM_BYTES: u64 = 1024 * 1024;

const CERTIFICATE: Kind<Option<PathBuf>> = Kind {
    parse,
    check: |path| check(path.as_deref(), "CERTIFICATE-----"),
    show,
};

const KEY: Kind<Option<PathBuf>> = Kind {
    parse,
    check: |path| check(path.as_deref(), "PRIVATE KEY-----"),
    show,
};

pub(crate) fn resolve(
    r: &mut Resolver<'_>,
    names: &Names,
    all: &OtlpOverrides,
    own: &OtlpOverrides,
    endpoint: &Endpoint,
) -> TlsPlan {
    let or = |own: &Option<PathBuf>, all: &Option<PathBuf>| {
        own.as_ref().or(all.as_ref()).cloned().map(Some)
    };
    let ca = r.value(
        &names.certificate,
        or(&own.certificate, &all.certificate),
        &CERTIFICATE,
        None,
    );
    let cert = or(&own.client_certificate, &all.client_certificate);
    let cert = r.value(&names.client_certificate, cert, &CERTIFICATE, None);
    let key = r.value(
        &names.client_key,
        or(&own.client_key, &all.client_key),
        &KEY,
        None,
    );
    let plan = paired(
        r,
        names,
        TlsPlan {
            ca,
            client_cert: cert,
            client_key: key,
            insecure: !endpoint.is_https(),
        },
    );
    if plan.insecure {
        warn_of_no_effect(r, names, &plan, endpoint);
    }
    plan
}

/// A certificate without its key, or the reverse, proves nothing.
fn paired(r: &mut Resolver<'_>, names: &Names, plan: TlsPlan) -> TlsPlan {
    let (lonely, path, missing) = match (&plan.client_cert, &plan.client_key) {
        (Some(cert), None) => (names.client_certificate[1], cert, names.client_key[1]),
        (None, Some(key)) => (names.client_key[1], key, names.client_certificate[1]),
        _ => return plan,
    };
    let reason = format!("a client certificate takes two files; set {missing} as well");
    r.report.ignore(
        lonely,
        &path.display().to_string(),
        reason,
        "no client certificate",
    );
    TlsPlan {
        client_cert: None,
        client_key: None,
        ..plan
    }
}

fn warn_of_no_effect(r: &mut Resolver<'_>, names: &Names, plan: &TlsPlan, endpoint: &Endpoint) {
    let files = [
        (names.certificate[1], &plan.ca),
        (names.client_certificate[1], &plan.client_cert),
    ];
    for (name, path) in files {
        if let Some(path) = path {
            let advice = format!("no effect, because {endpoint} is not encrypted; write https://");
            r.report.hint(name, &path.display().to_string(), advice);
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every parser")]
fn parse(text: &str) -> Result<Option<PathBuf>, String> {
    Ok(Some(PathBuf::from(text)))
}

fn show(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map_or_else(|| "none".to_owned(), |path| path.display().to_string())
}

fn check(path: Option<&Path>, marker: &str) -> Result<(), String> {
    let Some(path) = path else { return Ok(()) };
    // Asked first, because opening a pipe would wait for its other end.
    let metadata = fs::metadata(path)
        .map_err(|error| format!("the file cannot be read ({error}); name a PEM file"))?;
    if !metadata.is_file() {
        return Err("not a file; name a PEM file".to_owned());
    }
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| format!("the file cannot be read ({error})"))?;
    file.take(MAX_PEM_BYTES)
        .read_to_end(&mut pem)
        .map_err(|error| format!("the file cannot be read ({error})"))?;
    if pem
        .windows(marker.len())
        .any(|window| window == marker.as_bytes())
    {
        return Ok(());
    }
    Err(format!(
        "the file holds no PEM {}",
        marker.trim_end_matches('-').to_ascii_lowercase()
    ))
}
