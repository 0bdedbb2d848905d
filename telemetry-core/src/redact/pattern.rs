//! Secrets that are recognised by their form.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use regex_lite::Regex;

use super::{REDACTED, card, email, token};

/// A form by which secrets within text are recognised.
///
/// Searching takes time linear in the text, whatever it holds.
#[derive(Clone, Debug)]
pub struct Pattern(Form);

#[derive(Clone, Debug)]
enum Form {
    Bearer,
    Jwt,
    Card,
    Email,
    Expression {
        regex: Regex,
        literal: Option<Box<str>>,
    },
}

impl Pattern {
    /// What follows `Bearer` in any case, if it has at least 8 characters:
    /// <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>.
    pub const BEARER: Self = Self(Form::Bearer);
    /// JSON Web Tokens, signed or not: <https://www.rfc-editor.org/rfc/rfc7519>.
    pub const JWT: Self = Self(Form::Jwt);
    /// Numbers of payment cards: 13 to 19 digits whose check digit is right, in groups or not.
    /// Digits within longer numbers or words are none.
    pub const CARD: Self = Self(Form::Card);
    /// E-mail addresses.
    pub const EMAIL: Self = Self(Form::Email);

    /// The patterns that have a name: `bearer`, `jwt`, `card`, `email`.
    pub const NAMED: [(&str, Self); 4] = [
        ("bearer", Self::BEARER),
        ("jwt", Self::JWT),
        ("card", Self::CARD),
        ("email", Self::EMAIL),
    ];

    /// Any regular expression, in the syntax of <https://docs.rs/regex-lite>. All that it matches
    /// is hidden.
    ///
    /// ```
    /// use telemetry_core::redact::Pattern;
    ///
    /// let stripe = Pattern::regex(r"sk_live_\w+")?.only_with("sk_live_");
    /// # Ok::<(), telemetry_core::redact::PatternError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PatternError`] if it is none, or too large.
    pub fn regex(expression: &str) -> Result<Self, PatternError> {
        match Regex::new(expression) {
            Ok(regex) => Ok(Self(Form::Expression {
                regex,
                literal: None,
            })),
            Err(source) => Err(PatternError {
                expression: expression.to_owned(),
                reason: source.to_string(),
            }),
        }
    }

    /// Tries a regular expression only on text with these letters in it, which is far cheaper.
    /// For the others it changes nothing: they know by themselves.
    #[must_use]
    pub fn only_with(mut self, text: impl Into<Box<str>>) -> Self {
        if let Form::Expression { literal, .. } = &mut self.0 {
            *literal = Some(text.into());
        }
        self
    }

    /// Which bytes there are in every text that it finds something in.
    fn needs(&self) -> u8 {
        match self.0 {
            Form::Bearer => BLANK | LETTER_R,
            Form::Jwt => DOT | LETTER_J,
            Form::Card => DIGIT,
            Form::Email => AT | DOT,
            Form::Expression { .. } => 0,
        }
    }

    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        match &self.0 {
            Form::Bearer => token::bearer(text, from),
            Form::Jwt => token::jwt(text, from),
            Form::Card => card::find(text, from),
            Form::Email => email::find(text, from),
            Form::Expression { regex, literal } => {
                let fits = literal
                    .as_deref()
                    .is_none_or(|it| text[from..].contains(it));
                fits.then(|| find_expression(regex, text, from)).flatten()
            }
        }
    }

    /// The text without what the pattern finds.
    fn scrub(&self, text: &str) -> Option<String> {
        let mut found = self.find(text, 0)?;
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        loop {
            clean.push_str(&text[done..found.start]);
            clean.push_str(REDACTED);
            done = found.end;
            match self.find(text, done) {
                Some(next) => found = next,
                None => break,
            }
        }
        clean.push_str(&text[done..]);
        Some(clean)
    }
}

/// The next match that is not empty.
fn find_expression(regex: &Regex, text: &str, mut from: usize) -> Option<Range<usize>> {
    loop {
        let found = regex.find_at(text, from)?;
        if !found.is_empty() {
            return Some(found.range());
        }
        from = found.end() + text[found.end()..].chars().next()?.len_utf8();
    }
}

/// Its name, or its expression.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Form::Bearer => "bearer",
            Form::Jwt => "jwt",
            Form::Card => "card",
            Form::Email => "email",
            Form::Expression { regex, .. } => regex.as_str(),
        })
    }
}

/// By name: see [`Pattern::NAMED`].
impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(name: &str) -> Result<Self, PatternError> {
        let named = Self::NAMED
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        named
            .map(|(_, pattern)| pattern)
            .ok_or_else(|| PatternError {
                expression: name.to_owned(),
                reason: "unknown; write bearer, jwt, card or email".to_owned(),
            })
    }
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    expression: String,
    reason: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cannot be searched for: {}",
            self.expression, self.reason
        )
    }
}

impl Error for PatternError {}

const AT: u8 = 1;
const DOT: u8 = 2;
const DIGIT: u8 = 4;
const BLANK: u8 = 8;
const LETTER_J: u8 = 16;
const LETTER_R: u8 = 32;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    class[b'@' as usize] = AT;
    class[b'.' as usize] = DOT;
    class[b' ' as usize] = BLANK;
    class[b'J' as usize] = LETTER_J;
    class[b'r' as usize] = LETTER_R;
    class[b'R' as usize] = LETTER_R;
    let mut digit = b'0' as usize;
    while digit <= b'9' as usize {
        class[digit] = DIGIT;
        digit += 1;
    }
    class
};

/// The text without what any of the patterns finds, one after the other.
pub(super) fn scrub(patterns: &[Pattern], text: &str) -> Option<String> {
    let there = text
        .bytes()
        .fold(0, |there, byte| there | CLASS[usize::from(byte)]);
    let mut clean: Option<String> = None;
    for pattern in patterns {
        let needs = pattern.needs();
        if needs & there != needs {
            continue;
        }
        let next = pattern.scrub(clean.as_deref().unwrap_or(text));
        clean = next.or(clean);
    }
    clean
}
