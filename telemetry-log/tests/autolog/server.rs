//! An auto-log service that does as it is told, over real sockets.
#![allow(dead_code, reason = "no test uses all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What it does with a question.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with a tag, and holds a question whose tag is the same.
    Holds,
    /// Answers with a tag, and never holds.
    Tags,
    /// Answers without a tag.
    Plain,
    /// Takes the request and says nothing.
    Hangs,
    /// Answers with this status and these headers.
    Refuses(&'static str, String),
}

/// What it knows.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) manner: Manner,
    pub(crate) body: String,
    /// A `Date` other than that of the machine.
    pub(crate) date: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    changed: Condvar,
    requests: Mutex<Vec<Request>>,
    open: Mutex<Vec<TcpStream>>,
    ends: AtomicBool,
}

pub(crate) const NO_SESSION: &str = r#"{"enabled":false}"#;

impl Server {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), manner)
    }

    pub(crate) fn start_at(address: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script {
            manner,
            body: NO_SESSION.to_owned(),
            date: None,
        };
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            changed: Condvar::new(),
            requests: Mutex::default(),
            open: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.ends.load(Ordering::SeqCst) {
                    return;
                }
                let connection = connection.unwrap();
                let copy = connection.try_clone().unwrap();
                serving.open.lock().unwrap().push(copy);
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(connection));
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what it knows; held questions are answered.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.script.lock().unwrap());
        self.shared.changed.notify_all();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Ends it: nobody listens any more, and open connections break.
    pub(crate) fn die(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.shared.ends.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        drop(TcpStream::connect(self.address));
        acceptor.join().unwrap();
        for connection in self.shared.open.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.die();
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |line: &String| {
            let (key, value) = line.split_once(": ")?;
            Some((key.to_owned(), value.to_owned()))
        };
        let headers: Vec<_> = lines[1..].iter().filter_map(header).collect();
        let length = headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Self {
            line: lines.swap_remove(0),
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) {
        let mut answers = connection.try_clone().unwrap();
        let mut stream = BufReader::new(connection);
        while let Some(request) = Request::read(&mut stream) {
            self.requests.lock().unwrap().push(request.clone());
            let Some(answer) = self.answer(&request) else {
                return;
            };
            if answers.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// None if it ended meanwhile.
    fn answer(&self, request: &Request) -> Option<String> {
        let mut script = self.script.lock().unwrap();
        if request.line.starts_with("POST") && !matches!(script.manner, Manner::Refuses(..)) {
            return Some(answer("200 OK", "", r#"{"count":1}"#));
        }
        loop {
            if self.ends.load(Ordering::SeqCst) {
                return None;
            }
            let date = script.date.as_ref().map(|date| format!("Date: {date}\r\n"));
            let date = date.unwrap_or_default();
            let tag = tag(&script.body);
            let is_known = request.header("if-none-match") == Some(&tag);
            let headers = format!("{date}ETag: {tag}\r\n");
            match &script.manner {
                Manner::Plain => return Some(answer("200 OK", &date, &script.body)),
                Manner::Refuses(status, headers) => return Some(answer(status, headers, "")),
                Manner::Holds | Manner::Tags if !is_known => {
                    return Some(answer("200 OK", &headers, &script.body));
                }
                Manner::Tags => return Some(answer("304 Not Modified", &headers, "")),
                Manner::Holds | Manner::Hangs => script = self.wait(script),
            }
        }
    }

    fn wait<'a>(&self, script: MutexGuard<'a, Script>) -> MutexGuard<'a, Script> {
        let patience = Duration::from_secs(55);
        self.changed.wait_timeout(script, patience).unwrap().0
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = match status.starts_with("304") {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("HTTP/1.1 {status}\r\n{headers}{length}\r\n{body}")
}

fn tag(body: &str) -> String {
    let sum = body
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    format!("W/\"{sum:x}\"")
}
