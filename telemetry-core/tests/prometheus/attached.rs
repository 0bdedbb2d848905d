use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use test_support::promtool;

use super::support::{OPEN_METRICS, counter, families, renderer, snapshot, text};

type Labels = Vec<(String, String)>;

fn registry() -> Registry {
    let mut registry = Registry::default();
    let orders = Family::<Labels, CounterWithExemplar<Labels>>::default();
    let labels = vec![("kind".to_owned(), "a # {\"b\"}".to_owned())];
    let exemplar = vec![("trace_id".to_owned(), "abc".to_owned())];
    orders
        .get_or_create(&labels)
        .inc_by(2, Some(exemplar), None);
    registry.register("orders", "Orders \"taken\"", orders);
    registry.register_with_unit("age", "Age", Unit::Seconds, Gauge::<i64>::default());
    registry.register("jobs", "Jobs of theirs", Counter::<u64>::default());
    registry.register("build", "Build", Info::new(vec![("v", "1")]));
    registry
}

#[test]
fn its_families_are_on_the_page_and_ours_come_first() {
    let (renderer, said) = renderer();
    renderer.attach(Arc::new(registry()));
    let snapshot = snapshot(vec![counter("jobs", 7)]);
    let page = renderer.render(&snapshot, OPEN_METRICS, None);
    assert_eq!(page.left_out, 1);
    let page = text(page);
    if let Some(families) = families(&page) {
        let mut names: Vec<_> = families
            .iter()
            .filter_map(|family| family["name"].as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["age_seconds", "build", "jobs", "orders", "target"]);
    }
    assert!(page.contains("# {trace_id=\"abc\"} 2"), "{page}");
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("counter \"jobs\" of an attached registry is left out"),
        "{said:?}"
    );
}

#[test]
fn a_classic_page_has_them_in_its_format() {
    let (renderer, _) = renderer();
    renderer.attach(Arc::new(registry()));
    let page = text(renderer.render(&snapshot(Vec::new()), None, None));
    assert!(page.contains("# TYPE orders_total counter\n"), "{page}");
    assert!(page.contains("{kind=\"a # {\\\"b\\\"}\"} 2\n"), "{page}");
    assert!(page.contains("# TYPE build_info gauge\n"), "{page}");
    if let Some(complaints) = promtool(&page) {
        assert_eq!(complaints, "", "{page}");
    }
}
