//! Requests that ask for more lines: what their token grants, and where it goes on to.
//!
//! Who checks tokens is said by [`install`]; a token itself is kept nowhere. What it grants follows the
//! request's spans, and who may send it on makes a new one for the next service.

use std::num::NonZeroU64;
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::propagate::Extracted;
use super::request::current_request;

/// The key of the token's entry in the baggage. No other entry of ours leaves the process, and this one
/// only to hosts on a list.
pub const BAGGAGE_KEY: &str = "telemetry.verbose";

static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

static TOKENS: OnceLock<Arc<dyn Tokens>> = OnceLock::new();

/// What a valid token grants to a request: a level, until some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant(NonZeroU64);

impl Grant {
    /// A level from 1, ERROR, to 5, TRACE, until this second of the Unix epoch.
    #[must_use]
    pub fn new(level: u8, until: u64) -> Option<Self> {
        let fits = (1..=5).contains(&level) && until < 1 << 60;
        NonZeroU64::new(until << 3 | u64::from(level))
            .filter(|_| fits)
            .map(Self)
    }

    /// The level, from 1, ERROR, to 5, TRACE.
    #[inline]
    #[must_use]
    pub fn level(self) -> u64 {
        self.0.get() & 7
    }

    /// The second of the Unix epoch at which it ends.
    #[inline]
    #[must_use]
    pub fn until(self) -> u64 {
        self.0.get() >> 3
    }
}

/// Who knows the secret that signs tokens.
pub trait Tokens: Send + Sync {
    /// The header in which tokens come.
    fn header(&self) -> &HeaderName;

    /// What a token grants; none if it is not valid, or not any more.
    fn check(&self, token: &str) -> Option<Grant>;

    /// A token of the same grant for a request to this host; none if it is not to have one.
    fn pass_on(&self, grant: Grant, host: &str) -> Option<String>;
}

/// Lets these tokens be accepted, for the life of the process. Returns whether they are: the first
/// stay.
pub fn install(tokens: Arc<dyn Tokens>) -> bool {
    TOKENS.set(tokens).is_ok()
}

/// What the token of a request grants, from its header or from its baggage, where it is no more
/// afterwards. Of several headers none counts.
#[must_use]
pub fn accept(headers: &HeaderMap, incoming: &mut Extracted) -> Option<Grant> {
    let carried = take_from_baggage(incoming);
    let tokens = TOKENS.get()?;
    let mut sent = headers.get_all(tokens.header()).iter();
    let only = sent.next().filter(|_| sent.next().is_none());
    let sent = only.and_then(|token| tokens.check(token.to_str().ok()?));
    sent.or_else(|| tokens.check(&carried?))
}

fn take_from_baggage(incoming: &mut Extracted) -> Option<String> {
    if incoming.baggage.is_empty() {
        return None;
    }
    let token = incoming.baggage.get(BAGGAGE_KEY)?.to_owned();
    incoming.baggage.remove(BAGGAGE_KEY);
    Some(token)
}

/// Adds a token to a request that goes to this host, if the one that is being handled has one, and the
/// host may have it. After everything else was written.
pub fn inject(host: &str, headers: &mut HeaderMap) {
    let Some(grant) = current_request().grant() else {
        return;
    };
    let token = TOKENS.get().and_then(|tokens| tokens.pass_on(grant, host));
    let entry = token.map(|token| HeaderValue::try_from(format!("{BAGGAGE_KEY}={token}")));
    if let Some(Ok(mut entry)) = entry {
        entry.set_sensitive(true);
        // fails only at 32,768 headers
        let _full = headers.try_append(&BAGGAGE, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_what_was_granted() {
        let grant = Grant::new(4, 1_795_270_981).unwrap();
        assert_eq!((grant.level(), grant.until()), (4, 1_795_270_981));
        for (level, until) in [(0, 1), (6, 1), (4, 1 << 60)] {
            assert_eq!(Grant::new(level, until), None);
        }
    }

    #[test]
    fn the_entry_is_taken_out_of_the_baggage_also_where_nobody_checks_it() {
        let mut incoming = Extracted {
            baggage: crate::context::Baggage::parse("a=b,telemetry.verbose=v1.x"),
            ..Extracted::default()
        };
        let carried = take_from_baggage(&mut incoming);
        assert_eq!(carried.as_deref(), Some("v1.x"));
        assert_eq!(incoming.baggage.to_header(), "a=b");
    }
}
