use super::{resolve, value, with_code};
use crate::config::Overrides;
use crate::redact::{Pattern, Redaction};

const KEYS: &str = "TELEMETRY_REDACT_KEYS";
const PATTERNS: &str = "TELEMETRY_REDACT_PATTERNS";

#[test]
fn credentials_are_hidden_and_text_is_not_searched_by_default() {
    let (plan, report) = resolve(&[]);
    let redaction = Redaction::new(&plan.redaction);
    assert!(redaction.is_secret("password"));
    assert!(!redaction.has_patterns());
    assert_eq!(
        (value(&plan, KEYS), value(&plan, PATTERNS)),
        ("built-in", "none")
    );
    assert!(report.is_empty());
}

#[test]
fn variables_add_keys_and_patterns() {
    let (plan, report) = resolve(&[(KEYS, "customer.*, iban"), (PATTERNS, "JWT,email")]);
    let redaction = Redaction::new(&plan.redaction);
    for key in ["password", "customer.name", "payment.iban"] {
        assert!(redaction.is_secret(key), "{key}");
    }
    assert_eq!(
        redaction.scrub("to ada@example.org").as_deref(),
        Some("to <redacted>")
    );
    assert_eq!(value(&plan, KEYS), "built-in,customer.*,iban");
    assert_eq!(value(&plan, PATTERNS), "jwt,email");
    assert!(report.is_empty());
}

#[test]
fn none_turns_the_built_in_keys_off() {
    for (text, iban) in [("none", false), ("none,iban", true)] {
        let (plan, _) = resolve(&[(KEYS, text)]);
        let redaction = Redaction::new(&plan.redaction);
        assert!(!redaction.is_secret("password"));
        assert_eq!(redaction.is_secret("iban"), iban);
        assert_eq!(redaction.is_on(), iban);
    }
}

#[test]
fn what_code_and_environment_name_is_hidden() {
    let mut code = Overrides::default();
    code.redaction.keys.push("iban".to_owned());
    code.redaction.patterns.push(Pattern::CARD);
    let (plan, _) = with_code(&code, &[(KEYS, "none,customer"), (PATTERNS, "jwt")]);
    assert_eq!(value(&plan, KEYS), "customer,iban");
    assert_eq!(value(&plan, PATTERNS), "jwt,card");
    code.redaction.built_in = Some(true);
    let (plan, _) = with_code(&code, &[(KEYS, "none")]);
    assert!(Redaction::new(&plan.redaction).is_secret("password"));
}

#[test]
fn what_cannot_be_used_is_reported() {
    let (plan, report) = resolve(&[(KEYS, "*,iban"), (PATTERNS, "cards,jwt")]);
    assert_eq!(value(&plan, KEYS), "built-in,iban");
    assert_eq!(value(&plan, PATTERNS), "jwt");
    assert_eq!(
        report.to_string(),
        "telemetry: ignored TELEMETRY_REDACT_KEYS=*: it would hide every value; write a part of a key, such as *secret*; used: the other keys\n\
         telemetry: ignored TELEMETRY_REDACT_PATTERNS=cards: unknown; write bearer, jwt, card, email or none; used: the other patterns\n"
    );
}
