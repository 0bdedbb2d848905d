//! Queries without their secrets.

use std::borrow::Cow;

use crate::secrets;

/// Keys whose values sign or authorise a request: the list of the conventions for `url.query`,
/// version 1.42, and the two that earlier versions had. Matched case-sensitively, as they say.
/// Beside them count keys with a word of a secret, in whichever case.
const SENSITIVE: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "sig",
    "X-Goog-Signature",
    "AWSAccessKeyId",
    "Signature",
];

/// What stands for a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// The query with the values of sensitive keys replaced.
pub(crate) fn redact(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_sensitive) {
        return Cow::Borrowed(query);
    }
    let mut redacted = String::with_capacity(query.len() + REDACTED.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            redacted.push('&');
        }
        match pair.split_once('=') {
            Some((key, _)) if is_sensitive(pair) => {
                redacted.push_str(key);
                redacted.push('=');
                redacted.push_str(REDACTED);
            }
            _ => redacted.push_str(pair),
        }
    }
    Cow::Owned(redacted)
}

fn is_sensitive(pair: &str) -> bool {
    pair.split_once('=')
        .is_some_and(|(key, _)| SENSITIVE.contains(&key) || secrets::is_sensitive(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signatures_are_replaced_and_their_keys_kept() {
        assert_eq!(
            redact("&q=a&sig=secret&x&X-Amz-Signature=b=c"),
            "&q=a&sig=REDACTED&x&X-Amz-Signature=REDACTED"
        );
    }

    #[test]
    fn so_are_the_values_of_keys_with_a_secret_word() {
        assert_eq!(
            redact("access_token=a&q=b&API_KEY=c&user%5Bpassword%5D=d&clientSecret=e=f&monkey=g"),
            "access_token=REDACTED&q=b&API_KEY=REDACTED&user%5Bpassword%5D=REDACTED&clientSecret=REDACTED&monkey=g"
        );
    }

    #[test]
    fn other_queries_are_not_copied() {
        assert!(matches!(redact("q=sig&SIG=1&sig"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_secret_survives(before in "[a-z=&]{0,20}", key in 0..SENSITIVE.len(), after in "(&[a-z=&]{0,20})?") {
            let query = format!("{before}&{}=S3CRET{after}", SENSITIVE[key]);
            prop_assert!(!redact(&query).contains("S3CRET"));
        }
    }
}
