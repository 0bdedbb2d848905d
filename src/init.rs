//! Starting, step by step; each says why it stands where it stands.

use std::panic::Location;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry::global;
use telemetry_core::config::{Env, Plan, Report, startup_line};
use telemetry_core::context::otel::TextMap;
use telemetry_core::context::propagate::{self, Composite};
use telemetry_core::diagnostics::{Level, self_metrics};
use telemetry_core::pipeline::{Intake, Pipeline, Signal};
use telemetry_core::redact::Redaction;
use telemetry_core::trace::{
    Engine, EngineSettings, LineRecorder, Sampler, SpanLayer, TracerProvider,
};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use crate::autolog::Client;
use crate::builder::Builder;
use crate::error::InitError;
use crate::exporters::Lanes;
use crate::handle::{Parts, Telemetry};
use crate::lines::{self, LineLayers};
use crate::metrics::{self, Registry as Metrics};
use crate::page::{self, Page};
use crate::panic_hook;
use crate::voice::Stderr;

/// Where telemetry was started, if it was.
static STARTED: Mutex<Option<&'static Location<'static>>> = Mutex::new(None);

/// What has been started, and the layers that feed it.
struct Started {
    telemetry: Telemetry,
    plan: Plan,
    propagators: Composite,
    report: Report,
    panic_hook: bool,
}

#[track_caller]
pub(crate) fn global(builder: Builder) -> Result<Telemetry, InitError> {
    claim(Location::caller())?;
    let (started, spans, lines) = start(builder).inspect_err(|_| release())?;
    let subscriber = Registry::default().with(lines.around(spans));
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        release();
        metrics::release();
        started.telemetry.abandon();
        return Err(InitError::SubscriberSet);
    }
    started
        .telemetry
        .parts()
        .lines
        .bridge(&started.telemetry.parts().voice);
    let plan = started.plan.clone();
    let telemetry = started.finish();
    lines::service_start(&plan);
    Ok(telemetry)
}

#[track_caller]
pub(crate) fn composed<S>(
    builder: Builder,
) -> Result<(Telemetry, impl Layer<S> + Send + Sync + 'static), InitError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
{
    claim(Location::caller())?;
    let (started, spans, lines) = start(builder).inspect_err(|_| release())?;
    Ok((started.finish(), lines.around(spans)))
}

fn start(mut builder: Builder) -> Result<(Started, Option<SpanLayer>, LineLayers), InitError> {
    // 1. The plan first: everything else is made from checked values.
    let env = builder.env.take().unwrap_or_else(Env::process);
    let (plan, report) = Plan::resolve(&builder.overrides, &env);
    // 2. A voice, so that whatever goes wrong below can be said.
    let stderr = Stderr::open();
    let voice = stderr.voice(plan.logs.own_level);
    let redaction = Redaction::new(&plan.redaction);
    // 3. The registry, which has been recording since before.
    let choices = std::mem::take(&mut builder.metrics);
    metrics::configure(choices, &plan, &redaction, &builder.clock, &voice);
    // 4. Propagators, also when telemetry is disabled: the context of others is not ours to cut.
    let propagators = install_propagators(&plan, &redaction);
    // 5. The pipeline before the layers, so that the first span finds a queue that is served.
    let page = Page::of(&plan, &voice);
    let filter = lines::filter(&plan, &builder.clock, &voice);
    let autolog = Client::of(&plan, &filter, &builder.clock, &voice);
    let timer = lines::timer(&filter, &voice).filter(|_| !plan.disabled);
    let services = [page.listener(&plan, &voice), timer, autolog.service()];
    let mut lanes = Lanes::of(&plan, &builder.clock, &voice, &stderr);
    lanes.bring(std::mem::take(&mut builder.extra));
    services.into_iter().for_each(|service| lanes.host(service));
    let (spans, records) = (lanes.intake(Signal::Traces), lanes.intake(Signal::Logs));
    let pipeline = lanes.start().map_err(InitError::Thread)?;
    // 6. The flight recorder, the engine that tells it of requests, and its layer; without any where
    //    telemetry is disabled.
    let recorder = lines::recorder(&plan, builder.recorder.take(), &voice);
    let recording = lines::line_recorder(recorder.as_ref());
    let engine = engine(&mut builder, &plan, &redaction, spans, recording);
    // 7. What telemetry measures of itself, now that there is something to measure.
    observe(pipeline.as_ref(), engine.as_ref(), &redaction);
    // 8. Lines last: they carry the ids that the span layer has made current.
    let parts = LineParts {
        filter,
        sinks: builder.sinks,
        redaction: &redaction,
        recorder,
        records,
    };
    let (layers, lines) = lines::start(&plan, parts, &builder.clock, &voice);
    let layer = engine
        .as_ref()
        .map(|engine| layers.shield(SpanLayer::new(Arc::clone(engine))));
    let parts = Parts {
        pipeline,
        engine,
        lines,
        #[cfg(feature = "autolog-client")]
        autolog,
        #[cfg(feature = "prometheus")]
        page,
        #[cfg(all(feature = "log", feature = "tower"))]
        loggers_token: plan.verbose.loggers_token.clone(),
        stderr,
        voice,
        #[cfg(feature = "doctor")]
        plan: plan.clone(),
        #[cfg(feature = "doctor")]
        report: report.clone(),
        timeout: builder.shutdown_timeout,
        ended: OnceLock::new(),
    };
    let started = Started {
        telemetry: Telemetry::new(parts),
        plan,
        propagators,
        report,
        panic_hook: builder.panic_hook,
    };
    Ok((started, layer, layers))
}

/// Whoever has installed some before `init()` wanted those; they stay.
fn install_propagators(plan: &Plan, redaction: &Redaction) -> Composite {
    let propagators = Composite::of(&plan.propagators).redacted_by(redaction.clone());
    drop(propagate::install(propagators.clone()));
    propagators
}

/// What the log is made from, beside the plan.
#[cfg_attr(not(feature = "log"), expect(dead_code, reason = "there is no log"))]
pub(crate) struct LineParts<'a> {
    pub(crate) filter: lines::Filter,
    pub(crate) sinks: lines::Sinks,
    pub(crate) redaction: &'a Redaction,
    pub(crate) recorder: Option<lines::Recorder>,
    pub(crate) records: Intake,
}

