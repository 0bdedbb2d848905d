//! The configuration as a user meets it: variables in, a plan and a report out.

mod code;
mod every_variable;
mod exporters;
mod flood;
mod otlp;
mod properties;
mod redaction;
mod sampling_and_lists;
mod unsupported;

use super::resource::Machine;
use super::{Env, Overrides, Plan, Report};

/// Resolves variables alone, away from any terminal.
fn resolve(pairs: &[(&str, &str)]) -> (Plan, Report) {
    with_code(&Overrides::default(), pairs)
}

fn with_code(code: &Overrides, pairs: &[(&str, &str)]) -> (Plan, Report) {
    Plan::resolve_on(code, &Env::from_pairs(pairs.to_vec()), &Machine::default())
}

fn on_terminal(pairs: &[(&str, &str)]) -> (Plan, Report) {
    let env = Env::from_pairs(pairs.to_vec()).with_terminals(true, true);
    Plan::resolve_on(&Overrides::default(), &env, &Machine::default())
}

fn value<'p>(plan: &'p Plan, name: &str) -> &'p str {
    plan.setting(name)
        .map_or("absent", |setting| setting.value.as_str())
}
