//! What the scraper's headers ask for.

/// The text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.
    OpenMetrics,
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
    Classic,
}

impl Format {
    /// OpenMetrics 1.0.0 when it is asked for by name and nothing is preferred to it.
    pub(super) fn negotiate(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut plain, mut any) = (0.0_f32, None, 0.0_f32);
        for range in accept.into_iter().flat_map(|accept| accept.split(',')) {
            let Some(range) = Range::parse(range) else {
                continue;
            };
            match (range.name.as_str(), range.version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => {
                    open_metrics = open_metrics.max(range.quality);
                }
                ("text/plain", None | Some("0.0.4")) => {
                    plain = Some(plain.unwrap_or(0.0_f32).max(range.quality));
                }
                ("text/*" | "*/*", _) => any = any.max(range.quality),
                _ => {}
            }
        }
        if open_metrics > 0.0 && open_metrics >= plain.unwrap_or(any) {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Whether `Accept-Encoding` asks for gzip.
pub(super) fn wants_gzip(accept_encoding: Option<&str>) -> bool {
    let ranges = accept_encoding.into_iter().flat_map(|list| list.split(','));
    let (mut gzip, mut any) = (None, None);
    for range in ranges.filter_map(Range::parse) {
        match range.name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(range.quality),
            "*" => any = Some(range.quality),
            _ => {}
        }
    }
    gzip.or(any).is_some_and(|quality| quality > 0.0)
}

/// One element of a header with qualities.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110#name-quality-values>.
struct Range<'a> {
    name: String,
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = Self {
            name: parts.next()?.to_ascii_lowercase(),
            version: None,
            quality: 1.0,
        };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match key.trim() {
                "q" | "Q" => range.quality = value.parse().ok()?,
                "version" => range.version = Some(value),
                _ => {}
            }
        }
        Some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_only_when_asked() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for asked in [
            prometheus_2,
            prometheus_3,
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=\"1.0.0\"",
            "text/plain;q=0.5, */*;q=0.9, application/openmetrics-text; version=1.0.0; q=0.5",
        ] {
            assert_eq!(
                Format::negotiate(Some(asked)),
                Format::OpenMetrics,
                "{asked}"
            );
        }
        for asked in [
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=no",
            "application/openmetrics-text; version=0.0.1",
            "application/openmetrics-text;q=0.5, text/plain",
            "application/openmetrics-text;q=0.5, */*",
        ] {
            assert_eq!(Format::negotiate(Some(asked)), Format::Classic, "{asked}");
        }
        assert_eq!(Format::negotiate(None), Format::Classic);
    }

    #[test]
    fn gzip_only_when_asked() {
        for asked in ["gzip", "deflate, gzip;q=0.1", "*", "GZIP"] {
            assert!(wants_gzip(Some(asked)), "{asked}");
        }
        for asked in [
            "",
            "deflate",
            "gzip;q=0",
            "gzip;q=0, *",
            "*;q=0",
            "identity",
        ] {
            assert!(!wants_gzip(Some(asked)), "{asked}");
        }
        assert!(!wants_gzip(None));
    }
}
