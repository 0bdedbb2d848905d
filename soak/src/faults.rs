//! Whether a service notices that its collector has a bad day.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::Failure;
use crate::collector::{Collector, Temper};
use crate::load::{self, RATE, ask};
use crate::program::Program;

/// What is compared, and where its telemetry goes; `None` is a service without any.
fn cases() -> Result<Vec<(&'static str, Option<String>)>, Failure> {
    let with = |temper| Collector::start(temper).map(|collector| Some(collector.url()));
    // a port that was just free is refused
    let closed = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    Ok(vec![
        ("bare", None),
        ("bare, once more", None),
        ("healthy", with(Temper::Healthy)?),
        ("closed port", Some(format!("http://{closed}"))),
        ("hanging", with(Temper::Hanging)?),
        ("slow (2 s)", with(Temper::Slow)?),
        ("503", with(Temper::Unavailable)?),
        ("401", with(Temper::Unauthorized)?),
        ("reset", with(Temper::Resetting)?),
        ("half rejected", with(Temper::Partial)?),
        ("half of requests fail", with(Temper::HalfBroken)?),
        (
            "name unknown",
            Some("http://collector.invalid:4318".to_owned()),
        ),
    ])
}

/// A running service and what was measured of it, one entry a round.
struct Case {
    name: &'static str,
    program: Program,
    address: SocketAddr,
    rounds: Vec<[Duration; QUANTILES.len()]>,
}

const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

impl Case {
    fn start(name: &'static str, endpoint: Option<String>) -> Result<Self, Failure> {
        let (kind, variables) = match endpoint {
            None => ("bare", Vec::new()),
            Some(url) => (
                "traced",
                vec![
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
                    ("OTEL_LOGS_EXPORTER", "none".to_owned()),
                    ("OTEL_METRICS_EXPORTER", "none".to_owned()),
                ],
            ),
        };
        let mut program = Program::start(&["host", kind], &variables)?;
        let address = match program.next()? {
            Some((_, address)) => address.parse()?,
            None => return Err("the service did not start".into()),
        };
        Ok(Self {
            name,
            program,
            address,
            rounds: Vec::new(),
        })
    }

    fn measure(&mut self, time: Duration) -> Result<(), Failure> {
        let latencies = ask(self.address, time)?;
        self.rounds
            .push(QUANTILES.map(|share| load::quantile(&latencies, share)));
        Ok(())
    }
}

/// Measures every case once a round, in an order that turns, and prints the medians.
pub(crate) fn run(rounds: usize, time: Duration) -> Result<(), Failure> {
    let mut running = Vec::new();
    for (name, endpoint) in cases()? {
        running.push(Case::start(name, endpoint)?);
    }
    for case in &mut running {
        ask(case.address, time)?;
    }
    let count = running.len();
    for round in 0..rounds {
        for turn in 0..count {
            if let Some(case) = running.get_mut((round + turn) % count) {
                case.measure(time)?;
            }
        }
    }
    print(running, rounds, time)
}

fn print(running: Vec<Case>, rounds: usize, time: Duration) -> Result<(), Failure> {
    println!(
        "{RATE} requests/s, {rounds} rounds of {} s each, medians over the rounds\n",
        time.as_secs()
    );
    println!(
        "| collector | p50 µs | p99 µs | p99.9 µs | p50 / bare | p99 / bare | p99.9 / bare | RSS MiB | exported | dropped |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    let bare: Vec<_> = running
        .first()
        .map(|case| case.rounds.clone())
        .unwrap_or_default();
    for Case {
        name,
        program,
        rounds,
        ..
    } in running
    {
        let micros: Vec<String> = (0..QUANTILES.len())
            .map(|quantile| {
                let values = rounds
                    .iter()
                    .map(|round| round[quantile].as_secs_f64() * 1e6);
                format!("{:.0}", median(values.collect()))
            })
            .collect();
        let ratios: Vec<String> = (0..QUANTILES.len())
            .map(|quantile| {
                let pairs = rounds.iter().zip(&bare);
                let values = pairs.map(|(round, bare)| {
                    round[quantile].as_secs_f64() / bare[quantile].as_secs_f64()
                });
                format!("{:.3}", median(values.collect()))
            })
            .collect();
        let said = program.finish()?;
        let get = |key: &str| said.get(key).map_or("", String::as_str);
        if get("balances") == "false" {
            return Err(format!("the books of {name:?} do not balance: {said:?}").into());
        }
        println!(
            "| {name} | {} | {} | {:.1} | {} | {} |",
            micros.join(" | "),
            ratios.join(" | "),
            get("resident").parse::<f64>()? / 1024.0,
            get("exported"),
            get("reasons"),
        );
    }
    Ok(())
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
