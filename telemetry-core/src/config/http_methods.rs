//! The list of HTTP methods that are known. The HTTP layers read it themselves, as they may be made
//! before telemetry; here its mistakes are found.

use http::Method;

use super::resolver::Resolver;

const NAME: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";

pub(crate) fn check(r: &mut Resolver<'_>) {
    let Some(list) = r.text(NAME, "the default list") else {
        return;
    };
    let words = list.split(',').map(str::trim);
    let wrong = |word: &&str| !word.is_empty() && Method::from_bytes(word.as_bytes()).is_err();
    let wrong: Vec<_> = words.filter(wrong).collect();
    if !wrong.is_empty() {
        let reason = "no HTTP method can be called so";
        r.report
            .ignore(NAME, &wrong.join(","), reason, "the rest of the list");
    }
}
