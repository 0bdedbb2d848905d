//! Names by the rules of Prometheus.

/// The name of a family: cleaned, with its unit; without `_total` if it is a counter.
pub(super) fn family(name: &str, unit: &str, is_counter: bool) -> String {
    let mut family = clean(name, is_metric_char);
    if is_counter
        && let Some(base) = family.strip_suffix("_total")
        && !base.is_empty()
    {
        family.truncate(base.len());
    }
    if !unit.is_empty() && !has_unit(&family, unit) {
        if !family.ends_with('_') {
            family.push('_');
        }
        family.push_str(unit);
    }
    family
}

/// Whether the name has the unit in it, as words of its own.
fn has_unit(name: &str, unit: &str) -> bool {
    name.match_indices(unit).any(|(at, _)| {
        let begins = at == 0 || name.as_bytes()[at - 1] == b'_';
        let end = at + unit.len();
        begins && name.as_bytes().get(end).is_none_or(|next| *next == b'_')
    })
}

/// Replaces what is not allowed by `_`, and several `_` by one. A digit in front gets one too.
pub(super) fn clean(name: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(name.len() + 16);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        clean.push('_');
    }
    for c in name.chars() {
        let c = if allowed(c) { c } else { '_' };
        if c != '_' || !clean.ends_with('_') {
            clean.push(c);
        }
    }
    if clean.is_empty() {
        clean.push('_');
    }
    clean
}

pub(super) const fn is_metric_char(c: char) -> bool {
    is_label_char(c) || c == ':'
}

pub(super) const fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus() {
        let names = [
            (
                "http.server.request.duration",
                "seconds",
                false,
                "http_server_request_duration_seconds",
            ),
            ("jobs", "", true, "jobs"),
            ("jobs.total", "", true, "jobs"),
            ("jobs.total", "seconds", true, "jobs_seconds"),
            ("jobs.total", "", false, "jobs_total"),
            ("wait_seconds", "seconds", false, "wait_seconds"),
            ("seconds.waited", "seconds", false, "seconds_waited"),
            ("milliseconds", "seconds", false, "milliseconds_seconds"),
            ("2xx", "", false, "_2xx"),
            ("a//b..c", "", false, "a_b_c"),
            ("größe", "bytes", false, "gr_e_bytes"),
            ("a:b-c/", "bytes", false, "a:b_c_bytes"),
            ("", "", false, "_"),
            ("_total", "", true, "_total"),
        ];
        for (name, unit, is_counter, expected) in names {
            assert_eq!(family(name, unit, is_counter), expected, "{name}");
        }
    }
}
