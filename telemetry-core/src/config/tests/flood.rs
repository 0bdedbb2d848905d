use tracing_core::Level;

use super::{resolve, value};

#[test]
fn nothing_is_held_back_by_default() {
    let (plan, report) = resolve(&[]);
    let flood = &plan.logs.flood;
    assert_eq!(flood.rate_limit, None);
    assert!(flood.budgets.is_empty() && flood.samples.is_empty());
    assert_eq!(
        (flood.max_value_len, flood.max_line_len),
        (64 * 1024, 1024 * 1024)
    );
    assert!(report.is_empty());
}

#[test]
fn budgets_and_shares_are_read_by_level() {
    let (plan, report) = resolve(&[
        ("LOG_BUDGET", "debug=100, INFO=1000"),
        ("LOG_SAMPLE", "debug=0.01"),
    ]);
    let flood = &plan.logs.flood;
    assert_eq!(flood.budgets, [(Level::DEBUG, 100), (Level::INFO, 1000)]);
    assert_eq!(flood.samples, [(Level::DEBUG, 0.01)]);
    assert_eq!(value(&plan, "LOG_BUDGET"), "debug=100,info=1000");
    assert!(report.is_empty());
}

#[test]
fn what_cannot_be_used_is_reported() {
    for (name, text, reason) in [
        ("LOG_RATE_LIMIT", "0", "at least 1 line"),
        ("LOG_RATE_LIMIT", "many", "not a whole number"),
        ("LOG_BUDGET", "debug", "such as debug=100"),
        ("LOG_BUDGET", "verbose=1", "unknown level"),
        ("LOG_SAMPLE", "info=2", "between 0 and 1"),
        ("LOG_SAMPLE", "warn=0.5", "always kept"),
        ("LOG_MAX_LINE_LENGTH", "0", "at least 1"),
    ] {
        let (_, report) = resolve(&[(name, text)]);
        assert!(
            report.to_string().contains(reason),
            "{name}={text}: {report}"
        );
    }
}
