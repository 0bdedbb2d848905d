//! Who the client is, behind proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

/// The proxies in front of this server, whose word about the client counts.
///
/// Without them `client.address` is the peer of the connection, because anybody can send a header.
/// With them, the header is read from its end: each trusted hop vouches for the one before it, and
/// the first that is not trusted is the client. A hop that is no address ends the walk.
///
/// The header is `X-Forwarded-For`, unless [`forwarded`](Self::forwarded) says otherwise. Name the
/// one that your proxies write: they pass the other on as the client sent it.
///
/// ```
/// use telemetry_tower::{ServerLayer, TrustedProxies};
///
/// let proxies = TrustedProxies::new(["10.0.0.0/8", "fd00::/8", "192.0.2.7"])?;
/// let layer = ServerLayer::new().trusted_proxies(proxies);
/// # let _ = layer;
/// # Ok::<(), telemetry_tower::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    networks: Arc<[Network]>,
    header: HeaderName,
}

/// A text that is no network, such as `10.0.0.0/8`, and no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork(String);

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl TrustedProxies {
    /// The proxies in these networks, each `address/prefix`, or one address.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] with the first text that is neither.
    pub fn new<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Self, InvalidNetwork> {
        let networks = networks.into_iter().map(|text| text.as_ref().parse());
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
            header: X_FORWARDED_FOR.clone(),
        })
    }

    /// Reads `Forwarded` (RFC 7239) and not `X-Forwarded-For`.
    #[must_use]
    pub fn forwarded(mut self) -> Self {
        self.header = header::FORWARDED;
        self
    }

    /// The client of a request that came from `peer`.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(&self.header);
        let mut lines: Vec<&[u8]> = lines.iter().map(http::HeaderValue::as_bytes).collect();
        let mut hops = Vec::new();
        while self.trusts(client) {
            if hops.is_empty() {
                let Some(line) = lines.pop() else { break };
                hops = self.hops(line);
            }
            let Some(hop) = hops.pop().and_then(|hop| self.address(hop)) else {
                break;
            };
            client = hop.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    fn is_forwarded(&self) -> bool {
        self.header == header::FORWARDED
    }

    /// The hops of a line. What a client sent stands before what proxies added to it: a quote that
    /// it left open would hide their hops, so that nothing in such a line counts.
    fn hops<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        if self.is_forwarded() {
            split(line, b',').unwrap_or_else(|| vec![UNREADABLE])
        } else {
            line.split(|byte| *byte == b',').collect()
        }
    }

    fn address(&self, hop: &[u8]) -> Option<IpAddr> {
        if self.is_forwarded() {
            let pairs = split(hop, b';')?;
            let node = pairs.iter().find_map(|pair| {
                let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })?;
            parse_node(node.trim().trim_matches('"'))
        } else {
            parse_node(std::str::from_utf8(hop).ok()?.trim())
        }
    }
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let differing = ours.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        parse_network(text.trim()).ok_or_else(|| InvalidNetwork(text.to_owned()))
    }
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{text:?} is no network; write an address, or address/prefix such as 10.0.0.0/8"
        )
    }
}

impl std::error::Error for InvalidNetwork {}

fn parse_network(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(bits);
    if prefix > bits {
        return None;
    }
    // an IPv4 network that is written in IPv6, RFC 4291 section 2.5.5.2
    Some(match address.to_canonical() {
        canonical if canonical == address => Network { address, prefix },
        canonical => Network {
            address: canonical,
            prefix: prefix.checked_sub(96)?,
        },
    })
}

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn parse_node(node: &str) -> Option<IpAddr> {
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    let host = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => node.split_once(':')?.0,
    };
    host.parse().ok()
}

/// A hop that is no address.
const UNREADABLE: &[u8] = b"?";

