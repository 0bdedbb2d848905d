//! Families: the metrics of one name on the page.

use std::borrow::Cow;
use std::collections::HashMap;

use super::accept::Format;
use super::problems::Problems;
use super::{name, unit};
use crate::metrics::{Descriptor, Metric, Points, Snapshot, ValueTemporality};

/// The types of families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
    Info,
    /// What only others have.
    #[cfg(feature = "prometheus-client")]
    Other,
}

impl Type {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
            #[cfg(feature = "prometheus-client")]
            Self::Other => "unknown",
        }
    }

    fn of(metric: &Metric) -> Self {
        match &metric.points {
            Points::Sum(_) if metric.descriptor.kind.is_monotonic() => Self::Counter,
            Points::Sum(_) | Points::Gauge(_) => Self::Gauge,
            Points::Histogram(_) | Points::ExponentialHistogram(_) => Self::Histogram,
        }
    }

    /// What a sample's name may end in, besides nothing.
    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total", "_created"],
            Self::Histogram => &["_count", "_sum", "_bucket", "_created"],
            Self::Info => &["_info"],
            Self::Gauge => &[],
            #[cfg(feature = "prometheus-client")]
            Self::Other => &["_count", "_sum", "_bucket", "_created", "_gcount", "_gsum"],
        }
    }
}

/// Metrics that have one name and type on the page, whatever their scopes.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) kind: Type,
    pub(super) help: Cow<'a, str>,
    pub(super) members: Vec<&'a Metric>,
}

impl<'a> Family<'a> {
    /// The families of a snapshot that have series, in its order.
    pub(super) fn group(
        snapshot: &'a Snapshot,
        names: &mut Names,
        problems: &mut Problems,
    ) -> Vec<Self> {
        let mut families: Vec<Self> = Vec::with_capacity(snapshot.metrics.len());
        let mut index: HashMap<String, usize> = HashMap::with_capacity(snapshot.metrics.len());
        for metric in snapshot.metrics.iter().filter(|m| !m.points.is_empty()) {
            let family = Self::of(metric);
            if let Err(line) = accept(metric) {
                problems.left_out += series(metric);
                problems.report(line);
            } else if let Some(known) = index
                .get(&family.name)
                .map(|at| &mut families[*at])
                .filter(|known| known.kind == family.kind)
            {
                known.join(family, problems);
            } else if let Err(other) = names.claim(&family.name, family.kind, || describe(metric)) {
                problems.left_out += series(metric);
                problems.report(collision(&family.name, &describe(metric), &other));
            } else {
                index.insert(family.name.clone(), families.len());
                families.push(family);
            }
        }
        for family in &mut families {
            family.explain();
        }
        families
    }

    fn of(metric: &'a Metric) -> Self {
        let descriptor = &metric.descriptor;
        let kind = Type::of(metric);
        let is_ratio = matches!(metric.points, Points::Gauge(_)) && unit::is_one(&descriptor.unit);
        let mut unit = if is_ratio {
            "ratio".to_owned()
        } else {
            unit::words(&descriptor.unit)
        };
        let name = name::family(&descriptor.name, &unit, kind == Type::Counter);
        // OpenMetrics has no unit that is not the name's end
        if !name
            .strip_suffix(&unit)
            .is_some_and(|base| base.ends_with('_'))
        {
            unit.clear();
        }
        Self {
            name,
            unit,
            kind,
            help: Cow::Borrowed(descriptor.description.trim()),
            members: vec![metric],
        }
    }

    /// Takes in a metric of the same name and type; one description serves all.
    fn join(&mut self, other: Self, problems: &mut Problems) {
        if self.help.is_empty() {
            self.help = other.help;
        } else if !other.help.is_empty() && other.help != self.help {
            problems.report(format!(
                "{} and {} share {}; the description is the first one's, \"{}\"",
                describe(self.members[0]),
                describe(other.members[0]),
                self.name,
                self.help,
            ));
        }
        if self.unit.is_empty() {
            self.unit = other.unit;
        }
        self.members.extend(other.members);
    }

    /// Says something where the program says nothing.
    fn explain(&mut self) {
        if !self.help.is_empty() {
            return;
        }
        let Descriptor { name, .. } = &*self.members[0].descriptor;
        let what = match self.kind {
            Type::Counter => "Total of",
            Type::Histogram => "Distribution of",
            _ => "Value of",
        };
        let name = name.trim();
        self.help = Cow::Owned(match self.unit.replace('_', " ") {
            unit if unit.is_empty() => format!("{what} {name}"),
            unit => format!("{what} {name} in {unit}"),
        });
    }

    /// The name in comments: classic text has that of the samples.
    pub(super) fn title(&self, format: Format) -> Cow<'_, str> {
        match (format, self.kind) {
            (Format::Classic, Type::Counter) => Cow::Owned(format!("{}_total", self.name)),
            _ => Cow::Borrowed(&self.name),
        }
    }
}

/// Whose each name on the page is, those of samples included.
#[derive(Debug, Default)]
pub(super) struct Names {
    owners: HashMap<String, String>,
}

impl Names {
    /// Takes a family's names.
    ///
    /// # Errors
    ///
    /// The one who has one of them.
    pub(super) fn claim(
        &mut self,
        name: &str,
        kind: Type,
        owner: impl Fn() -> String,
    ) -> Result<(), String> {
        let suffixes = || kind.suffixes().iter().copied().chain([""]);
        let names = || suffixes().map(|suffix| format!("{name}{suffix}"));
        match names().find_map(|name| self.owners.get(&name)) {
            Some(other) => Err(other.clone()),
            None => {
                self.owners.extend(names().map(|name| (name, owner())));
                Ok(())
            }
        }
    }
}

pub(super) fn collision(name: &str, left_out: &str, kept: &str) -> String {
    format!("{left_out} is left out: its name {name} belongs to {kept}; rename one of them")
}

fn accept(metric: &Metric) -> Result<(), String> {
    let is_gauge = matches!(metric.points, Points::Gauge(_));
    if metric.temporality == ValueTemporality::Delta && !is_gauge {
        let line = "has changes, and Prometheus wants values since the start";
        return Err(format!("{} is left out: it {line}", describe(metric)));
    }
    Ok(())
}

/// The metric for people.
pub(super) fn describe(metric: &Metric) -> String {
    let Descriptor { name, scope, .. } = &*metric.descriptor;
    let scope = scope.scope();
    let kind = Type::of(metric).name();
    match scope.get().name() {
        "" => format!("{kind} \"{name}\""),
        scope => format!("{kind} \"{name}\" of \"{scope}\""),
    }
}

fn series(metric: &Metric) -> u64 {
    metric.points.len().try_into().unwrap_or(u64::MAX)
}
