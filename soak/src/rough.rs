//! Whether a service at full speed stays small and right while its clients leave at random points.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::collector::{Collector, Temper};
use crate::faults::median;
use crate::leavers::Leavers;
use crate::program::Program;
use crate::soak::slope;

/// How much larger the last third of a run may be than the one before, in MiB.
const GROWTH: f64 = 4.0;

/// The shortest run whose memory says anything.
const LONG_ENOUGH: usize = 15;

/// What came of a run.
struct Outcome {
    asked: u64,
    left: u64,
    memory: Vec<(Duration, f64)>,
    said: BTreeMap<String, String>,
    accepted: u64,
    seconds: f64,
}

/// Runs it and prints a table. A gauge that is not zero, an unbalanced book or memory that grows is
/// a failure.
pub(crate) fn run(time: Duration) -> Result<(), Failure> {
    let outcome = measure(time)?;
    outcome.print()?;
    outcome.judge()
}

fn measure(time: Duration) -> Result<Outcome, Failure> {
    let collector = Collector::start(Temper::Healthy)?;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_LOGS_EXPORTER", "none".to_owned()),
        ("OTEL_METRICS_EXPORTER", "none".to_owned()),
    ];
    let mut program = Program::start(&["rough"], &variables)?;
    let address: SocketAddr = match program.next()? {
        Some((_, address)) => address.parse()?,
        None => return Err("the service did not start".into()),
    };
    let began = Instant::now();
    let leavers = Leavers::start(address);
    let wrk = full_speed(address, time)?;
    let mut memory = Vec::new();
    for second in 1..=time.as_secs() {
        let due = began + Duration::from_secs(second);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        memory.push((began.elapsed(), program.usage()?.resident as f64 / 1024.0));
    }
    let asked = requests(wrk)?;
    let left = leavers.stop()?;
    let seconds = began.elapsed().as_secs_f64();
    let said = program.finish()?;
    let (_, accepted) = collector.counts();
    Ok(Outcome {
        asked,
        left,
        memory,
        said,
        accepted,
        seconds,
    })
}

fn full_speed(address: SocketAddr, time: Duration) -> Result<Child, Failure> {
    let seconds = format!("-d{}s", time.as_secs());
    let url = format!("http://{address}/plain");
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", "-c64", &seconds, &url]);
    let wrk = wrk.stdout(Stdio::piped()).spawn();
    wrk.map_err(|error| format!("wrk does not run ({error}); scripts/load installs it").into())
}

/// How many answers wrk has read.
fn requests(wrk: Child) -> Result<u64, Failure> {
    let output = wrk.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.split_once(" requests in "));
    let (count, _) = line.ok_or_else(|| format!("wrk counted nothing: {text}"))?;
    Ok(count.trim().parse()?)
}

impl Outcome {
    fn text(&self, key: &str) -> &str {
        self.said.get(key).map_or("", String::as_str)
    }

    fn count(&self, key: &str) -> Result<u64, Failure> {
        let text = self.text(key);
        text.parse().map_err(|_| format!("{key}={text:?}").into())
    }

    fn print(&self) -> Result<(), Failure> {
        println!(
            "\n{:.0} s at full speed, with clients that leave:\n",
            self.seconds
        );
        println!("| | |\n| --- | ---: |");
        println!("| requests of wrk | {} |", self.asked);
        println!("| requests of clients that leave | {} |", self.left);
        println!("| requests measured | {} |", self.text("measured"));
        let per_second = self.count("measured")? as f64 / self.seconds;
        println!("| a second | {per_second:.0} |");
        println!("| of them cancelled | {} |", self.text("cancelled"));
        println!("| active in the end | {} |", self.text("active"));
        println!("| spans created | {} |", self.text("created"));
        println!("| exported | {} |", self.text("exported"));
        println!("| dropped | {} |", self.text("reasons"));
        println!("| pending | {} |", self.text("pending"));
        println!("| the collector took | {} |", self.accepted);
        println!("| books balance | {} |", self.text("balances"));
        for (name, third) in ["first", "second", "last"].iter().zip(self.thirds()) {
            println!(
                "| memory, {name} third, median MiB | {:.1} |",
                median(third)
            );
        }
        let warm = self.memory.get(self.memory.len() / 3..).unwrap_or_default();
        println!(
            "| slope after the first, KiB/s | {:+.1} |",
            slope(warm) * 1024.0
        );
        let peak = self.count("peak")? as f64 / 1024.0;
        println!("| peak MiB | {peak:.1} |");
        Ok(())
    }

    fn thirds(&self) -> [Vec<f64>; 3] {
        let third = self.memory.len() / 3;
        let part = |range: Range<usize>| {
            let samples: Option<&[(Duration, f64)]> = self.memory.get(range);
            let samples = samples.unwrap_or_default().iter();
            samples.map(|(_, memory)| *memory).collect()
        };
        [
            part(0..third.max(1)),
            part(third..2 * third.max(1)),
            part(2 * third..self.memory.len()),
        ]
    }

    fn judge(&self) -> Result<(), Failure> {
        if self.text("active") != "0" {
            return Err(format!("{} requests are still active", self.text("active")).into());
        }
        let [measured, created] = [self.count("measured")?, self.count("created")?];
        if measured != created || measured < self.asked {
            return Err(format!("{measured} requests have {created} spans").into());
        }
        if self.text("balances") != "true" || self.count("pending")? != 0 {
            return Err("the books do not balance".into());
        }
        let exported = self.count("exported")?;
        if !(exported..=exported + self.count("unconfirmed")?).contains(&self.accepted) {
            let accepted = self.accepted;
            return Err(format!("the collector took {accepted}, not {exported}").into());
        }
        if self.count("cancelled")? == 0 {
            return Err("nobody has left in time".into());
        }
        let [_, before, last] = self.thirds().map(median);
        if self.memory.len() >= LONG_ENOUGH && last - before > GROWTH {
            return Err(format!("memory has grown from {before:.1} to {last:.1} MiB").into());
        }
        Ok(())
    }
}
