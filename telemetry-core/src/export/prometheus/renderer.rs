//! A snapshot as a page.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

use super::accept::{Format, wants_gzip};
use super::encode::Encoder;
use super::family::{Family, Names, Type};
use super::labels::Labels;
use super::problems::{Problems, Reporter};
use crate::diagnostics::Voice;
use crate::metrics::{AttributeSet, Snapshot};

/// Makes pages for Prometheus.
///
/// Whatever cannot be on the page is said once through the [`Voice`], however often the page is
/// asked for.
///
/// ```
/// use opentelemetry_sdk::Resource;
/// use telemetry_core::diagnostics::Voice;
/// use telemetry_core::export::prometheus::Renderer;
/// use telemetry_core::metrics::Snapshot;
///
/// let resource = Resource::builder_empty().with_service_name("shop").build();
/// let renderer = Renderer::new(&resource, Voice::silent());
/// let page = renderer.render(&Snapshot::default(), Some("application/openmetrics-text"), None);
/// assert!(page.content_type.starts_with("application/openmetrics-text; version=1.0.0"));
/// assert!(String::from_utf8_lossy(&page.body).contains("target_info{service_name=\"shop\"} 1"));
/// ```
pub struct Renderer {
    target: Vec<u8>,
    created: bool,
    reporter: Reporter,
    /// How long the last page was.
    length: AtomicUsize,
    #[cfg(feature = "prometheus-client")]
    attached: super::attached::Attached,
}

/// What is answered to a scrape.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The header `Content-Encoding`, if the body has one.
    pub content_encoding: Option<&'static str>,
    /// The page.
    pub body: Vec<u8>,
    /// How many series are not on the page because another has their name.
    pub left_out: u64,
}

/// As fast as it gets: pages of metrics repeat themselves so much that a tenth remains anyway.
const GZIP: Compression = Compression::fast();

const TARGET: &str = "target";

impl Renderer {
    /// For a process with this resource, which becomes `target_info`.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#resource-attributes-1>.
    #[must_use]
    pub fn new(resource: &Resource, voice: Voice) -> Self {
        let attributes = resource.iter();
        let attributes = attributes.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let attributes = AttributeSet::new(attributes);
        let mut target = Vec::new();
        Labels::new(&attributes, |name| name).put(&mut target, &attributes);
        Self {
            target,
            created: false,
            reporter: Reporter::new(voice),
            length: AtomicUsize::new(0),
            #[cfg(feature = "prometheus-client")]
            attached: super::attached::Attached::default(),
        }
    }

    /// Whether OpenMetrics pages tell when each counter and histogram began, in `_created`.
    ///
    /// Default: no. Each is a series of its own, and Prometheus uses it only with its feature
    /// `created-timestamp-zero-ingestion`.
    #[must_use]
    pub fn with_created(mut self, created: bool) -> Self {
        self.created = created;
        self
    }

    /// Puts the families of this registry on every page, behind ours.
    ///
    /// A family whose name is taken is left out and reported.
    #[cfg(feature = "prometheus-client")]
    pub fn attach(&self, registry: std::sync::Arc<prometheus_client::registry::Registry>) {
        self.attached.add(registry);
    }

    /// The page, in the format and encoding that the headers `Accept` and `Accept-Encoding` ask for.
    #[must_use]
    pub fn render(
        &self,
        snapshot: &Snapshot,
        accept: Option<&str>,
        accept_encoding: Option<&str>,
    ) -> Page {
        let format = Format::negotiate(accept);
        let mut problems = Problems::default();
        let body = self.text(snapshot, format, &mut problems);
        self.reporter.say(&problems);
        let compressed = wants_gzip(accept_encoding).then(|| gzip(&body)).flatten();
        Page {
            content_type: format.content_type(),
            content_encoding: compressed.is_some().then_some("gzip"),
            body: compressed.unwrap_or(body),
            left_out: problems.left_out,
        }
    }

    fn text(&self, snapshot: &Snapshot, format: Format, problems: &mut Problems) -> Vec<u8> {
        let mut names = Names::default();
        let last = self.length.load(Ordering::Relaxed);
        let mut out = Vec::with_capacity(last + last / 8 + 1024);
        if !self.target.is_empty() {
            drop(names.claim(TARGET, Type::Info, || "the resource".to_owned()));
            self.put_target(&mut out, format);
        }
        let families = Family::group(snapshot, &mut names, problems);
        let mut encoder = Encoder {
            out,
            format,
            created: self.created,
            problems,
        };
        for family in &families {
            encoder.put_family(family);
        }
        let mut out = encoder.out;
        #[cfg(feature = "prometheus-client")]
        self.attached.put(&mut out, format, &mut names, problems);
        if format == Format::OpenMetrics {
            out.extend_from_slice(b"# EOF\n");
        }
        self.length.store(out.len(), Ordering::Relaxed);
        out
    }

    fn put_target(&self, out: &mut Vec<u8>, format: Format) {
        let (title, kind) = match format {
            Format::OpenMetrics => (TARGET, "info"),
            Format::Classic => ("target_info", "gauge"),
        };
        let head = format!("# HELP {title} Target metadata\n# TYPE {title} {kind}\ntarget_info{{");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&self.target);
        out.extend_from_slice(b"} 1\n");
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer")
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("content_type", &self.content_type)
            .field("content_encoding", &self.content_encoding)
            .field("bytes", &self.body.len())
            .field("left_out", &self.left_out)
            .finish()
    }
}

/// `None` if the encoder fails, which it does not for a vector: the page then goes as it is.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8 + 64), GZIP);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
