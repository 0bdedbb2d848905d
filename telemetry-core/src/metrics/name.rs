//! Names of instruments.

/// Source: <https://opentelemetry.io/docs/specs/otel/metrics/api/#instrument-name-syntax>.
const LONGEST: usize = 255;

/// What is wrong with a name, in words.
pub(super) fn mistake(name: &str) -> Option<String> {
    let shown: String = name.escape_debug().take(80).collect();
    if name.is_empty() {
        return Some("telemetry: an instrument has no name; it records nothing".to_owned());
    }
    let rule = if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "must begin with a letter"
    } else if name.len() > LONGEST {
        "must not be longer than 255 characters"
    } else if !name.chars().all(is_allowed) {
        "may have ASCII letters, digits, '_', '.', '-' and '/' only"
    } else {
        return None;
    };
    Some(format!(
        "telemetry: the instrument name \"{shown}\" is not valid: it {rule}. It is exported as it is, and backends may refuse it; rename it"
    ))
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_of_the_specification() {
        for good in [
            "a",
            "http.server.request.duration",
            "A-b/c_9",
            &"x".repeat(255),
        ] {
            assert_eq!(mistake(good), None, "{good}");
        }
        for bad in ["", "1st", "_a", "a b", "zähler", "a\n", &"x".repeat(256)] {
            let mistake = mistake(bad).unwrap();
            assert!(!mistake.contains('\n'), "{mistake}");
        }
    }
}
