//! Names whose values open doors.

/// Words that say so.
const SECRET_WORDS: [&str; 27] = [
    "accesstoken",
    "apikey",
    "assertion",
    "auth",
    "authentication",
    "authenticate",
    "authorization",
    "cert",
    "cookie",
    "cookie2",
    "credential",
    "credentials",
    "csrf",
    "jwt",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "sessionid",
    "signature",
    "sid",
    "token",
    "xsrf",
];

/// Names that have such a word and no secret.
const HARMLESS: [&str; 2] = ["idempotency-key", "surrogate-key"];

/// Whether the value of a header, or of a key in a query, usually is a secret, by the words of its
/// name in whichever case: `x-api-key`, `access_token`, `user[password]`, `clientSecret`.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let mut runs = name.split('%').enumerate().flat_map(|(index, part)| {
        let part = if index == 0 { part } else { after_sign(part) };
        part.split(|letter: char| !letter.is_alphanumeric())
    });
    runs.any(|run| is_secret(run) || has_secret_hump(run))
        && !HARMLESS.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// What comes after the two digits of an encoded sign, as in `user%5Bpassword%5D`.
fn after_sign(part: &str) -> &str {
    match part.split_at_checked(2) {
        Some((digits, rest)) if digits.bytes().all(|it| it.is_ascii_hexdigit()) => rest,
        _ => part,
    }
}

/// Whether one of the words of a name in camel case is secret.
fn has_secret_hump(run: &str) -> bool {
    let bytes = run.as_bytes();
    let begins = |at: usize| bytes[at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase();
    let mut begin = 0;
    (1..=bytes.len()).any(|end| {
        if end < bytes.len() && !begins(end) {
            return false;
        }
        let hump = &run[begin..end];
        begin = end;
        is_secret(hump)
    })
}

fn is_secret(word: &str) -> bool {
    let mut words = SECRET_WORDS.iter();
    words.any(|secret| secret.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_the_words_of_their_names() {
        for name in [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "x-auth-token",
            "x-csrf-token",
            "x-amz-security-token",
            "www-authenticate",
            "x-goog-iap-jwt-assertion",
            "x-forwarded-client-cert",
            "php_session",
            "access_token",
            "ACCESS_TOKEN",
            "accessToken",
            "clientSecret",
            "apikey",
            "PassWord",
            "user[password]",
            "user%5Bpassword%5D",
            "AWSAccessKeyId",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in [
            "content-type",
            "idempotency-key",
            "x-author",
            "accept",
            "keyboard",
            "monkey",
            "q",
            "",
            "%",
            "%5B",
            "passé",
        ] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
