//! What the recorder is told.

use std::time::Duration;

use tracing_core::LevelFilter;

/// The most lines of one request: what a person reads through.
const LINES: usize = 256;

/// The most memory of one request's lines: 256 lines of 256 bytes.
const BYTES: usize = 64 * 1024;

/// The most memory of all requests' lines: 1024 requests at once.
const TOTAL_BYTES: usize = 64 * 1024 * 1024;

/// As many requests as the number of a recording can tell apart.
const MAX_REQUESTS: usize = u16::MAX as usize;

/// How a [`Recorder`](super::Recorder) is set up.
///
/// ```
/// use std::time::Duration;
/// use telemetry_log::RecorderConfig;
///
/// let config = RecorderConfig::new()
///     .targets([env!("CARGO_CRATE_NAME"), "shop_domain"])
///     .slow_after(Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    pub(super) targets: Option<Vec<String>>,
    pub(super) own: Vec<String>,
    pub(super) level: LevelFilter,
    pub(super) slow_after: Option<Duration>,
    pub(super) max_lines: usize,
    pub(super) max_bytes: usize,
    pub(super) total_bytes: usize,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl RecorderConfig {
    /// The defaults: DEBUG lines of the service's own crate, written when the request fails.
    ///
    /// The own crate is taken to have the program's name; see [`targets`](Self::targets).
    #[must_use]
    pub fn new() -> Self {
        Self {
            targets: None,
            own: own_crate().into_iter().collect(),
            level: LevelFilter::DEBUG,
            slow_after: None,
            max_lines: LINES,
            max_bytes: BYTES,
            total_bytes: TOTAL_BYTES,
        }
    }

    /// Keeps lines of these targets instead of the service's own. A target is a crate or a module, and
    /// covers the modules inside it; an empty name covers all.
    #[must_use]
    pub fn targets<T: Into<String>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.targets = Some(targets.into_iter().map(Into::into).collect());
        self
    }

    /// Names a service, whose crate has that name too; without effect beside
    /// [`targets`](Self::targets).
    #[must_use]
    pub fn service(mut self, name: impl AsRef<str>) -> Self {
        let name = crate_name(name.as_ref());
        if !name.is_empty() && !self.own.contains(&name) {
            self.own.push(name);
        }
        self
    }

    /// Keeps lines up to this level. Default: DEBUG.
    #[must_use]
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
        self
    }

    /// Writes the lines of a request that took at least this long as well. Default: duration does not
    /// matter.
    #[must_use]
    pub fn slow_after(mut self, duration: Duration) -> Self {
        self.slow_after = Some(duration);
        self
    }

    /// Sets the most lines of a request; older ones give way. Default: 256.
    #[must_use]
    pub fn max_lines(mut self, lines: usize) -> Self {
        self.max_lines = lines.max(1);
        self
    }

    /// Sets the most memory of a request's lines; older ones give way. Default: 64 KiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes.max(1024);
        self
    }

    /// Sets the most memory of the lines of all requests. It has room for as many requests at once as
    /// it holds their [`max_bytes`](Self::max_bytes), and at most 65,535; further ones are not
    /// recorded. Default: 64 MiB, so 1024 requests.
    #[must_use]
    pub fn total_bytes(mut self, bytes: usize) -> Self {
        self.total_bytes = bytes;
        self
    }

    pub(super) fn max_requests(&self) -> usize {
        (self.total_bytes / self.max_bytes).clamp(1, MAX_REQUESTS)
    }

    pub(super) fn targets_or_own(&self) -> Vec<String> {
        self.targets.clone().unwrap_or_else(|| self.own.clone())
    }
}

/// The crate of the program: the name of its file, which cargo extends by a hash for tests.
fn own_crate() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    let name = path.file_stem()?.to_str()?;
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let name = match name.rsplit_once('-') {
        Some((name, hash)) if is_hash(hash) => name,
        _ => name,
    };
    Some(crate_name(name))
}

/// A package's name as that of its crate.
fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_crate_is_that_of_the_program() {
        let own = RecorderConfig::new().service("web-shop").targets_or_own();
        assert_eq!(own, ["telemetry_log", "web_shop"]);
        let told = RecorderConfig::new().targets(["a"]).service("b");
        assert_eq!(told.targets_or_own(), ["a"]);
    }

    #[test]
    fn the_total_is_shared_by_requests() {
        let config = RecorderConfig::new();
        assert_eq!(config.max_requests(), 1024);
        assert_eq!(config.clone().total_bytes(0).max_requests(), 1);
        assert_eq!(config.total_bytes(usize::MAX).max_requests(), MAX_REQUESTS);
    }
}
