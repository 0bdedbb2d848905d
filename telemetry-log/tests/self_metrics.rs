//! What the log measures of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry_core::metrics::{Points, Registry, RegistrySettings};
use telemetry_log::{FileConfig, Logs, SinkConfig};
use tracing_subscriber::layer::SubscriberExt;

fn lines(registry: &Registry) -> BTreeMap<String, f64> {
    let mut lines = BTreeMap::new();
    for metric in registry.collect().metrics {
        if let Points::Sum(points) = &metric.points {
            for point in points {
                let labels = point.attributes.iter();
                let labels: Vec<_> = labels.map(|label| label.value.to_string()).collect();
                let key = format!("{} {}", metric.descriptor.name, labels.join(" "));
                lines.insert(key, point.value.as_f64());
            }
        }
    }
    lines
}

#[test]
fn lines_are_counted_by_sink_while_the_log_is_there() {
    let registry = Registry::new(RegistrySettings::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    let (layer, handle) = Logs::builder()
        .sink(SinkConfig::file(FileConfig::new(file.path())))
        .build()
        .unwrap();
    handle.observe(&registry);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("one");
        tracing::info!("two");
        assert!(handle.flush(Duration::from_secs(30)).in_time);
    });
    let name = handle.sinks().remove(0).name;
    let expected = [
        (format!("telemetry.log.lines {name}"), 2.0),
        (format!("telemetry.log.lines.pending {name}"), 0.0),
        ("telemetry.log.records INFO".to_owned(), 2.0),
    ];
    assert_eq!(lines(&registry), BTreeMap::from(expected));
    assert_eq!(
        std::fs::read_to_string(file.path())
            .unwrap()
            .lines()
            .count(),
        2
    );
    assert!(handle.shutdown(Duration::from_secs(30)).in_time);
    drop(handle);
    assert_eq!(lines(&registry), BTreeMap::new());
}
