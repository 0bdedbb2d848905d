//! Many clients that wait at one instance: how soon a toggle reaches them, and what one takes.
//!
//! ```text
//! cargo build --release -p telemetry-autolog
//! cargo run --release -p telemetry-autolog --example long_poll_load -- target/release/telemetry-autolog [clients] [redis URL]
//! ```
//!
//! Exits with an error if 99 percent of them are not reached within 1 s, or the last within 2 s.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::error::Error;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

type Failure = Box<dyn Error + Send + Sync>;

const CHECK: &str = "/api/autolog/check?app=shop&environment=production";
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments
        .next()
        .ok_or("name the program telemetry-autolog")?;
    let clients = arguments
        .next()
        .map_or(Ok(2000), |clients| clients.parse())?;
    let store = arguments.next().unwrap_or_else(|| "memory".to_owned());
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let server = Server(
        Command::new(program)
            .env("PORT", port.to_string())
            .env("AUTOLOG_STORE", &store)
            .env("OTEL_SDK_DISABLED", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while TcpStream::connect(address).await.is_err() {
        sleep(Duration::from_millis(20)).await;
    }
    let store = store.split(':').next().unwrap_or_default().to_owned();
    measure(address, &server, clients, &store).await
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn measure(
    address: SocketAddr,
    server: &Server,
    clients: usize,
    store: &str,
) -> Result<(), Failure> {
    let mut sockets = Vec::new();
    let tag = toggle(address, false).await?;
    let before = resident(server)?;
    for _ in 0..clients {
        sockets.push(TcpStream::connect(address).await?);
    }
    println!("| store | clients | toggle | 50 % | 99 % | last | memory per waiting client |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let (mut worst, mut tag) = ([Duration::ZERO; 2], tag);
    for round in 0..ROUNDS {
        let mut waiting = JoinSet::new();
        for socket in sockets.drain(..) {
            waiting.spawn(wait(socket, tag.clone()));
        }
        sleep(Duration::from_secs(2)).await;
        let each = resident(server)?.saturating_sub(before) / u64::try_from(clients)?;
        let open = round % 2 == 0;
        let start = Instant::now();
        tag = toggle(address, open).await?;
        let mut took = Vec::new();
        while let Some(woken) = waiting.join_next().await {
            let (socket, at) = woken??;
            sockets.push(socket);
            took.push(at.saturating_duration_since(start));
        }
        took.sort();
        let at = |share: usize| {
            took.get(took.len() * share / 100)
                .or(took.last())
                .copied()
                .unwrap_or_default()
        };
        let word = if open { "open" } else { "close" };
        let [half, most, last] = [50, 99, 100].map(|share| at(share).as_millis());
        println!(
            "| {store} | {clients} | {word} | {half} ms | {most} ms | {last} ms | {each} bytes |"
        );
        worst = [worst[0].max(at(99)), worst[1].max(at(100))];
    }
    if worst[0] >= Duration::from_secs(1) || worst[1] >= Duration::from_secs(2) {
        return Err(format!(
            "too slow: 99 % within {:.2?}, the last within {:.2?}",
            worst[0], worst[1]
        )
        .into());
    }
    Ok(())
}

/// Waits for the answer to change; when that came.
async fn wait(mut socket: TcpStream, tag: String) -> Result<(TcpStream, Instant), Failure> {
    let request =
        format!("GET {CHECK}&wait=55 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = [0; 4096];
    let read = socket.read(&mut answer).await?;
    let at = Instant::now();
    if !answer
        .get(..read)
        .is_some_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
    {
        return Err("a client was not told of the change".into());
    }
    Ok((socket, at))
}

/// Opens or closes the session; the tag of the answer from then on.
async fn toggle(address: SocketAddr, open: bool) -> Result<String, Failure> {
    let body = r#"{"app":"shop","environment":"production","service":"shop"}"#;
    let word = if open { "enable" } else { "disable" };
    let length = body.len();
    let toggle = format!(
        "POST /api/autolog/{word} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    ask(address, &toggle).await?;
    let answer = ask(
        address,
        &format!("GET {CHECK} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
    .await?;
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: "));
    Ok(tag.ok_or("no tag")?.to_owned())
}

async fn ask(address: SocketAddr, request: &str) -> Result<String, Failure> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The resident memory of the service, in bytes, as Linux tells it.
fn resident(server: &Server) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.0.id()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
