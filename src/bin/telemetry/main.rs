//! The command-line tool of telemetry: `telemetry doctor`.

mod arguments;

use std::io::{self, Write};
use std::process::ExitCode;

use telemetry::config::{Env, Overrides, Plan};
use telemetry::doctor::{Diagnosis, Doctor};

use arguments::{Command, DoctorArguments, HELP};

const PROBLEM: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Help) => {
            write(&mut io::stdout(), HELP);
            ExitCode::SUCCESS
        }
        Ok(Command::Version) => {
            let version = concat!("telemetry ", env!("CARGO_PKG_VERSION"), "\n");
            write(&mut io::stdout(), version);
            ExitCode::SUCCESS
        }
        Ok(Command::Doctor(arguments)) => doctor(arguments),
        Err(error) => {
            let hint = "run telemetry --help for what can be written";
            write(&mut io::stderr(), &format!("telemetry: {error}; {hint}\n"));
            ExitCode::from(USAGE)
        }
    }
}

fn doctor(arguments: DoctorArguments) -> ExitCode {
    // as a service has it: what is shown on this terminal says nothing about where it sends
    let env = Env::process().with_terminals(false, false);
    let (plan, report) = Plan::resolve(&Overrides::default(), &env);
    let mut doctor = Doctor::new(&plan, &report)
        .from_outside()
        .query(arguments.backends)
        .step_timeout(arguments.step_timeout)
        .arrival_timeout(arguments.arrival_timeout);
    if let Some(lock) = arguments.lock {
        doctor = doctor.lock(lock);
    }
    if let Some(executable) = arguments.executable {
        doctor = doctor.executable(executable);
    }
    tell(&doctor.run(), arguments.json)
}

fn tell(diagnosis: &Diagnosis, json: bool) -> ExitCode {
    let text = if json {
        format!("{:#}\n", diagnosis.to_json())
    } else {
        diagnosis.to_string()
    };
    write(&mut io::stdout(), &text);
    if diagnosis.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEM)
    }
}

/// Whoever has closed the other end does not want to read it.
fn write(to: &mut impl Write, text: &str) {
    drop(to.write_all(text.as_bytes()));
}
