//! Variables that are set and have no effect: those of the specification that are not supported, and misspelt ones.

use super::resolver::Resolver;
use super::variables::{self, Standing};

const NOTHING: &str = "the other variables";

pub(crate) fn report(r: &mut Resolver<'_>) {
    for variable in variables::all() {
        if let (Standing::Ignored { remedy }, true) =
            (variable.standing, r.env.is_set(&variable.name))
        {
            let value = r.env.get(&variable.name).unwrap_or_default();
            r.report.ignore(&variable.name, value, remedy, NOTHING);
        }
    }
    report_old_conventions(r);
    report_misspelt(r);
}

/// Our names are the stable ones whatever this variable says; only a wish for the old ones too stays unfulfilled.
fn report_old_conventions(r: &mut Resolver<'_>) {
    let name = "OTEL_SEMCONV_STABILITY_OPT_IN";
    let asked = r.env.get(name).unwrap_or_default();
    let refused = asked
        .split(',')
        .map(str::trim)
        .filter(|entry| entry.ends_with("/dup"));
    for entry in refused.collect::<Vec<_>>() {
        r.report.ignore(
            name,
            entry,
            "only the stable names are written",
            entry.trim_end_matches("/dup"),
        );
    }
}

/// The value of a variable that nobody reads is not shown: it may be a misspelt secret.
fn report_misspelt(r: &mut Resolver<'_>) {
    let known: Vec<String> = variables::all().map(|variable| variable.name).collect();
    for name in r.env.names().filter(|name| name.starts_with("OTEL_")) {
        if known.iter().any(|known| known == name) {
            continue;
        }
        if let Some(meant) = known.iter().find(|known| differ_little(known, name)) {
            r.report.ignore(
                name,
                "",
                format!("unknown variable; did you mean {meant}?"),
                NOTHING,
            );
        }
    }
}

/// Two typing mistakes at most: a third is rarely one, and neighbours such as `…_SPAN_…` and `…_LINK_…` differ by four.
const MAX_MISTAKES: usize = 2;

/// Whether at most two insertions, deletions or replacements turn one name into the other (Levenshtein distance).
fn differ_little(a: &str, b: &str) -> bool {
    if a.len().abs_diff(b.len()) > MAX_MISTAKES {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().is_some_and(|distance| *distance <= MAX_MISTAKES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mistakes_are_little_and_three_are_not() {
        for (a, b, little) in [
            ("OTEL_SERVICE_NAME", "OTEL_SERVICE_NAME", true),
            ("OTEL_SERVICE_NAME", "OTEL_SERVCE_NAME", true),
            ("OTEL_SERVICE_NAME", "OTEL_SERVICENAMES", true),
            ("OTEL_SERVICE_NAME", "OTEL_SERVICE", false),
            ("OTEL_SERVICE_NAME", "OTEL_XYZVICE_NAME", false),
            ("abc", "", false),
            ("ab", "", true),
        ] {
            assert_eq!(differ_little(a, b), little, "{a} {b}");
            assert_eq!(differ_little(b, a), little, "{b} {a}");
        }
    }
}
