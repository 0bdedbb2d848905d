use opentelemetry::KeyValue;

use super::{Machine, get};
use crate::config::{Env, Overrides, Plan, Report};

fn resolve(code: &Overrides, pairs: &[(&str, &str)]) -> (Plan, Report) {
    let machine = Machine {
        host_name: Some("host-1".to_owned()),
        executable: Some("shop".to_owned()),
        container_id: Some("c0ffee".to_owned()),
        kubernetes_namespace: Some("mounted".to_owned()),
    };
    Plan::resolve_on(code, &Env::from_pairs(pairs.to_vec()), &machine)
}

fn attribute(plan: &Plan, key: &'static str) -> Option<String> {
    get(&plan.resource, key)
}

#[test]
fn the_process_is_described_without_being_asked() {
    let (plan, report) = resolve(&Overrides::default(), &[]);
    for (key, value) in [
        ("service.name", "unknown_service:shop"),
        ("telemetry.sdk.name", "telemetry"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ("host.name", "host-1"),
        ("process.executable.name", "shop"),
        ("process.pid", &std::process::id().to_string()),
        ("process.runtime.name", "rustc"),
        ("container.id", "c0ffee"),
    ] {
        assert_eq!(attribute(&plan, key).as_deref(), Some(value), "{key}");
    }
    for key in [
        "host.arch",
        "os.type",
        "service.instance.id",
        "process.runtime.version",
    ] {
        assert!(
            attribute(&plan, key).is_some_and(|value| !value.is_empty()),
            "{key}"
        );
    }
    assert_eq!(
        plan.resource.schema_url(),
        Some("https://opentelemetry.io/schemas/1.42.0")
    );
    assert!(report.is_empty(), "{report}");
}

#[test]
fn the_service_name_has_five_sources_in_order() {
    let mut code = Overrides {
        default_service_name: Some(" ".to_owned()),
        ..Overrides::default()
    };
    let service_name = |code: &Overrides| resolve(code, &[]).0.service_name();
    assert_eq!(service_name(&code), "unknown_service:shop");
    code.default_service_name = Some("default".to_owned());
    assert_eq!(service_name(&code), "default");
    let both = [
        ("OTEL_SERVICE_NAME", "variable"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute"),
    ];
    assert_eq!(resolve(&code, &both[1..]).0.service_name(), "attribute");
    assert_eq!(resolve(&code, &both).0.service_name(), "variable");
    code.resource_attributes = vec![KeyValue::new("service.name", "listed")];
    assert_eq!(resolve(&code, &both).0.service_name(), "listed");
    code.service_name = Some("code".to_owned());
    assert_eq!(resolve(&code, &both).0.service_name(), "code");
}

#[test]
fn attributes_are_decoded_and_beat_what_was_detected() {
    let text = "host.name=mine,deployment.environment.name=pre%2Dprod%2C%20eu , k%3Dey=a=b,empty=";
    let (plan, report) = resolve(&Overrides::default(), &[("OTEL_RESOURCE_ATTRIBUTES", text)]);
    for (key, value) in [
        ("host.name", "mine"),
        ("deployment.environment.name", "pre-prod, eu"),
        ("k=ey", "a=b"),
    ] {
        assert_eq!(attribute(&plan, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&plan, "empty"), None);
    assert!(report.is_empty(), "{report}");
}

#[test]
fn a_bad_pair_does_not_take_the_good_ones_along() {
    let text = "good=1,bad,=2,also%ff=3,x=%ff,better=4";
    let (plan, report) = resolve(&Overrides::default(), &[("OTEL_RESOURCE_ATTRIBUTES", text)]);
    assert_eq!(attribute(&plan, "good").as_deref(), Some("1"));
    assert_eq!(attribute(&plan, "better").as_deref(), Some("4"));
    let values: Vec<_> = report
        .ignored
        .iter()
        .map(|ignored| ignored.value.as_str())
        .collect();
    assert_eq!(values, ["bad", "=2", "also%ff=3", "x=%ff"]);
}

#[test]
fn code_beats_the_environment_and_its_own_names_beat_its_list() {
    let code = Overrides {
        service_version: Some("2.0.0".to_owned()),
        commit: Some("4fd21a0".to_owned()),
        service_instance_id: Some("one".to_owned()),
        resource_attributes: vec![
            KeyValue::new("service.version", "1"),
            KeyValue::new("shelf", 7),
        ],
        ..Overrides::default()
    };
    let pairs = [(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.version=0,shelf=0,service.namespace=env",
    )];
    let (plan, _) = resolve(&code, &pairs);
    for (key, value) in [
        ("service.version", "2.0.0"),
        ("vcs.ref.head.revision", "4fd21a0"),
        ("service.instance.id", "one"),
        ("shelf", "7"),
        ("service.namespace", "env"),
    ] {
        assert_eq!(attribute(&plan, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn kubernetes_is_described_by_its_downward_variables() {
    let short = [
        ("POD_NAME", "pod"),
        ("NODE_NAME", "node"),
        ("POD_UID", "uid"),
        ("HOSTNAME", "host"),
    ];
    let (plan, _) = resolve(&Overrides::default(), &short);
    assert_eq!(
        attribute(&plan, "k8s.pod.name"),
        None,
        "outside of a cluster the name may mean anything"
    );

    let cluster = [&short[..], &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]].concat();
    let (plan, _) = resolve(&Overrides::default(), &cluster);
    for (key, value) in [
        ("k8s.pod.name", "pod"),
        ("k8s.node.name", "node"),
        ("k8s.pod.uid", "uid"),
        ("k8s.namespace.name", "mounted"),
    ] {
        assert_eq!(attribute(&plan, key).as_deref(), Some(value), "{key}");
    }

    let long = [
        ("K8S_POD_NAME", "p"),
        ("K8S_NAMESPACE_NAME", "n"),
        ("K8S_CONTAINER_NAME", "c"),
        ("POD_NAME", "x"),
    ];
    let (plan, _) = resolve(&Overrides::default(), &long);
    for (key, value) in [
        ("k8s.pod.name", "p"),
        ("k8s.namespace.name", "n"),
        ("k8s.container.name", "c"),
    ] {
        assert_eq!(attribute(&plan, key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn the_real_machine_is_read() {
    let machine = Machine::read(&Env::default());
    assert!(machine.executable.is_some());
    if cfg!(target_os = "linux") {
        assert!(machine.host_name.is_some_and(|name| !name.is_empty()));
    }
}
