//! Units in words.

use super::name;

/// UCUM's short names, their words, and their words behind "per".
///
/// Source: <https://ucum.org/ucum>, <https://prometheus.io/docs/practices/naming/#base-units>.
const WORDS: &[(&str, &str, &str)] = &[
    ("ns", "nanoseconds", "nanosecond"),
    ("us", "microseconds", "microsecond"),
    ("ms", "milliseconds", "millisecond"),
    ("s", "seconds", "second"),
    ("min", "minutes", "minute"),
    ("h", "hours", "hour"),
    ("d", "days", "day"),
    ("wk", "weeks", "week"),
    ("mo", "months", "month"),
    ("a", "years", "year"),
    ("bit", "bits", "bit"),
    ("By", "bytes", "byte"),
    ("kBy", "kilobytes", "kilobyte"),
    ("KBy", "kilobytes", "kilobyte"),
    ("MBy", "megabytes", "megabyte"),
    ("GBy", "gigabytes", "gigabyte"),
    ("TBy", "terabytes", "terabyte"),
    ("KiBy", "kibibytes", "kibibyte"),
    ("MiBy", "mebibytes", "mebibyte"),
    ("GiBy", "gibibytes", "gibibyte"),
    ("TiBy", "tebibytes", "tebibyte"),
    ("mm", "millimeters", "millimeter"),
    ("m", "meters", "meter"),
    ("km", "kilometers", "kilometer"),
    ("g", "grams", "gram"),
    ("kg", "kilograms", "kilogram"),
    ("V", "volts", "volt"),
    ("A", "amperes", "ampere"),
    ("J", "joules", "joule"),
    ("W", "watts", "watt"),
    ("Cel", "celsius", "celsius"),
    ("Hz", "hertz", "hertz"),
    ("%", "percent", "percent"),
    ("$", "dollars", "dollar"),
];

/// The words of a unit: `By/s` is `bytes_per_second`; empty if it is a count of something.
pub(super) fn words(unit: &str) -> String {
    let unit = without_annotations(unit);
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main.trim(), per.trim()),
        None => (unit.trim(), ""),
    };
    let main = match main {
        "1" => String::new(),
        main => word(main, |(_, many, _)| many),
    };
    let per = word(per, |(_, _, one)| one);
    match (main.is_empty(), per.is_empty()) {
        (_, true) => main,
        (true, false) => format!("per_{per}"),
        (false, false) => format!("{main}_per_{per}"),
    }
}

/// Whether it is a plain number.
pub(super) fn is_one(unit: &str) -> bool {
    without_annotations(unit).trim() == "1"
}

fn word(unit: &str, pick: impl Fn(&(&str, &'static str, &'static str)) -> &'static str) -> String {
    match WORDS.iter().find(|(short, ..)| *short == unit) {
        Some(words) => pick(words).to_owned(),
        None => name::clean(unit, name::is_label_char)
            .trim_matches('_')
            .to_owned(),
    }
}

/// Without what is in braces, such as `{request}`.
fn without_annotations(unit: &str) -> String {
    let mut depth = 0_u32;
    let keep = |c: &char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    unit.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_words() {
        let units = [
            ("s", "seconds"),
            ("By", "bytes"),
            ("m/s", "meters_per_second"),
            ("By/{request}", "bytes"),
            ("{request}", ""),
            ("{request}/s", "per_second"),
            ("1", ""),
            ("", ""),
            ("%", "percent"),
            ("1/min", "per_minute"),
            ("parsec", "parsec"),
            ("€", ""),
            ("foo bar/baz", "foo_bar_per_baz"),
        ];
        for (unit, expected) in units {
            assert_eq!(words(unit), expected, "{unit}");
        }
        assert!(is_one("1") && is_one("1{part}") && !is_one("{part}"));
    }
}
