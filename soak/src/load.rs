//! A load of fixed rate: requests go out when they are due, whether or not the service is slow.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Failure;

/// Connections, each with a thread.
const CONNECTIONS: u32 = 8;

/// Requests per second, over all connections.
pub(crate) const RATE: u32 = 2000;

const REQUEST: &[u8] = b"GET /work/ada HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Asks for `time`; how long each answer took, in order of length.
///
/// A request that had to wait for the one before it counts from when it was due, so that a stall
/// is seen by all whom it would have met. That the load's own thread woke late is not counted.
pub(crate) fn ask(address: SocketAddr, time: Duration) -> Result<Vec<Duration>, Failure> {
    let began = Instant::now() + Duration::from_millis(20);
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let first = began + number * Duration::from_secs(1) / RATE;
            std::thread::spawn(move || connection(address, first, began + time))
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| "a load thread panicked")??);
    }
    all.sort_unstable();
    Ok(all)
}

/// The duration that `share` of all stay within.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is a valid index"
    )]
    let index = (sorted.len() as f64 * share) as usize;
    let index = index.min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

fn connection(
    address: SocketAddr,
    first: Instant,
    until: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut due = first;
    let mut buffer = [0; 4096];
    while due < until {
        let ahead = due.saturating_duration_since(Instant::now());
        let from = if ahead.is_zero() {
            due
        } else {
            std::thread::sleep(ahead);
            Instant::now()
        };
        socket.write_all(REQUEST)?;
        read_answer(&mut socket, &mut buffer)?;
        latencies.push(from.elapsed());
        due += Duration::from_secs(1) * CONNECTIONS / RATE;
    }
    Ok(latencies)
}

fn read_answer(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<(), Failure> {
    let mut filled = 0;
    loop {
        let space = buffer.get_mut(filled..).unwrap_or_default();
        let read = socket.read(space)?;
        if read == 0 {
            return Err("the service closed the connection, or its answer is too long".into());
        }
        filled += read;
        let text = std::str::from_utf8(buffer.get(..filled).unwrap_or_default())?;
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= content_length(head)?
        {
            return Ok(());
        }
    }
}

fn content_length(head: &str) -> Result<usize, Failure> {
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("the service answered {head:?}").into());
    }
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    Ok(length.ok_or("the answer has no length")?.parse()?)
}
