//! Where a client's requests go.

use std::sync::Arc;

use opentelemetry::KeyValue;

use super::table::{Table, weak_hash};
use crate::authority::HostAndPort;
use crate::semconv;

/// A server, as a client names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    host: Box<str>,
    port: Option<u16>,
}

thread_local! {
    static PEERS: Table<Arc<Peer>, Arc<Peer>, 16> = const { Table::new() };
}

impl Peer {
    /// One that this thread knows, or a new one.
    pub(crate) fn of(named: HostAndPort<'_>) -> Arc<Self> {
        let mut known = None;
        let _ended = PEERS.try_with(|table| {
            table.with(
                0,
                hash(named.host, named.port),
                |peer| *peer.host == *named.host && peer.port == named.port,
                || {
                    let peer = Arc::new(Self::new(named));
                    (Arc::clone(&peer), peer)
                },
                |peer| known = Some(Arc::clone(peer)),
            )
        });
        known.unwrap_or_else(|| Arc::new(Self::new(named)))
    }

    fn new(named: HostAndPort<'_>) -> Self {
        Self {
            host: named.host.into(),
            port: named.port,
        }
    }

    #[inline]
    pub(super) fn hash(&self) -> u64 {
        hash(&self.host, self.port)
    }

    pub(super) fn describe(&self, attributes: &mut Vec<KeyValue>) {
        let host = self.host.to_string();
        attributes.push(KeyValue::new(semconv::SERVER_ADDRESS, host));
        if let Some(port) = self.port {
            attributes.push(KeyValue::new(semconv::SERVER_PORT, i64::from(port)));
        }
    }
}

#[inline]
fn hash(host: &str, port: Option<u16>) -> u64 {
    weak_hash(host) ^ u64::from(port.unwrap_or_default()) << 8
}
