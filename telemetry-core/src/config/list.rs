//! Comma-separated lists of names, where `none` stands alone.

use std::fmt::Display;

use super::resolver::Resolver;

/// `a,b`, or `none`.
pub(crate) fn show<T: Display>(items: &[T]) -> String {
    let names: Vec<String> = items.iter().map(T::to_string).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(",")
    }
}

/// The items once each, in the order of their first mention.
pub(crate) fn deduplicated<T: Copy + PartialEq>(items: &[T]) -> Vec<T> {
    let mut unique = Vec::new();
    for item in items {
        if !unique.contains(item) {
            unique.push(*item);
        }
    }
    unique
}

/// The usable names of a list; `None` if there is not one, and `fallback` is used.
pub(crate) fn parse<T: Copy + PartialEq + Display>(
    r: &mut Resolver<'_>,
    variable: &'static str,
    text: &str,
    fallback: &str,
    item: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let mut items = Vec::new();
    let mut none = false;
    let mut refused = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        match name.to_ascii_lowercase().as_str() {
            "none" => none = true,
            lower => match item(lower) {
                Ok(item) => items.push(item),
                Err(reason) => refused.push((name, reason)),
            },
        }
    }
    if none && !items.is_empty() {
        refused.push((
            "none",
            "none stands alone; leave it out, or leave the others out".to_owned(),
        ));
    }
    let items = deduplicated(&items);
    let usable = none || !items.is_empty();
    if !usable && refused.is_empty() {
        refused.push((text, "the list is empty; write a name, or none".to_owned()));
    }
    let used = if usable {
        show(&items)
    } else {
        fallback.to_owned()
    };
    for (value, reason) in refused {
        r.report.ignore(variable, value, reason, &used);
    }
    usable.then_some(items)
}
