//! Whether telemetry stays small and keeps its books at full speed, and with huge spans.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::collector::{Collector, Temper};
use crate::faults::median;
use crate::program::Program;

/// Memory is expected to be flat from here on.
const WARM_UP: Duration = Duration::from_secs(10);

/// The most that the peak of the wide runs may be, in MiB.
const WIDE_PEAK: f64 = 180.0;

/// How a program is run.
struct Run {
    name: &'static str,
    program: &'static str,
    temper: Temper,
    variables: Vec<(&'static str, &'static str)>,
}

/// What came of it.
struct Outcome {
    name: &'static str,
    /// Resident memory in MiB, with the time since the start.
    memory: Vec<(Duration, f64)>,
    said: BTreeMap<String, String>,
    requests: u64,
    accepted: u64,
}

/// Runs all and prints two tables. An unbalanced book or too much memory is a failure.
pub(crate) fn run(time: Duration) -> Result<(), Failure> {
    let outcomes = runs()
        .into_iter()
        .map(|run| run.measure(time))
        .collect::<Result<Vec<_>, _>>()?;
    println!("\n{} s each. Memory:\n", time.as_secs());
    println!("| run | spans/s | CPU, cores | median MiB | last MiB | peak MiB | slope, KiB/s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for outcome in &outcomes {
        outcome.print_memory()?;
    }
    println!("\nBooks:\n");
    println!(
        "| run | made | created | exported | dropped | pending | collector took | requests | shutdown |"
    );
    println!("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |");
    for outcome in &outcomes {
        outcome.print_books()?;
    }
    outcomes.iter().try_for_each(Outcome::judge)
}

fn runs() -> Vec<Run> {
    let flaky = |name, protocol| Run {
        name,
        program: "full-speed",
        temper: Temper::HalfBroken,
        variables: vec![
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ],
    };
    let wide = |name, limit| Run {
        name,
        program: "wide",
        temper: Temper::Hanging,
        variables: vec![
            ("OTEL_BSP_MAX_QUEUE_SIZE", "1000"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5000"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "3000"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", limit),
        ],
    };
    vec![
        flaky("full speed, half fails, HTTP", "http/protobuf"),
        flaky("full speed, half fails, gRPC", "grpc"),
        wide("400 attributes, limit 400, hanging", "400"),
        wide("400 attributes, limit 128, hanging", "128"),
    ]
}

impl Run {
    fn measure(self, time: Duration) -> Result<Outcome, Failure> {
        let collector = Collector::start(self.temper)?;
        let variables: Vec<_> = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_LOGS_EXPORTER", "none".to_owned()),
            ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ]
        .into_iter()
        .chain(
            self.variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        )
        .collect();
        let seconds = time.as_secs().to_string();
        let began = Instant::now();
        let program = Program::start(&[self.program, &seconds], &variables)?;
        let mut memory = Vec::new();
        for second in 1..time.as_secs() {
            let due = began + Duration::from_secs(second);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            memory.push((began.elapsed(), program.usage()?.resident as f64 / 1024.0));
        }
        let said = program.finish()?;
        let (requests, accepted) = collector.counts();
        Ok(Outcome {
            name: self.name,
            memory,
            said,
            requests,
            accepted,
        })
    }
}

impl Outcome {
    fn text(&self, key: &str) -> &str {
        self.said.get(key).map_or("", String::as_str)
    }

    fn number(&self, key: &str) -> Result<f64, Failure> {
        let text = self.text(key);
        text.parse()
            .map_err(|_| format!("{}: {key}={text:?}", self.name).into())
    }

    fn count(&self, key: &str) -> Result<u64, Failure> {
        let text = self.text(key);
        text.parse()
            .map_err(|_| format!("{}: {key}={text:?}", self.name).into())
    }

    fn peak(&self) -> Result<f64, Failure> {
        Ok(self.number("peak")? / 1024.0)
    }

    /// The samples after the warm-up; all of them in a run that is shorter.
    fn warm(&self) -> &[(Duration, f64)] {
        let first = self.memory.partition_point(|(at, _)| *at < WARM_UP);
        match self.memory.get(first..) {
            Some(warm) if warm.len() > 1 => warm,
            _ => &self.memory,
        }
    }

    fn print_memory(&self) -> Result<(), Failure> {
        let warm = self.warm();
        let seconds = self.number("seconds")?;
        println!(
            "| {} | {:.0} | {:.2} | {:.1} | {:.1} | {:.1} | {:+.1} |",
            self.name,
            self.number("made")? / seconds,
            self.number("cpu")? / seconds,
            median(warm.iter().map(|(_, memory)| *memory).collect()),
            warm.last().map_or(f64::NAN, |(_, memory)| *memory),
            self.peak()?,
            slope(warm) * 1024.0,
        );
        Ok(())
    }

    fn print_books(&self) -> Result<(), Failure> {
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.1} s |",
            self.name,
            self.text("made"),
            self.text("created"),
            self.text("exported"),
            self.text("reasons"),
            self.text("pending"),
            self.accepted,
            self.requests,
            self.number("shutdown_seconds")?,
        );
        Ok(())
    }

    /// Every span is in the books, and the collector's books agree: it has what counts as exported,
    /// and beyond it at most what counts as unconfirmed.
    fn judge(&self) -> Result<(), Failure> {
        let exported = self.count("exported")?;
        let unconfirmed = self.count("unconfirmed")?;
        let balanced = self.text("balances") == "true"
            && self.count("pending")? == 0
            && self.count("made")? == self.count("created")?;
        if !balanced {
            return Err(format!("{}: the books do not balance", self.name).into());
        }
        if !(exported..=exported + unconfirmed).contains(&self.accepted) {
            let accepted = self.accepted;
            return Err(format!(
                "{}: the collector took {accepted}, not {exported} to {}",
                self.name,
                exported + unconfirmed
            )
            .into());
        }
        if self.peak()? > WIDE_PEAK {
            return Err(format!("{}: more than {WIDE_PEAK} MiB", self.name).into());
        }
        Ok(())
    }
}

/// The slope of the line of least squares, per second.
pub(crate) fn slope(samples: &[(Duration, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean_time = samples.iter().map(|(at, _)| at.as_secs_f64()).sum::<f64>() / count;
    let mean = samples.iter().map(|(_, value)| value).sum::<f64>() / count;
    let (above, below) = samples
        .iter()
        .fold((0.0, 0.0), |(above, below), (at, value)| {
            let time = at.as_secs_f64() - mean_time;
            (above + time * (value - mean), below + time * time)
        });
    above / below
}
