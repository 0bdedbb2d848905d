//! Families of somebody else's registry.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::accept::Format;
use super::family::{Names, Type, collision};
use super::problems::Problems;

/// The registries whose families are on the page too.
#[derive(Default)]
pub(super) struct Attached {
    registries: Mutex<Vec<Arc<Registry>>>,
}

impl Attached {
    pub(super) fn add(&self, registry: Arc<Registry>) {
        let mut registries = self
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        registries.push(registry);
    }

    /// A copy: collectors are foreign code, which must not run under the lock.
    fn registries(&self) -> Vec<Arc<Registry>> {
        let registries = self.registries.lock();
        registries.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(
        &self,
        out: &mut Vec<u8>,
        format: Format,
        names: &mut Names,
        problems: &mut Problems,
    ) {
        for registry in self.registries() {
            let mut text = String::new();
            if encode(&mut text, &registry).is_err() {
                problems
                    .report("an attached registry is left out: it cannot be encoded".to_owned());
                continue;
            }
            for family in families(&text) {
                family.put(out, format, names, problems);
            }
        }
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").finish_non_exhaustive()
    }
}

/// A family in OpenMetrics text.
#[derive(Debug, Default)]
struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a str,
    unit: &'a str,
    samples: Vec<&'a str>,
}

fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            if let Some(family) = families.last_mut() {
                family.samples.push(line);
            }
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        let (Some(what), Some(name)) = (words.next(), words.next()) else {
            continue; // # EOF
        };
        let rest = words.next().unwrap_or_default();
        let begins = |last: &Family<'_>| last.name != name || !last.samples.is_empty();
        if families.last().is_none_or(begins) {
            families.push(Family {
                name,
                ..Family::default()
            });
        }
        if let Some(family) = families.last_mut() {
            match what {
                "HELP" => family.help = rest,
                "TYPE" => family.kind = rest,
                "UNIT" => family.unit = rest,
                _ => {}
            }
        }
    }
    families.retain(|family| !family.samples.is_empty());
    families
}

impl Family<'_> {
    fn put(&self, out: &mut Vec<u8>, format: Format, names: &mut Names, problems: &mut Problems) {
        let kind = match self.kind {
            "counter" => Type::Counter,
            "gauge" => Type::Gauge,
            "histogram" => Type::Histogram,
            "info" => Type::Info,
            _ => Type::Other,
        };
        let owner = || format!("{} \"{}\" of an attached registry", self.kind, self.name);
        if let Err(other) = names.claim(self.name, kind, owner) {
            problems.left_out += u64::try_from(self.samples.len()).unwrap_or(u64::MAX);
            problems.report(collision(self.name, &owner(), &other));
            return;
        }
        let text = match format {
            Format::OpenMetrics => self.open_metrics(),
            Format::Classic => self.classic(),
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn open_metrics(&self) -> String {
        let Self {
            name,
            kind,
            help,
            unit,
            ..
        } = self;
        let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        if !unit.is_empty() {
            text.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        for sample in &self.samples {
            text.push_str(sample);
            text.push('\n');
        }
        text
    }

    /// Without what classic text lacks: units, exemplars, creation times and three types.
    fn classic(&self) -> String {
        let (suffix, kind) = match self.kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "stateset" => ("", "gauge"),
            "gauge" | "histogram" | "summary" => ("", self.kind),
            _ => ("", "untyped"),
        };
        let name = format!("{}{suffix}", self.name);
        let help = self.help.replace("\\\"", "\"");
        let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let created = format!("{}_created", self.name);
        let is_created = |sample: &str| {
            let rest = sample.strip_prefix(&created);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        for sample in self.samples.iter().filter(|sample| !is_created(sample)) {
            text.push_str(without_exemplar(sample));
            text.push('\n');
        }
        text
    }
}

/// The sample before ` # {`, which its labels may have in quotes.
fn without_exemplar(sample: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in sample.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => return sample[..at].trim_end(),
            _ => {}
        }
    }
    sample
}
