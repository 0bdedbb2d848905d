//! The whole target of a request, without its secrets.

use http::{HeaderMap, Uri, header};

use crate::query::{REDACTED, redact};

/// The target as `url.full` shows it. A host that it does not name is that of `Host` or of the
/// `origin`; a scheme that nobody knows is left out.
pub(super) fn full(uri: &Uri, headers: &HeaderMap, origin: Option<&Uri>) -> String {
    let host = || headers.get(header::HOST)?.to_str().ok();
    let of_origin = || Some(origin?.authority()?.as_str());
    let own = uri.authority().map(http::uri::Authority::as_str);
    let scheme = uri.scheme_str().or(origin.and_then(Uri::scheme_str));
    let mut full = String::new();
    if let Some(authority) = own.or_else(host).or_else(of_origin) {
        if let Some(scheme) = scheme {
            full.push_str(scheme);
            full.push(':');
        }
        full.push_str("//");
        push_authority(&mut full, authority);
    }
    full.push_str(uri.path());
    if let Some(query) = uri.query() {
        full.push('?');
        full.push_str(&redact(query));
    }
    full
}

fn push_authority(full: &mut String, authority: &str) {
    let Some((user, host)) = authority.rsplit_once('@') else {
        return full.push_str(authority);
    };
    full.push_str(REDACTED);
    if user.contains(':') {
        full.push(':');
        full.push_str(REDACTED);
    }
    full.push('@');
    full.push_str(host);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(uri: &str, host: Option<&'static str>, origin: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        let origin = origin.map(|origin| origin.parse().unwrap());
        full(&uri.parse().unwrap(), &headers, origin.as_ref())
    }

    #[test]
    fn secrets_are_redacted() {
        let secret = "https://me:word@shop.example:8443/users?q=a&sig=secret";
        assert_eq!(
            shown(secret, None, None),
            "https://REDACTED:REDACTED@shop.example:8443/users?q=a&sig=REDACTED"
        );
        assert_eq!(shown("http://token@a/", None, None), "http://REDACTED@a/");
    }

    #[test]
    fn a_host_is_found_where_it_is_named() {
        assert_eq!(
            shown("http://a/x", Some("b"), Some("http://c")),
            "http://a/x"
        );
        assert_eq!(shown("/x?y", Some("b:80"), None), "//b:80/x?y");
        assert_eq!(shown("/x", None, Some("https://c:1")), "https://c:1/x");
        assert_eq!(shown("/x", None, None), "/x");
    }
}
