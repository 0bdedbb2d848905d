//! The name of a span.

use std::cell::Cell;

use crate::Route;

/// Calls `use_it` with `{method} {route}`, or with the method alone, in memory that is reused.
///
/// <https://github.com/open-telemetry/semantic-conventions/blob/v1.42.0/docs/http/http-spans.md#name>
pub(in crate::http) fn with_name<T>(
    method: &str,
    route: Option<&Route>,
    use_it: impl FnOnce(&str) -> T,
) -> T {
    thread_local! {
        static NAME: Cell<String> = const { Cell::new(String::new()) };
    }
    let Some(route) = route else {
        return use_it(method);
    };
    let mut name = NAME.try_with(Cell::take).unwrap_or_default();
    name.clear();
    name.push_str(method);
    name.push(' ');
    name.push_str(route.as_str());
    let result = use_it(&name);
    let _kept = NAME.try_with(|kept| kept.set(name));
    result
}
