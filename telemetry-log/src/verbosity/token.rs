//! Signed tokens that turn one request verbose, in every service that it crosses.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderName;
use ring::hmac;
use telemetry_core::clock::Clock;
use telemetry_core::context::verbose::{self, Grant};
use tracing_core::Level;

use super::armed::{Armed, number};
use super::scope::Matcher;
use super::{Override, Scope, Verbosity};

/// The version of the format, and what no other use of the secret signs.
const PREFIX: &str = "v1";
const PURPOSE: &[u8] = b"telemetry verbose request ";

/// The longest token: the version, a level, twenty digits and the code, with some room.
const MAX_TOKEN: usize = 96;

/// The source of the overrides that tokens set.
const SOURCE: &str = "token";

/// Makes and checks tokens: a request that brings a valid one is verbose, and so is what it calls, in
/// every service that has the same secret.
///
/// A token is `v1.<level>.<expiry>.<code>`: the level that it grants, the second of the Unix epoch at
/// which it ends, and in unpadded base64url their HMAC-SHA256 under the secret, which itself never
/// travels. Whoever sees a token can use it until it expires, and for nothing else; one that would
/// last longer than a day is refused. Source: <https://www.rfc-editor.org/rfc/rfc2104>.
///
/// ```
/// use std::time::Duration;
/// use telemetry_core::clock::Clock;
/// use telemetry_log::Tokens;
/// use tracing::Level;
///
/// let tokens = Tokens::new(b"a secret of at least 32 bytes ...")?;
/// let token = tokens.make(Level::DEBUG, Duration::from_secs(600), &Clock::system());
/// assert!(token.starts_with("v1.debug."));
/// # Ok::<(), telemetry_log::TokenError>(())
/// ```
#[derive(Clone)]
pub struct Tokens {
    key: hmac::Key,
    header: HeaderName,
    hosts: Vec<String>,
}

impl Tokens {
    /// The shortest secret, in bytes: the length of the hash, as RFC 2104 section 3 recommends.
    pub const MIN_SECRET: usize = 32;

    /// Tokens that this secret signs; they come in the header `x-telemetry-verbose`, and go on to no
    /// host.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if the secret is shorter than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, TokenError> {
        if secret.len() < Self::MIN_SECRET {
            return Err(TokenError(()));
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            header: HeaderName::from_static("x-telemetry-verbose"),
            hosts: Vec::new(),
        })
    }

    /// The header in which a token comes; the baggage entry `telemetry.verbose` is read too.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// The hosts to which our client layer sends the token on, as that baggage entry: names, or `*.` and
    /// the end of a name.
    #[must_use]
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        let lower = |host: H| host.into().to_ascii_lowercase();
        self.hosts = hosts.into_iter().map(lower).collect();
        self
    }

    /// A token for this level, valid for `lasts`, at most a day, from now on.
    #[must_use]
    pub fn make(&self, level: Level, lasts: Duration, clock: &Clock) -> String {
        let lasts = lasts.min(Override::MAX_DURATION).as_secs();
        self.sign(level, seconds(clock).saturating_add(lasts))
    }

    fn sign(&self, level: Level, until: u64) -> String {
        let claim = claim(level, until);
        let code = hmac::sign(&self.key, &signed(&claim));
        format!("{claim}.{}", URL_SAFE_NO_PAD.encode(code))
    }

    /// What a token claims, if it is ours and valid at `now`.
    fn check(&self, token: &str, now: u64) -> Option<(Level, u64)> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (text, code) = token.rsplit_once('.')?;
        let code = URL_SAFE_NO_PAD.decode(code).ok()?;
        // compares in constant time
        hmac::verify(&self.key, &signed(text), &code).ok()?;
        let mut parts = text.strip_prefix(PREFIX)?.strip_prefix('.')?.split('.');
        let level: Level = parts.next()?.parse().ok()?;
        let until: u64 = parts.next()?.parse().ok()?;
        let longest = now.saturating_add(Override::MAX_DURATION.as_secs());
        let is_canonical = parts.next().is_none() && claim(level, until) == text;
        (is_canonical && now < until && until <= longest).then_some((level, until))
    }

    fn may_go_to(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.hosts.iter().any(|allowed| {
            let end = allowed.strip_prefix('*');
            end.map_or(*allowed == host, |end| {
                end.starts_with('.') && host.len() > end.len() && host.ends_with(end)
            })
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("header", &self.header)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl Verbosity {
    /// Accepts these tokens from now on, in every request that our server layer handles in this process.
    /// Returns whether it does: the first stay.
    pub fn accept(&self, tokens: Tokens) -> bool {
        verbose::install(Arc::new(Accepting {
            tokens,
            verbosity: self.clone(),
        }))
    }

    /// Arms what a token grants, unless that is done already. The list holds one entry for each level,
    /// which lasts as long as the longest token of it.
    fn arm_tokens(&self, level: Level, until: u64) {
        let clock = &self.0.settings.clock;
        let lasts = Duration::from_secs(until.saturating_sub(seconds(clock)));
        let is_of_level =
            |armed: &Armed| matches!(armed.matcher, Matcher::Token) && armed.wish.level == level;
        let expires = |armed: &Armed| armed.expires;
        let list = self.list();
        let armed = list.iter().filter(|it| is_of_level(it)).map(expires).max();
        let wish = Override::new(Scope::Token, level, lasts)
            .reason("a request asks for it")
            .source(SOURCE);
        let wanted = self.now().saturating_add(nanos(lasts));
        if armed.is_some_and(|expires| expires >= wanted) {
            return;
        }
        let id = self.next_id();
        // without room for it the request is answered as any other
        let _full = self
            .arm(id, wish)
            .and_then(|armed| self.change(is_of_level, vec![armed]));
    }
}

/// Tokens, and what they make verbose.
struct Accepting {
    tokens: Tokens,
    verbosity: Verbosity,
}

impl verbose::Tokens for Accepting {
    fn header(&self) -> &HeaderName {
        &self.tokens.header
    }

    fn check(&self, token: &str) -> Option<Grant> {
        let now = seconds(&self.verbosity.0.settings.clock);
        let (level, until) = self.tokens.check(token, now)?;
        self.verbosity.arm_tokens(level, until);
        Grant::new(u8::try_from(number(level)).ok()?, until)
    }

    fn pass_on(&self, grant: Grant, host: &str) -> Option<String> {
        if !self.tokens.may_go_to(host) {
            return None;
        }
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];
        let is_granted = |level: &Level| number(*level) == grant.level();
        let level = levels.into_iter().find(is_granted).unwrap_or(Level::TRACE);
        Some(self.tokens.sign(level, grant.until()))
    }
}

/// The secret is too short to keep anybody from guessing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError(());

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the secret of verbose requests is shorter than 32 bytes; make one with \
             `openssl rand -hex 32`",
        )
    }
}