/// The parts of a text between separators that are not within quotes; `None` if a quote is left
/// open.
fn split(text: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    let (mut begin, mut quoted, mut escaped) = (0, false, false);
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                parts.push(&text[begin..index]);
                begin = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client<L: AsRef<[u8]>>(proxies: &TrustedProxies, peer: &str, lines: &[L]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = http::HeaderValue::from_bytes(line.as_ref()).unwrap();
            headers.append(&proxies.header, line);
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        client.to_string()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        let proxies = TrustedProxies::new(["10.0.0.0/8", "::1"]).unwrap();
        for (peer, lines, expected) in [
            ("192.0.2.9", &["198.51.100.1"][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            (
                "::1",
                &["6.6.6.6, 198.51.100.1:99 , 10.9.9.9"],
                "198.51.100.1",
            ),
            (
                "::1",
                &["6.6.6.6", "198.51.100.1", "10.9.9.9"],
                "198.51.100.1",
            ),
            ("::1", &["10.1.1.1,10.2.2.2"], "10.1.1.1"),
            ("::1", &["6.6.6.6,unknown,10.2.2.2"], "10.2.2.2"),
            ("::1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("::1", &[""], "::1"),
            ("::1", &["\", 198.51.100.1"], "198.51.100.1"),
            ("::1", &["\u{e9}, 198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(client(&proxies, peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_by_its_grammar() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap().forwarded();
        for (line, expected) in [
            ("for=198.51.100.1;proto=https", "198.51.100.1"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=6.6.6.6;by=\"a,for=7.7.7.7\"", "6.6.6.6"),
            ("proto=http;for=198.51.100.1, for=10.0.0.3", "198.51.100.1"),
            ("for=6.6.6.6, for=_hidden", "10.0.0.1"),
            ("host=a", "10.0.0.1"),
            ("for=6.6.6.6;x=\", for=198.51.100.1", "10.0.0.1"),
            ("for=6.6.6.6;x=\"\\, for=\"198.51.100.1\"", "10.0.0.1"),
            ("x=\u{e9}, for=198.51.100.1", "198.51.100.1"),
        ] {
            assert_eq!(client(&proxies, "10.0.0.1", &[line]), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "a", "10.0.0.0/", "::/129", "10.0/8"] {
            let error = TrustedProxies::new([text]).unwrap_err();
            assert!(error.to_string().contains("10.0.0.0/8"), "{error}");
        }
        let mapped = parse_network("::ffff:10.0.0.0/104").unwrap();
        assert!(mapped.contains("10.200.0.1".parse().unwrap()));
    }

    /// What a client may send in a header, often with what has a meaning there.
    fn sent() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            proptest::sample::select(b"\"\\,;= ".to_vec()),
            proptest::sample::select(b"for6.\t\x80\xc3\xff".to_vec()),
            0x20_u8..0x7f,
        ];
        proptest::collection::vec(byte, 0..40)
    }

    proptest! {
        #[test]
        fn no_client_can_forge_or_hide_what_a_proxy_adds(sent in sent(), quoted: bool) {
            let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
            let line = [&sent[..], b", 1.2.3.4"].concat();
            prop_assert_eq!(client(&proxies, "10.0.0.1", &[line]), "1.2.3.4");
            let added: &[u8] = if quoted { b", for=\"1.2.3.4:80\"" } else { b", for=1.2.3.4" };
            let found = client(&proxies.forwarded(), "10.0.0.1", &[[&sent[..], added].concat()]);
            prop_assert!(found == "1.2.3.4" || found == "10.0.0.1", "{}", found);
        }

        #[test]
        fn nothing_in_a_header_panics_and_strangers_are_not_asked(text in "[ -~]{0,80}", forwarded: bool) {
            let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
            let proxies = if forwarded { proxies.forwarded() } else { proxies };
            client(&proxies, "10.0.0.1", &[&text]);
            prop_assert_eq!(client(&proxies, "192.0.2.1", &[&text]), "192.0.2.1");
        }
    }
}
