//! The list of HTTP methods that are known. The HTTP layers read it themselves, as they may be made
//! before telemetry; here its mistakes are found.

use http::Method;

use super::resolver::Resolver;

const NAME: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
const DEFAULT: &str = "the default list";

pub(crate) fn check(r: &mut Resolver<'_>) {
    let Some(list) = r.text(NAME, DEFAULT) else {
        return;
    };
    let words = list.split(',').map(str::trim);
    let words = words.filter(|word| !word.is_empty());
    let (right, wrong): (Vec<_>, Vec<_>) =
        words.partition(|word| Method::from_bytes(word.as_bytes()).is_ok());
    let used = match right.is_empty() {
        true => DEFAULT,
        false => "the rest of the list",
    };
    if !wrong.is_empty() {
        let reason = "no HTTP method can be called so";
        r.report.ignore(NAME, &wrong.join(","), reason, used);
    } else if right.is_empty() {
        r.report.ignore(NAME, list, "it names no method", used);
    }
}
