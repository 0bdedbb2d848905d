//! The resolved configuration.

use opentelemetry_sdk::Resource;

use super::autolog::{self, AutologPlan};
use super::env::Env;
use super::http_methods;
use super::kind::FLAG;
use super::logs::{self, LogsPlan};
use super::metrics::{self, MetricsPlan};
use super::overrides::Overrides;
use super::propagators::{self, PropagatorKind};
use super::redaction;
use super::report::Report;
use super::resolver::Resolver;
use super::resource::{self, Machine};
use super::setting::Setting;
use super::traces::{self, TracesPlan};
use super::unsupported;
use super::verbose::{self, VerbosePlan};
use crate::redact::RedactionRules;

/// What telemetry will do. Every value in it is valid: who reads a plan need not check.
///
/// `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// Whether telemetry is off: no thread, no export. Logs on standard output and propagation stay.
    pub disabled: bool,
    /// Who emits.
    pub resource: Resource,
    /// Which headers carry context, in the order in which they apply; empty for none.
    pub propagators: Vec<PropagatorKind>,
    /// Traces.
    pub traces: TracesPlan,
    /// Logs.
    pub logs: LogsPlan,
    /// Metrics.
    pub metrics: MetricsPlan,
    /// How others may make the log more verbose.
    pub verbose: VerbosePlan,
    /// What is hidden, in all signals.
    pub redaction: RedactionRules,
    /// Which auto-log service is asked, and for what.
    pub autolog: AutologPlan,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Each setting, its value and who decided it, for a doctor and a status page.
    pub settings: Vec<Setting>,
}

impl Plan {
    /// Resolves every setting: code beats environment beats default.
    ///
    /// Nothing fails. A value that cannot be used is reported with what is used instead, and so is every variable of the
    /// OpenTelemetry specification that is set and not supported. The certificate files and a few files under `/proc` are
    /// read.
    #[must_use]
    pub fn resolve(code: &Overrides, env: &Env) -> (Self, Report) {
        Self::resolve_on(code, env, &Machine::read(env))
    }

    pub(crate) fn resolve_on(code: &Overrides, env: &Env, machine: &Machine) -> (Self, Report) {
        let mut r = Resolver::new(env);
        let disabled = r.value(&["OTEL_SDK_DISABLED"], code.disabled, &FLAG, false);
        let resource = resource::resolve(&mut r, code, machine);
        let propagators = propagators::resolve(&mut r, code.propagators.as_ref());
        let traces = traces::resolve(&mut r, code);
        let logs = logs::resolve(&mut r, code);
        let metrics = metrics::resolve(&mut r, code);
        let verbose = verbose::resolve(&mut r, code);
        let redaction = redaction::resolve(&mut r, code);
        let autolog = autolog::resolve(&mut r, code, &resource);
        let stderr_is_terminal = env.stderr_is_terminal();
        http_methods::check(&mut r);
        unsupported::report(&mut r);
        let Resolver {
            report, settings, ..
        } = r;
        (
            Self {
                disabled,
                resource,
                propagators,
                traces,
                logs,
                metrics,
                verbose,
                redaction,
                autolog,
                stderr_is_terminal,
                settings,
            },
            report,
        )
    }

    /// The resource's `service.name`.
    #[must_use]
    pub fn service_name(&self) -> String {
        resource::get(&self.resource, resource::SERVICE_NAME).unwrap_or_default()
    }

    /// One setting, by the variable that sets it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}