fn observe(pipeline: Option<&Pipeline>, engine: Option<&Arc<Engine>>, redaction: &Redaction) {
    let lanes = pipeline.map_or(&[][..], Pipeline::lanes);
    self_metrics::register(Metrics::global(), lanes, engine);
    self_metrics::register_redaction(Metrics::global(), redaction);
}

fn engine(
    builder: &mut Builder,
    plan: &Plan,
    redaction: &Redaction,
    spans: Intake,
    recorder: Option<Arc<dyn LineRecorder>>,
) -> Option<Arc<Engine>> {
    let mut settings = EngineSettings::new(spans);
    settings.sampler = builder
        .sampler
        .take()
        .map_or_else(|| Sampler::from(plan.traces.sampler), Sampler::Custom);
    settings.limits = plan.traces.limits;
    settings.clock = builder.clock.clone();
    settings.events = builder.events;
    settings.redaction = redaction.clone();
    settings.recorder = recorder;
    (!plan.disabled).then(|| Arc::new(Engine::new(settings)))
}

impl Started {
    /// What needs the layers in place: the global API, the panic hook, the first lines.
    fn finish(self) -> Telemetry {
        let parts = self.telemetry.parts();
        if let Some(engine) = &parts.engine {
            global::set_tracer_provider(TracerProvider::new(Arc::clone(engine)));
        }
        global::set_meter_provider(Metrics::global().meter_provider());
        global::set_text_map_propagator(TextMap::new(self.propagators));
        #[cfg(feature = "runtime")]
        if !self.plan.disabled {
            telemetry_core::runtime::observe(Metrics::global());
        }
        if self.panic_hook {
            panic_hook::install(parts);
        }
        let line = startup_line(&self.plan, &self.report, page::ROUTE);
        parts.voice.say(Level::Info, line);
        for warning in self.report.to_string().lines() {
            parts.voice.say(Level::Warn, warning);
        }
        self.telemetry
    }
}

fn claim(here: &'static Location<'static>) -> Result<(), InitError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    match *started {
        Some(there) => Err(InitError::AlreadyInitialized(there)),
        None => {
            *started = Some(here);
            Ok(())
        }
    }
}

fn release() {
    *STARTED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}