impl Error for TokenError {}

fn claim(level: Level, until: u64) -> String {
    let level = level.as_str().to_ascii_lowercase();
    format!("{PREFIX}.{level}.{until}")
}

fn signed(claim: &str) -> Vec<u8> {
    [PURPOSE, claim.as_bytes()].concat()
}

/// The second of the Unix epoch.
fn seconds(clock: &Clock) -> u64 {
    clock.now().unix_nanos() / 1_000_000_000
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
    const NOW: u64 = 1_795_270_981;

    fn tokens() -> Tokens {
        Tokens::new(SECRET).unwrap()
    }

    #[test]
    fn a_token_is_what_others_compute() {
        // printf '…v1.debug.1795271000' | openssl dgst -sha256 -hmac … -binary | basenc --base64url
        let token = tokens().sign(Level::DEBUG, 1_795_271_000);
        assert_eq!(
            token,
            "v1.debug.1795271000.bGLNFxSc-PRcfBxDEhmLB0YWDiuIb8TJKzDg48FMq-k"
        );
    }

    #[test]
    fn a_token_lasts_until_its_expiry_and_not_a_second_longer() {
        let tokens = tokens();
        let token = tokens.sign(Level::TRACE, NOW + 60);
        assert_eq!(tokens.check(&token, NOW), Some((Level::TRACE, NOW + 60)));
        assert!(tokens.check(&token, NOW + 59).is_some());
        assert_eq!(tokens.check(&token, NOW + 60), None);
        let day = 24 * 60 * 60;
        assert!(
            tokens
                .check(&tokens.sign(Level::INFO, NOW + day), NOW)
                .is_some()
        );
        assert_eq!(
            tokens.check(&tokens.sign(Level::INFO, NOW + day + 1), NOW),
            None
        );
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        assert!(Tokens::new(&SECRET[1..]).is_err());
        assert!(!format!("{:?}", tokens()).contains("0123"));
    }

    #[test]
    fn only_listed_hosts_get_it() {
        let tokens = tokens().hosts(["stock.internal", "*.Svc.local"]);
        for allowed in [
            "stock.internal",
            "STOCK.internal",
            "a.svc.local",
            "a.b.svc.local",
        ] {
            assert!(tokens.may_go_to(allowed), "{allowed}");
        }
        for other in [
            "x.stock.internal",
            "svc.local",
            ".svc.local",
            "evilsvc.local",
            "a.svc.local.evil",
            "",
        ] {
            assert!(!tokens.may_go_to(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_changed_makes_it_void(at in 0_usize..60, to in "[ -~]") {
            let tokens = tokens();
            let mut token = tokens.sign(Level::DEBUG, NOW + 60);
            prop_assume!(at < token.len() && token[at..=at] != *to);
            token.replace_range(at..=at, &to);
            prop_assert_eq!(tokens.check(&token, NOW), None);
        }

        #[test]
        fn any_text_is_judged_without_harm(text in ".{0,120}") {
            prop_assert_eq!(tokens().check(&text, NOW), None);
        }
    }
}
