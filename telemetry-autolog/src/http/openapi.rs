use axum::http::header;
use axum::response::IntoResponse;

const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /openapi.json`: what this service answers, for programs.
pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::{Method, Request, StatusCode};
    use serde_json::Value;
    use telemetry::Clock;
    use telemetry::config::{Env, LogFormat};
    use tower::ServiceExt;

    use super::DOCUMENT;
    use crate::http::routes::{router, routes};
    use crate::{MemoryStore, Service, Settings};

    #[tokio::test]
    async fn the_document_has_every_route_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let paths = document["paths"].as_object().unwrap();
        let mut served: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
        served.extend(["/health", "/metrics"]);
        let documented: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
        assert_eq!(served, documented);

        let clock = Clock::system();
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let service = Service::new(Settings::default(), store, clock, true);
        let telemetry = telemetry::builder()
            .env(Env::default())
            .traces_exporters([])
            .logs_exporters([])
            .metrics_exporters([])
            .log_format(LogFormat::Off)
            .init()
            .unwrap();
        let router = router(&service, &telemetry);
        for (path, operations) in paths {
            for method in [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
            ] {
                let name = method.as_str().to_lowercase();
                let request = Request::builder()
                    .method(&method)
                    .uri(path.replace("{type}", "autolog"));
                let request = request.body(Body::empty()).unwrap();
                let answer = router.clone().oneshot(request).await.unwrap();
                let is_served = answer.status() != StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(
                    is_served,
                    operations.get(&name).is_some(),
                    "{method} {path}"
                );
                let status = answer.status().as_u16().to_string();
                assert!(
                    !is_served || operations[&name]["responses"].get(&status).is_some(),
                    "{method} {path} answers {status}, which is not documented"
                );
            }
        }
    }
}
