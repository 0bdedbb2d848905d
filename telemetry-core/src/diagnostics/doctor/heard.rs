//! What a port answers to a greeting, and so what it speaks.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// A stream of bytes, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What can be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Http1,
    Http2,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Speaks(Language),
    /// A TLS record, or a web server's complaint that TLS is missing.
    Tls,
    /// Bytes of something else.
    Other,
    /// It hung up.
    Closed,
    /// Nothing in time.
    Silence,
}

/// `OPTIONS *` asks for nothing: <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7>.
const HTTP1: &[u8] = b"OPTIONS * HTTP/1.1\r\nConnection: close\r\nHost: ";

/// The preface of a client and its empty SETTINGS: <https://www.rfc-editor.org/rfc/rfc9113#section-3.4>.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Enough for a status line and for the complaint of Go's web server behind its head.
const ENOUGH: usize = 256;

const FRAME_HEAD: usize = 9;

/// Greets in a language and listens for at most `limit`.
pub(super) async fn greet(
    mut stream: impl Stream,
    language: Language,
    host: &str,
    limit: Duration,
) -> Heard {
    let mut answer = Vec::with_capacity(ENOUGH);
    let talk = async {
        let greeting = match language {
            Language::Http1 => [HTTP1, host.as_bytes(), b"\r\n\r\n"].concat(),
            Language::Http2 => HTTP2.to_vec(),
        };
        stream.write_all(&greeting).await.ok()?;
        stream.flush().await.ok()?;
        while answer.len() < ENOUGH && !is_clear(&answer) {
            let room = ENOUGH - answer.len();
            match (&mut stream).take(room as u64).read_buf(&mut answer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
        Some(())
    };
    let ended = timeout(limit, talk).await.is_ok();
    match (judge(&answer), answer.is_empty(), ended) {
        (Some(heard), ..) => heard,
        (None, false, _) => Heard::Other,
        (None, true, true) => Heard::Closed,
        (None, true, false) => Heard::Silence,
    }
}

/// Whether more bytes would not change the judgement. HTTP/1 is read on, because a web server's
/// complaint about TLS stands behind its status line.
fn is_clear(answer: &[u8]) -> bool {
    matches!(judge(answer), Some(heard) if heard != Heard::Speaks(Language::Http1))
        || String::from_utf8_lossy(answer).contains("\r\n\r\n") && answer.ends_with(b"\n")
}

fn judge(answer: &[u8]) -> Option<Heard> {
    match answer {
        // a handshake or an alert of TLS 1.x: <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
        [0x15 | 0x16, 0x03, 0..=4, ..] => Some(Heard::Tls),
        text if text.starts_with(b"HTTP/1.") || text.starts_with(b"HTTP/0.") => {
            let text = String::from_utf8_lossy(text).to_ascii_lowercase();
            let wants_tls = text.contains("http request to an https server")
                || text.contains("plain http request was sent to https port");
            Some(if wants_tls {
                Heard::Tls
            } else {
                Heard::Speaks(Language::Http1)
            })
        }
        // SETTINGS on stream 0, six bytes each: <https://www.rfc-editor.org/rfc/rfc9113#section-6.5>
        [0, 0, len, 4, _, 0, 0, 0, 0, ..] if answer.len() >= FRAME_HEAD && len % 6 == 0 => {
            Some(Heard::Speaks(Language::Http2))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_is_spoken() {
        let http1 = Some(Heard::Speaks(Language::Http1));
        let http2 = Some(Heard::Speaks(Language::Http2));
        // as Go's net/http and nginx answer plain text on their TLS ports
        let go =
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        let nginx = "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port";
        for (bytes, heard) in [
            (&b"HTTP/1.1 501 Unsupported method"[..], http1),
            (b"\0\0\x0c\x04\0\0\0\0\0\0\x03\0\0\0\x64", http2),
            (b"\0\0\0\x04\0\0\0\0\0", http2),
            (b"\0\0\0\x04\0\0\0\0\x01", None),
            (b"\x15\x03\x03\0\x02\x02\x46", Some(Heard::Tls)),
            (go.as_bytes(), Some(Heard::Tls)),
            (nginx.as_bytes(), Some(Heard::Tls)),
            (b"SSH-2.0-OpenSSH_9.2", None),
            (b"", None),
        ] {
            assert_eq!(judge(bytes), heard, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
