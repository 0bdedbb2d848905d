//! Samplers, propagators, batches.

use super::{resolve, value, with_code};
use crate::config::{Env, Overrides, Plan, PropagatorKind, SamplerPlan, Source, startup_line};
use crate::trace::Sampler;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

#[test]
fn every_sampler_of_the_specification_has_its_name() {
    for (name, arg, shown) in [
        ("always_on", "", "always_on"),
        ("always_off", "", "always_off"),
        ("traceidratio", "", "traceidratio(1)"),
        ("TraceIdRatio", "0.25", "traceidratio(0.25)"),
        ("parentbased_always_on", "", "parentbased_always_on"),
        ("parentbased_always_off", "", "parentbased_always_off"),
        (
            "parentbased_traceidratio",
            "0",
            "parentbased_traceidratio(0)",
        ),
    ] {
        let (plan, report) = resolve(&[(SAMPLER, name), (ARG, arg)]);
        assert_eq!(plan.traces.sampler.to_string(), shown);
        assert_eq!(value(&plan, SAMPLER), shown);
        assert_eq!(Sampler::from(plan.traces.sampler).to_string(), shown);
        assert!(report.is_empty(), "{report}");
    }
}

#[test]
fn a_sampler_that_the_program_brings_is_shown_instead_of_all_others() {
    let mut code = Overrides::default();
    code.traces.custom_sampler = Some("TenPerSecond".to_owned());
    let env = Env::from_pairs([(SAMPLER, "always_off")]);
    let (plan, report) = Plan::resolve(&code, &env);
    assert_eq!(value(&plan, SAMPLER), "TenPerSecond (custom)");
    assert_eq!(plan.setting(SAMPLER).unwrap().source, Source::Code);
    let line = startup_line(&plan, &report, None);
    assert!(line.contains("sampler TenPerSecond (custom)"), "{line}");
    assert!(report.is_empty(), "{report}");
}

#[test]
fn a_ratio_that_is_none_counts_as_unset() {
    for arg in ["1.01", "-0.1", "NaN", "inf", "half", "10%"] {
        let (plan, report) = resolve(&[(SAMPLER, "traceidratio"), (ARG, arg)]);
        assert_eq!(plan.traces.sampler, SamplerPlan::TraceIdRatio(1.0));
        assert_eq!(
            (report.ignored.len(), report.ignored[0].used.as_str()),
            (1, "1"),
            "{report}"
        );
    }
    let mut code = Overrides::default();
    code.traces.sampler = Some(SamplerPlan::TraceIdRatio(2.0));
    let (plan, report) = with_code(&code, &[]);
    assert_eq!(plan.traces.sampler, SamplerPlan::ParentBasedAlwaysOn);
    assert_eq!(report.ignored[0].variable, "OTEL_TRACES_SAMPLER (in code)");
}

#[test]
fn an_argument_without_a_use_is_reported() {
    for pairs in [
        vec![(ARG, "0.5")],
        vec![(ARG, "0.5"), (SAMPLER, "always_on")],
    ] {
        let (_, report) = resolve(&pairs);
        assert_eq!(report.ignored[0].variable, ARG, "{report}");
    }
}

#[test]
fn code_beats_the_sampler_and_its_argument_alike() {
    let mut code = Overrides::default();
    code.traces.sampler = Some(SamplerPlan::AlwaysOn);
    let (plan, report) = with_code(&code, &[(SAMPLER, "traceidratio"), (ARG, "0.5")]);
    assert_eq!(plan.traces.sampler, SamplerPlan::AlwaysOn);
    assert!(report.is_empty(), "{report}");
}

#[test]
fn propagators_keep_their_order_and_come_once() {
    let (plan, report) = resolve(&[(
        "OTEL_PROPAGATORS",
        "b3multi,TraceContext,b3,baggage,jaeger,b3,tracecontext",
    )]);
    let kinds = [
        PropagatorKind::B3Multi,
        PropagatorKind::TraceContext,
        PropagatorKind::B3,
        PropagatorKind::Baggage,
        PropagatorKind::Jaeger,
    ];
    assert_eq!(plan.propagators, kinds);
    assert!(report.is_empty(), "{report}");
}

#[test]
fn propagators_that_do_not_exist_are_named() {
    for (list, used, refused) in [
        ("xray,b3", "b3", vec!["xray"]),
        ("ottrace", "tracecontext,baggage", vec!["ottrace"]),
        ("none,b3", "b3", vec!["none"]),
        (
            "nonsense,xray",
            "tracecontext,baggage",
            vec!["nonsense", "xray"],
        ),
        ("none", "none", vec![]),
        ("none,xray", "none", vec!["xray"]),
    ] {
        let (plan, report) = resolve(&[("OTEL_PROPAGATORS", list)]);
        assert_eq!(value(&plan, "OTEL_PROPAGATORS"), used, "{list}");
        let values: Vec<_> = report
            .ignored
            .iter()
            .map(|ignored| ignored.value.as_str())
            .collect();
        assert_eq!(values, refused, "{list}");
        assert!(
            report.ignored.iter().all(|ignored| ignored.used == used),
            "{report}"
        );
    }
}

#[test]
fn a_batch_is_no_larger_than_its_queue() {
    let (plan, report) = resolve(&[("OTEL_BSP_MAX_QUEUE_SIZE", "100")]);
    assert_eq!(
        (
            plan.traces.batch.max_queue_size,
            plan.traces.batch.max_export_batch_size
        ),
        (100, 100)
    );
    assert!(
        report.is_empty(),
        "a default gives way without a word: {report}"
    );

    let pairs = [
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "101"),
    ];
    let (plan, report) = resolve(&pairs);
    assert_eq!(plan.logs.batch.max_export_batch_size, 100);
    assert_eq!(value(&plan, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"), "100");
    let [ignored] = report.ignored.as_slice() else {
        panic!("{report}")
    };
    assert_eq!(
        (ignored.value.as_str(), ignored.used.as_str()),
        ("101", "100")
    );
}

#[test]
fn the_queues_are_bounded_in_bytes() {
    let mut code = Overrides::default();
    code.logs.batch.max_queue_bytes = Some(1000);
    let (plan, _) = with_code(&code, &[]);
    assert_eq!(
        (
            plan.traces.batch.max_queue_bytes,
            plan.logs.batch.max_queue_bytes
        ),
        (32 * 1024 * 1024, 1000)
    );
}
