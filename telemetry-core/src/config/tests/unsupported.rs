//! Variables without an effect.

use super::resolve;
use crate::config::variables::{self, Standing};

#[test]
fn every_unsupported_variable_is_named_with_what_would_work() {
    for variable in variables::all() {
        let Standing::Ignored { remedy } = variable.standing else {
            continue;
        };
        let (_, report) = resolve(&[(&variable.name, "1")]);
        let [ignored] = report.ignored.as_slice() else {
            panic!("{}: {report}", variable.name)
        };
        assert_eq!(
            (&ignored.variable, ignored.reason.as_str()),
            (&variable.name, remedy)
        );
        assert!(
            resolve(&[(&variable.name, "")]).1.is_empty(),
            "empty is unset"
        );
    }
}

#[test]
fn a_misspelt_variable_is_recognised_and_its_value_kept_secret() {
    let (_, report) = resolve(&[
        ("OTEL_EXPORTER_OTLP_HEADER", "key=hunter2"),
        ("OTEL_SEVRICE_NAME", "hunter2"),
    ]);
    assert_eq!(
        report.to_string(),
        "telemetry: ignored OTEL_EXPORTER_OTLP_HEADER: unknown variable; did you mean \
         OTEL_EXPORTER_OTLP_HEADERS?; used: the other variables\n\
         telemetry: ignored OTEL_SEVRICE_NAME: unknown variable; did you mean OTEL_SERVICE_NAME?; used: the other \
         variables\n"
    );
}

#[test]
fn other_programs_variables_are_left_alone() {
    let (_, report) = resolve(&[
        ("OTEL_PYTHON_LOG_CORRELATION", "true"),
        ("OTELCOL_HOME", "/x"),
        ("PATH", "/bin"),
    ]);
    assert!(report.is_empty(), "{report}");
}

#[test]
fn old_conventions_beside_the_stable_ones_are_refused() {
    let (_, report) = resolve(&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup,database")]);
    let [ignored] = report.ignored.as_slice() else {
        panic!("{report}")
    };
    assert_eq!(
        (ignored.value.as_str(), ignored.used.as_str()),
        ("http/dup", "http")
    );
    assert!(
        resolve(&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http")])
            .1
            .is_empty()
    );
}
