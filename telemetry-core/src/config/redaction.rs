//! What is hidden: `TELEMETRY_REDACT_KEYS` and `TELEMETRY_REDACT_PATTERNS`.

use super::overrides::Overrides;
use super::resolver::Resolver;
use super::setting::Source;
use crate::redact::{Pattern, RedactionRules};

const KEYS: &str = "TELEMETRY_REDACT_KEYS";
const PATTERNS: &str = "TELEMETRY_REDACT_PATTERNS";

/// What stands for the keys that are hidden by default.
const BUILT_IN: &str = "built-in";

/// The rules of code and environment together: a secret that either names is hidden.
pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides) -> RedactionRules {
    let code = &code.redaction;
    let mut rules = RedactionRules::default();
    keys_of_env(r, &mut rules);
    patterns_of_env(r, &mut rules);
    if let Some(built_in) = code.built_in {
        rules.built_in = built_in;
    }
    rules.keys.extend(code.keys.iter().cloned());
    rules.patterns.extend(code.patterns.iter().cloned());
    let is_code = code.built_in.is_some() || !code.keys.is_empty();
    let keys = source(r, KEYS, is_code);
    r.record(KEYS, shown_keys(&rules), keys);
    let patterns = source(r, PATTERNS, !code.patterns.is_empty());
    r.record(PATTERNS, shown_patterns(&rules), patterns);
    rules
}

fn keys_of_env(r: &mut Resolver<'_>, rules: &mut RedactionRules) {
    let mut built_in = true;
    for name in names(r, KEYS) {
        match name {
            "none" => built_in = false,
            BUILT_IN => built_in = true,
            name if name.bytes().all(|byte| matches!(byte, b'*' | b'-' | b'_')) => {
                r.report.ignore(
                    KEYS,
                    name,
                    "it would hide every value; write a part of a key, such as *secret*",
                    "the other keys",
                );
            }
            name => rules.keys.push(name.to_owned()),
        }
    }
    rules.built_in = built_in;
}

fn patterns_of_env(r: &mut Resolver<'_>, rules: &mut RedactionRules) {
    for name in names(r, PATTERNS) {
        match name.parse::<Pattern>() {
            Ok(pattern) => rules.patterns.push(pattern),
            Err(_) if name == "none" => {}
            Err(_) => r.report.ignore(
                PATTERNS,
                name,
                "unknown; write bearer, jwt, card, email or none",
                "the other patterns",
            ),
        }
    }
}

fn names<'a>(
    r: &mut Resolver<'a>,
    variable: &'static str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let text = r.text(variable, "the default").unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

fn source(r: &mut Resolver<'_>, variable: &'static str, is_code: bool) -> Source {
    match r.env.get(variable) {
        _ if is_code => Source::Code,
        Some(_) => Source::Env(variable),
        None => Source::Default,
    }
}

fn shown_keys(rules: &RedactionRules) -> String {
    let built_in = rules.built_in.then_some(BUILT_IN);
    or_none(
        built_in
            .into_iter()
            .chain(rules.keys.iter().map(String::as_str)),
    )
}

fn shown_patterns(rules: &RedactionRules) -> String {
    let names: Vec<String> = rules.patterns.iter().map(Pattern::to_string).collect();
    or_none(names.iter().map(String::as_str))
}

fn or_none<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    }
}
