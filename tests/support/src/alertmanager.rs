use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::free_port;
use crate::prometheus::program;

const POLL: Duration = Duration::from_millis(50);
const START: Duration = Duration::from_secs(30);

/// A real Alertmanager on a free port; it ends when dropped.
#[derive(Debug)]
pub struct Alertmanager {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Alertmanager {
    /// Starts one with this configuration, and waits until it listens.
    ///
    /// `None`, with a line on stderr, where it is not installed: the test is skipped; with `CI=true`
    /// that panics.
    #[must_use]
    pub fn start(config: &str) -> Option<Self> {
        let program = program("prometheus-alertmanager")?;
        let folder = tempfile::tempdir().expect("a folder for Alertmanager");
        fs::write(folder.path().join("alertmanager.yml"), config).expect("its configuration");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let port = free_port();
        let child = Command::new(program)
            .current_dir(folder.path())
            .args(["--config.file=alertmanager.yml", "--storage.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--cluster.listen-address=", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus-alertmanager");
        let alertmanager = Self {
            child,
            port,
            folder,
        };
        let end = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let log = fs::read_to_string(alertmanager.folder.path().join("log"));
            assert!(Instant::now() < end, "Alertmanager does not start: {log:?}");
            thread::sleep(POLL);
        }
        Some(alertmanager)
    }

    /// Where it is: host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
