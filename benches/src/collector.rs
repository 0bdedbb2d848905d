//! A collector over HTTP/1.1 that answers at once.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// What it says to a request, head and body.
type Answer = fn(&[u8]) -> String;

/// Listens until the process ends.
pub(crate) fn start(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || converse(stream.unwrap(), answer));
        }
    });
    address
}

/// Reads requests and answers each with 200.
fn converse(mut stream: TcpStream, answer: Answer) {
    let mut buffer = vec![0; 1 << 20];
    let mut filled = 0;
    while let Ok(read) = stream.read(&mut buffer[filled..]) {
        filled += read;
        if read == 0 {
            return;
        }
        while let Some(length) = request_length(&buffer[..filled]) {
            if filled < length {
                break;
            }
            let body = answer(&buffer[..length]);
            buffer.copy_within(length..filled, 0);
            filled -= length;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// The length of the first request, head and body, once its head is complete.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = head_length(bytes)?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().ok())?
    });
    Some(head + length.unwrap_or(0))
}

/// The length of a head with the empty line that ends it.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}
