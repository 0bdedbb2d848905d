//! Clients that leave at random points.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Failure;

const THREADS: u64 = 4;

/// The requests that are begun; each is cut somewhere, or read to its end.
const REQUESTS: [&[u8]; 4] = [
    b"GET /plain HTTP/1.1\r\nhost: localhost\r\nx-filler: 0123456789\r\n\r\n",
    b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /pieces HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\n01234567890123456789",
];

/// Clients at work. They stop when they are told.
pub(crate) struct Leavers {
    stop: Arc<AtomicBool>,
    left: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Leavers {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let left = Arc::new(AtomicU64::new(0));
        let threads = (1..=THREADS).map(|number| {
            let (stop, left) = (Arc::clone(&stop), Arc::clone(&left));
            std::thread::spawn(move || {
                let mut random = Random(number);
                while !stop.load(Ordering::Relaxed) {
                    match leave(address, &mut random) {
                        Ok(()) => {
                            left.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => std::thread::sleep(Duration::from_millis(5)),
                    }
                }
            })
        });
        let threads = threads.collect();
        Self {
            stop,
            left,
            threads,
        }
    }

    /// Stops them; how often one has left.
    pub(crate) fn stop(self) -> Result<u64, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "a client panicked")?;
        }
        Ok(self.left.load(Ordering::Relaxed))
    }
}

/// Begins a request and leaves: within its head or its body, before the answer, or after some
/// bytes of it, by closing or by a reset.
fn leave(address: SocketAddr, random: &mut Random) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let request = random.one_of(&REQUESTS);
    let cut = match random.below(3) {
        0 => random.below(request.len()),
        _ => request.len(),
    };
    socket.write_all(request.get(..cut).unwrap_or_default())?;
    if cut == request.len() && random.below(2) == 0 {
        let mut some = [0; 200];
        let wanted = 1 + random.below(some.len());
        let _closed = socket.read(some.get_mut(..wanted).unwrap_or_default())?;
    }
    std::thread::sleep(Duration::from_micros(random.next() % 2000));
    Ok(())
}

/// Marsaglia's xorshift: the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of(&mut self, all: &[&'static [u8]]) -> &'static [u8] {
        let index = self.below(all.len());
        all.get(index).copied().unwrap_or_default()
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }
}
