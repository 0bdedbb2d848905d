//! Host and port, as a client wrote them.

use http::{HeaderMap, Uri, header};

/// The host and the port that a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostAndPort<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

/// The longest name in the DNS, RFC 1035 section 2.3.4: what is longer is no host.
const MAX_HOST: usize = 255;

/// Where a request was sent: the target's authority, or the `Host` header.
pub(crate) fn of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<HostAndPort<'a>> {
    match uri.authority() {
        Some(authority) => parse(authority.as_str()),
        None => parse(headers.get(header::HOST)?.to_str().ok()?),
    }
}

/// Splits `host[:port]`, where the host may be an IPv6 address in brackets. `None` for what is
/// no authority; user information is left out.
fn parse(authority: &str) -> Option<HostAndPort<'_>> {
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let valid = !host.is_empty() && host.len() <= MAX_HOST && host.bytes().all(is_of_host);
    valid.then_some(HostAndPort { host, port })
}

/// The characters of names, IPv4 and IPv6 addresses, RFC 3986 section 3.2.2.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host_and_port(host: &str, port: Option<u16>) -> Option<HostAndPort<'_>> {
        Some(HostAndPort { host, port })
    }

    #[test]
    fn hosts_and_ports_are_split() {
        assert_eq!(parse("shop.example"), host_and_port("shop.example", None));
        assert_eq!(parse("[::1]:3000"), host_and_port("::1", Some(3000)));
        assert_eq!(parse("a:80"), host_and_port("a", Some(80)));
        assert_eq!(parse("me:secret@a:80"), host_and_port("a", Some(80)));
        assert_eq!(parse("a:"), host_and_port("a", None));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for nonsense in ["", ":80", "a b", "a:b", "a:65536", "[::1", "[::1]x", "a/b"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(parse(&"a".repeat(256)), None);
    }

    proptest! {
        #[test]
        fn an_address_is_read_back(ip: std::net::IpAddr, port: u16) {
            let address = std::net::SocketAddr::new(ip, port);
            let text = address.to_string();
            let read = parse(&text).unwrap();
            prop_assert_eq!(read.port, Some(address.port()));
            prop_assert_eq!(read.host.parse::<std::net::IpAddr>().unwrap(), address.ip());
        }
    }
}
