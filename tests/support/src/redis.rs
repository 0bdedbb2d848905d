use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::free_port;
use crate::prometheus::program;

const POLL: Duration = Duration::from_millis(20);
const START: Duration = Duration::from_secs(30);

/// A real Redis on a free port, which keeps what it was told through its death; it ends when dropped.
#[derive(Debug)]
pub struct Redis {
    child: Mutex<Option<Child>>,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Starts one, and waits until it answers.
    ///
    /// `None`, with a line on stderr, where `redis-server` is not installed: the test is skipped; with
    /// `CI=true` that panics.
    #[must_use]
    pub fn start() -> Option<Self> {
        program("redis-server")?;
        let redis = Self::stopped();
        redis.revive();
        Some(redis)
    }

    /// One that is not there yet: its port is refused until [`revive`](Self::revive).
    #[must_use]
    pub fn stopped() -> Self {
        Self {
            child: Mutex::new(None),
            port: free_port(),
            folder: tempfile::tempdir().expect("a folder for Redis"),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it as a crash would.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// Starts it again, with what it was told before.
    pub fn revive(&self) {
        self.kill();
        let log = fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = Command::new(program("redis-server").expect("redis-server"))
            .current_dir(self.folder.path())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args([
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .expect("redis-server");
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let end = Instant::now() + START;
        while self.ask("PING").as_deref() != Some("+PONG\r\n") {
            let log = || fs::read_to_string(self.folder.path().join("log"));
            assert!(Instant::now() < end, "Redis does not start: {:?}", log());
            thread::sleep(POLL);
        }
    }

    /// What it answers to a command of one line, read once.
    #[must_use]
    pub fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(START)).ok()?;
        write!(stream, "{command}\r\n").ok()?;
        let mut answer = vec![0; 1 << 16];
        let read = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
