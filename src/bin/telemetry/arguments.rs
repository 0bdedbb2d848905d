//! What was written on the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value};
use lexopt::{Parser, ValueExt};
use telemetry::doctor::Backends;

/// What `--help` says.
pub(crate) const HELP: &str = "\
Usage: telemetry doctor [OPTIONS]

Reads the configuration from the environment as a service would, walks to each OTLP
destination, sends a test span, log record and metric, and says what is wrong and what to
change. Settings made in code are not seen.

Options:
  --json              Write JSON
  --lock PATH         List the versions of opentelemetry in this Cargo.lock
                      [default: ./Cargo.lock, if there is one]
  --exe PATH          List the versions of opentelemetry in this executable
  --timeout SECONDS   The longest time for one step [default: 5]
  --query             Ask these backends whether the test data has arrived:
    --tempo URL         Grafana Tempo, such as http://localhost:3200
    --jaeger URL        Jaeger, such as http://localhost:16686
    --prometheus URL    Prometheus, such as http://localhost:9090
    --loki URL          Grafana Loki, such as http://localhost:3100
  --wait SECONDS      The longest time to wait for an arrival [default: 20]
  -h, --help          Write this
  -V, --version       Write the version

Exit status: 0 all is well, 1 a problem was found, 2 the command line is wrong.
";

const LOCK: &str = "Cargo.lock";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Doctor(DoctorArguments),
}

/// How to examine.
#[derive(Debug)]
pub(crate) struct DoctorArguments {
    pub(crate) json: bool,
    pub(crate) lock: Option<PathBuf>,
    pub(crate) executable: Option<PathBuf>,
    pub(crate) backends: Backends,
    pub(crate) step_timeout: Duration,
    pub(crate) arrival_timeout: Duration,
}

impl Default for DoctorArguments {
    fn default() -> Self {
        Self {
            json: false,
            lock: None,
            executable: None,
            backends: Backends::default(),
            step_timeout: Duration::from_secs(5),
            arrival_timeout: Duration::from_secs(20),
        }
    }
}

/// Reads the command line.
pub(crate) fn parse(mut parser: Parser) -> Result<Command, lexopt::Error> {
    match parser.next()? {
        Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(Short('V') | Long("version")) => Ok(Command::Version),
        Some(Value(command)) if command == "doctor" => doctor(parser),
        Some(other) => Err(other.unexpected()),
        None => Err("a command is missing, such as doctor".into()),
    }
}

fn doctor(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let mut arguments = DoctorArguments::default();
    let mut query = false;
    while let Some(argument) = parser.next()? {
        let backends = &mut arguments.backends;
        match argument {
            Long("json") => arguments.json = true,
            Long("lock") => arguments.lock = Some(parser.value()?.into()),
            Long("exe") => arguments.executable = Some(parser.value()?.into()),
            Long("timeout") => arguments.step_timeout = seconds(&mut parser)?,
            Long("wait") => arguments.arrival_timeout = seconds(&mut parser)?,
            Long("query") => query = true,
            Long("tempo") => backends.tempo = Some(parser.value()?.string()?),
            Long("jaeger") => backends.jaeger = Some(parser.value()?.string()?),
            Long("prometheus") => backends.prometheus = Some(parser.value()?.string()?),
            Long("loki") => backends.loki = Some(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    let Backends {
        tempo,
        jaeger,
        prometheus,
        loki,
    } = &arguments.backends;
    let addressed = [tempo, jaeger, prometheus, loki]
        .iter()
        .any(|a| a.is_some());
    if query && !addressed {
        return Err("--query needs --tempo, --jaeger, --prometheus or --loki".into());
    }
    if addressed && !query {
        return Err("the address of a backend needs --query".into());
    }
    if arguments.lock.is_none() && Path::new(LOCK).is_file() {
        arguments.lock = Some(LOCK.into());
    }
    Ok(Command::Doctor(arguments))
}

/// A number of seconds above zero, with a fraction if need be.
fn seconds(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    /// Longer is a slip of the finger.
    const MOST: f64 = 3600.0;
    parser.value()?.parse_with(|text| {
        let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
        if seconds > 0.0 && seconds <= MOST {
            Duration::try_from_secs_f64(seconds).map_err(|_| "not a number of seconds")
        } else {
            Err("not between 0 and 3600 seconds")
        }
    })
}
