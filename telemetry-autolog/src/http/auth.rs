use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use subtle::{Choice, ConstantTimeEq};

use super::Refusal;

/// Who may come in: those who present the secret; without a secret, those on this machine.
#[derive(Clone)]
pub(crate) struct Door {
    secret: Option<Padded>,
    /// Whether the socket takes connections of this machine only.
    loopback: bool,
    closed: &'static str,
}

/// A secret in as many bytes as the longest may have, so that comparing takes the same time for all.
#[derive(Clone)]
struct Padded {
    bytes: [u8; MAX_SECRET],
    length: usize,
}

const MAX_SECRET: usize = 256;
const WEBHOOK_SECRET: &str = "x-webhook-secret";

impl Door {
    /// A door; `closed` tells those who come to one without a secret what is to be set.
    pub(crate) fn new(secret: Option<&str>, loopback: bool, closed: &'static str) -> Self {
        Self {
            secret: secret.and_then(|secret| Padded::new(secret.as_bytes())),
            loopback,
            closed,
        }
    }

    /// Whether nobody is asked for a secret.
    pub(crate) fn is_open(&self) -> bool {
        self.secret.is_none() && self.loopback
    }

    /// Takes `Authorization: Bearer`.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.admit_with(headers, None)
    }

    /// Takes `X-Webhook-Secret` as well.
    pub(super) fn admit_webhook(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.admit_with(headers, headers.get(WEBHOOK_SECRET))
    }

    fn admit_with(&self, headers: &HeaderMap, other: Option<&HeaderValue>) -> Result<(), Refusal> {
        let Some(secret) = &self.secret else {
            return self.admit_from_here(headers);
        };
        let presented = bearer(headers)
            .into_iter()
            .chain(other.map(HeaderValue::as_bytes));
        let fits = presented.fold(Choice::from(0), |fits, one| fits | secret.is(one));
        if bool::from(fits) {
            return Ok(());
        }
        Err(Refusal::Unauthorized("the secret is missing or wrong"))
    }

    /// Behind a proxy on this machine every caller comes from this machine, and so does a page of a
    /// stranger in a browser here.
    fn admit_from_here(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let foreign = headers
            .get(header::ORIGIN)
            .is_some_and(|origin| !is_here(origin));
        if self.loopback && !was_forwarded(headers) && !foreign {
            return Ok(());
        }
        Err(Refusal::Unauthorized(self.closed))
    }
}

impl Padded {
    fn new(secret: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_SECRET];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self {
            bytes,
            length: secret.len(),
        })
    }

    fn is(&self, presented: &[u8]) -> Choice {
        let Some(presented) = Self::new(presented) else {
            return Choice::from(0);
        };
        self.bytes.ct_eq(&presented.bytes) & self.length.ct_eq(&presented.length)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

fn was_forwarded(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(header::HeaderName::as_str);
    names.any(|name| name == "forwarded" || name.starts_with("x-forwarded-"))
}

fn is_here(origin: &HeaderValue) -> bool {
    let uri = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_secret_is_compared_whole() {
        let door = Door::new(Some("s3cret"), true, "");
        for (name, value, admitted) in [
            ("x-webhook-secret", "s3cret", true),
            ("authorization", "Bearer s3cret", true),
            ("authorization", "bearer s3cret", true),
            ("authorization", "Basic s3cret", false),
            ("x-webhook-secret", "s3cre", false),
            ("x-webhook-secret", "s3cretx", false),
            ("x-webhook-secret", "", false),
        ] {
            let headers = headers(&[(name, value)]);
            assert_eq!(
                door.admit_webhook(&headers).is_ok(),
                admitted,
                "{name}: {value}"
            );
        }
        assert!(
            door.admit(&headers(&[("x-webhook-secret", "s3cret")]))
                .is_err()
        );
        assert!(door.admit(&HeaderMap::new()).is_err());
    }

    #[test]
    fn without_a_secret_only_this_machine_comes_in() {
        let door = Door::new(None, true, "");
        let admits = |pairs| door.admit(&headers(pairs)).is_ok();
        assert!(admits(&[]));
        assert!(!admits(&[("forwarded", "for=10.0.0.1")]));
        assert!(!admits(&[("x-forwarded-for", "10.0.0.1")]));
        assert!(!admits(&[("x-forwarded-anything", "")]));
        assert!(!admits(&[("origin", "https://stranger.example")]));
        assert!(!admits(&[("origin", "null")]));
        assert!(admits(&[("origin", "http://127.0.0.1:5000")]));
        assert!(admits(&[("origin", "http://localhost:5000")]));
        assert!(admits(&[("origin", "http://[::1]:5000")]));
        let door = Door::new(None, false, "");
        assert!(door.admit(&HeaderMap::new()).is_err());
    }
}
