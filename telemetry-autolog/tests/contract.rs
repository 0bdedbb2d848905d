//! What must be right: the eight points of the contract, on each store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use common::{CHECK, Server, alert, app_with, notice, servers, servers_with};
use futures_util::future::join_all;
use serde_json::{Value, json};
use telemetry::Clock;
use telemetry_autolog::{MemoryStore, Settings};

const MINUTE: Duration = Duration::from_secs(60);

fn secrets() -> Settings {
    let mut settings = Settings::default();
    settings.webhook_secret = Some("hook".to_owned());
    settings.api_token = Some("token".to_owned());
    settings
}

#[tokio::test]
async fn point_1_the_webhook_wants_its_secret() {
    for server in servers_with(secrets()).await {
        let body = notice(&[alert("a", "firing", "")]).to_string();
        let send = |name, value| {
            let (server, body) = (&server, body.clone());
            async move {
                let headers = [("content-type", "application/json"), (name, value)];
                let reply = server.request(Method::POST, "/webhook/autolog", &headers, body);
                reply.await.status
            }
        };
        assert_eq!(send("x-other", "hook").await, 401, "{}", server.store);
        assert_eq!(send("x-webhook-secret", "wrong").await, 401);
        assert_eq!(
            send("authorization", "Bearer token").await,
            401,
            "that is the other secret"
        );
        assert_eq!(server.check("").await, json!({"enabled": false}));
        assert_eq!(send("authorization", "Bearer hook").await, 200);
        assert_eq!(send("x-webhook-secret", "hook").await, 200);
        assert_eq!(server.check("").await["enabled"], true);
    }
}

#[tokio::test]
async fn point_1_people_and_clients_want_their_token() {
    for server in servers_with(secrets()).await {
        let body =
            json!({"app": "shop", "environment": "production", "service": "shop"}).to_string();
        for (method, path, expected) in [
            (Method::POST, "/api/autolog/enable", 200),
            (Method::GET, "/api/autolog/list", 200),
            (Method::POST, "/api/autolog/error", 200),
            (Method::POST, "/api/autolog/disable", 200),
        ] {
            for wrong in [
                ("x-webhook-secret", "token"),
                ("authorization", "Bearer hook"),
            ] {
                let reply = server
                    .request(method.clone(), path, &[wrong], body.clone())
                    .await;
                assert_eq!(reply.status, 401, "{path} {wrong:?}");
                assert_eq!(reply.header("www-authenticate"), "Bearer");
                assert!(!reply.error().is_empty());
            }
            let right = [("authorization", "Bearer token")];
            let reply = server.request(method, path, &right, body.clone()).await;
            assert_eq!(reply.status, expected, "{path} {reply:?}");
        }
        assert_eq!(server.get("/health").await.status, 200, "needs none");
        assert_eq!(server.get(CHECK).await.status, 200, "needs none");
    }
}

#[tokio::test]
async fn point_1_without_a_secret_only_this_machine_is_served() {
    for server in servers().await {
        let body =
            json!({"app": "shop", "environment": "production", "service": "shop"}).to_string();
        for header in [
            ("forwarded", "for=192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("origin", "https://stranger.example"),
        ] {
            for path in [
                "/api/autolog/enable",
                "/api/autolog/disable",
                "/api/autolog/error",
                "/webhook/autolog",
            ] {
                let reply = server
                    .request(Method::POST, path, &[header], body.clone())
                    .await;
                assert_eq!(reply.status, 401, "{path} {header:?} {}", server.store);
            }
        }
        assert_eq!(server.check("").await, json!({"enabled": false}));
        server.enable(json!({})).await;
    }
    let clock = Clock::system();
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let open = Server::start(Settings::default(), store, clock, false).await;
    let reply = open.get("/api/autolog/list").await;
    assert_eq!(reply.status, 401, "not bound to loopback");
    assert!(reply.error().contains("AUTOLOG_API_TOKEN"), "{reply:?}");
    assert_eq!(open.get(CHECK).await.status, 200);
}

#[tokio::test]
async fn point_2_an_endpoint_falls_back_to_its_app() {
    for server in servers().await {
        assert_eq!(server.check("").await, json!({"enabled": false}));
        assert_eq!(
            server.check("&endpoint=/pay").await,
            json!({"enabled": false})
        );
        let pay = server
            .enable(json!({"endpoint": "/pay", "reason": "one"}))
            .await;
        let verdict = server.check("").await;
        assert_eq!(
            verdict,
            json!({"enabled": false, "sessions": [pay]}),
            "{}",
            server.store
        );
        assert_eq!(
            server.check("&endpoint=/pay").await,
            json!({"enabled": true, "config": pay})
        );
        assert_eq!(
            server.check("&endpoint=/pay/2").await,
            json!({"enabled": false})
        );
        let whole = server
            .enable(json!({"reason": "all", "level": "trace"}))
            .await;
        assert_eq!(whole["level"], "trace");
        assert_eq!(server.check("&endpoint=/other").await["config"], whole);
        assert_eq!(
            server.check("&endpoint=/pay").await["config"],
            pay,
            "its own comes first"
        );
        let verdict = server.check("").await;
        assert_eq!(
            verdict,
            json!({"enabled": true, "config": whole, "sessions": [pay]})
        );
        for other in [
            "app=shop&environment=staging",
            "app=shop2&environment=production",
        ] {
            let reply = server.get(&format!("/api/autolog/check?{other}")).await;
            assert_eq!(reply.json(), json!({"enabled": false}));
        }
    }
}

#[tokio::test]
async fn point_3_the_last_alert_closes_not_the_first() {
    for server in servers().await {
        assert_eq!(
            server
                .alerts(&[("a", "firing", ""), ("b", "firing", "")])
                .await
                .status,
            200
        );
        let first = server.check("").await["config"].clone();
        assert_eq!(first["alerts"], json!(["a", "b"]), "{}", server.store);
        assert_eq!(first["trigger_source"], "alertmanager");
        assert_eq!(first["reason"], "many errors");
        server.alerts(&[("a", "resolved", "")]).await;
        let second = server.check("").await["config"].clone();
        assert_eq!(second["alerts"], json!(["b"]));
        assert_eq!(second["id"], first["id"]);
        server
            .alerts(&[("x", "resolved", ""), ("a", "resolved", "")])
            .await;
        assert_eq!(server.check("").await["enabled"], true, "they hold nothing");
        server.alerts(&[("b", "resolved", "")]).await;
        assert_eq!(server.check("").await, json!({"enabled": false}));
    }
}

#[tokio::test]
async fn point_3_a_new_alert_extends_the_expiry() {
    for server in servers().await {
        server.alerts(&[("a", "firing", "")]).await;
        let first = server.check("").await["config"].clone();
        server.clock.advance(20 * MINUTE);
        server.alerts(&[("b", "firing", "")]).await;
        let second = server.check("").await["config"].clone();
        assert_eq!(second["id"], first["id"]);
        assert_eq!(second["enabled_at"], first["enabled_at"]);
        assert!(second["expires_at"].as_str() > first["expires_at"].as_str());
        server.clock.advance(20 * MINUTE);
        let third = server.check("").await["config"].clone();
        assert_eq!(
            third["alerts"],
            json!(["b"]),
            "the hold of a is over: {}",
            server.store
        );
        server.clock.advance(11 * MINUTE);
        assert_eq!(
            server.check("").await,
            json!({"enabled": false}),
            "at its expiry"
        );
    }
}

#[tokio::test]
async fn point_3_a_resolved_alert_never_closes_what_a_person_opened() {
    for server in servers().await {
        let mine = server
            .enable(json!({"reason": "mine", "ttl_minutes": 10}))
            .await;
        server.alerts(&[("a", "firing", "")]).await;
        let both = server.check("").await["config"].clone();
        assert_eq!(both["id"], mine["id"], "{}", server.store);
        assert_eq!(both["reason"], "mine");
        assert!(both["expires_at"].as_str() > mine["expires_at"].as_str());
        server.alerts(&[("a", "resolved", "")]).await;
        assert_eq!(server.check("").await["config"], mine);
        server.disable(json!({})).await;
        server.alerts(&[("a", "firing", "")]).await;
        let theirs = server.check("").await["config"].clone();
        let joined = server
            .enable(json!({"reason": "mine now", "level": "trace"}))
            .await;
        assert_eq!(joined["id"], theirs["id"]);
        assert_eq!(
            (&joined["reason"], &joined["level"]),
            (&json!("mine now"), &json!("trace"))
        );
        server.alerts(&[("a", "resolved", "")]).await;
        assert_eq!(server.check("").await["enabled"], true);
        assert_eq!(server.disable(json!({})).await, 200);
        assert_eq!(server.disable(json!({})).await, 404);
    }
}

#[tokio::test]
async fn point_4_the_gauge_is_read_from_the_store() {
    for server in servers().await {
        let app = format!("gauge-{}", server.store);
        let gauge = format!("autolog_active_sessions{{app=\"{app}\",environment=\"production\"}}");
        server.enable(json!({"app": app, "ttl_minutes": 1})).await;
        server
            .enable(json!({"app": app, "endpoint": "/pay", "ttl_minutes": 2}))
            .await;
        assert_eq!(server.metric(&gauge).await, Some(2.0));
        server.clock.advance(MINUTE);
        assert_eq!(server.metric(&gauge).await, Some(1.0), "expiry lowers it");
        server.clock.advance(MINUTE);
        assert_eq!(server.metric(&gauge).await, Some(0.0));
    }
}

#[tokio::test]
async fn point_5_a_list_is_whole_in_order_and_in_pages() {
    for server in servers().await {
        for index in 0..25 {
            server
                .enable(json!({"endpoint": format!("/{index:02}")}))
                .await;
            if index % 3 == 0 {
                server.clock.advance(Duration::from_millis(1));
            }
        }
        let whole = server.get("/api/autolog/list").await.json();
        assert_eq!(whole["count"], 25, "{}", server.store);
        assert!(whole.get("next_cursor").is_none());
        let all = whole["sessions"].as_array().unwrap();
        let times: Vec<&str> = all
            .iter()
            .map(|one| one["enabled_at"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/autolog/list?limit=4&cursor={cursor}");
            let page = server.get(&path).await.json();
            paged.extend(page["sessions"].as_array().unwrap().clone());
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = next.replace('/', "%2F");
        }
        assert_eq!(&paged, all);
        server.clock.advance(30 * MINUTE);
        assert_eq!(
            server.get("/api/autolog/list").await.json(),
            json!({"count": 0, "sessions": []})
        );
    }
}

#[tokio::test]
async fn point_5_endpoints_that_look_alike_are_not_mixed_up() {
    for server in servers().await {
        let endpoints = ["/a", "/a:b", "/a%3Ab", "/a/{id}", "/a/*", "/ä", "/a b"];
        for endpoint in endpoints {
            server
                .enable(json!({"endpoint": endpoint, "reason": endpoint}))
                .await;
        }
        let sessions = server.check("").await["sessions"].clone();
        assert_eq!(
            sessions.as_array().unwrap().len(),
            endpoints.len(),
            "{}",
            server.store
        );
        for session in sessions.as_array().unwrap() {
            assert_eq!(session["endpoint"], session["reason"]);
        }
        for endpoint in endpoints {
            assert_eq!(
                server.disable(json!({"endpoint": endpoint})).await,
                200,
                "{endpoint}"
            );
        }
        assert_eq!(server.check("").await, json!({"enabled": false}));
    }
}

#[tokio::test]
async fn point_5_of_many_at_once_one_opens() {
    for server in servers().await {
        let app = format!("race-{}", server.store);
        let reports = (0..40).map(|_| server.report(json!({"app": app})));
        let told = join_all(reports).await;
        let counts: std::collections::BTreeSet<u64> = told
            .iter()
            .map(|one| one["count"].as_u64().unwrap())
            .collect();
        assert_eq!(counts.len(), 40, "each count once: {counts:?}");
        let triggered = told.iter().filter(|one| one["triggered"] == true).count();
        assert_eq!(triggered, 1, "{}", server.store);
        let line = format!("autolog_triggers_total{{app=\"{app}\",trigger_source=\"error_rate\"}}");
        assert_eq!(server.metric(&line).await, Some(1.0));
    }
}

#[tokio::test]
async fn point_6_the_window_begins_with_its_first_error() {
    for server in servers().await {
        for count in 1..10 {
            let told = server
                .report(json!({"endpoint": "/pay", "error_type": "timeout"}))
                .await;
            assert_eq!(
                told,
                json!({"count": count, "threshold": 10, "triggered": false})
            );
            server.clock.advance(Duration::from_secs(33));
        }
        server.clock.advance(Duration::from_secs(4));
        let told = server.report(json!({"endpoint": "/pay"})).await;
        assert_eq!(
            told["count"], 1,
            "later errors do not push the window out: {}",
            server.store
        );
        let told = server
            .report(json!({"endpoint": "/pay", "count": 9, "error_type": "io"}))
            .await;
        assert_eq!(
            told,
            json!({"count": 10, "threshold": 10, "triggered": true})
        );
        let session = server.check("&endpoint=/pay").await["config"].clone();
        assert_eq!(session["trigger_source"], "error_rate");
        assert_eq!(
            (&session["error_count"], &session["error_type"]),
            (&json!(10), &json!("io"))
        );
        assert_eq!(
            server.check("&endpoint=/other").await,
            json!({"enabled": false})
        );
        let told = server.report(json!({"endpoint": "/pay", "count": 5})).await;
        assert_eq!(
            told,
            json!({"count": 15, "threshold": 10, "triggered": false})
        );
        let after = server.check("&endpoint=/pay").await["config"].clone();
        assert_eq!(after["error_count"], 15);
        assert_eq!(after["expires_at"], session["expires_at"]);
    }
}

#[tokio::test]
async fn point_8_bad_input_is_refused_with_a_reason() {
    let long = "x".repeat(257);
    for server in servers().await {
        for (path, change, reason) in [
            ("enable", json!({"app": null}), "app is required"),
            ("enable", json!({"app": ""}), "app is required"),
            ("enable", json!({"service": null}), "service is required"),
            ("disable", json!({"environment": null}), "environment is"),
            ("enable", json!({"app": long}), "256 bytes"),
            ("enable", json!({"reason": long}), "256 bytes"),
            ("enable", json!({"app": "a\n"}), "control"),
            ("enable", json!({"app": 1}), "string"),
            ("enable", json!({"ttl_minutes": 0}), "1440"),
            ("enable", json!({"ttl_minutes": 1441}), "1440"),
            ("enable", json!({"level": "info"}), "debug"),
            ("error", json!({"count": 0}), "at least 1"),
            ("error", json!({"count": -1}), "-1"),
        ] {
            let path = format!("/api/autolog/{path}");
            let reply = server.post(&path, &app_with(change.clone())).await;
            assert_eq!(reply.status, 400, "{change} {reply:?}");
            assert!(reply.error().contains(reason), "{change} {reply:?}");
        }
        let reply = server.get("/api/autolog/check").await;
        assert_eq!(reply.error(), "app and environment are required");
    }
}

#[tokio::test]
async fn point_8_bad_requests_of_every_kind_are_answered() {
    for server in servers().await {
        for query in [
            "check",
            "check?app=a",
            "check?app=a&environment=",
            "check?app=a&app=b&environment=p",
            "check?app=a&environment=p&wait=56",
            "check?app=a&environment=p&wait=soon",
            "check?app=a%00&environment=p",
            "list?limit=0",
            "list?limit=x",
            "list?cursor=x",
        ] {
            let reply = server.get(&format!("/api/autolog/{query}")).await;
            assert_eq!(reply.status, 400, "{query} {reply:?}");
            assert!(!reply.error().is_empty());
        }
        for body in [
            "",
            "{",
            "null",
            "[]",
            "\0",
            r#"{"alerts":1}"#,
            r#"{"alerts":[{}]}"#,
        ] {
            let path = "/webhook/autolog";
            let reply = server.request(Method::POST, path, &[], body).await;
            assert_eq!(reply.status, 400, "{body} {reply:?}");
        }
        let reply = server.post("/webhook/other", &notice(&[])).await;
        assert_eq!(reply.status, 404);
        assert_eq!(server.get("/api/autolog/enable").await.status, 405);
        assert_eq!(server.get("/nothing").await.status, 404);
    }
}

#[tokio::test]
async fn point_8_what_is_too_large_is_413_and_unknown_fields_are_ignored() {
    for server in servers().await {
        let padded = |size: usize| json!({"app": "shop", "environment": "p", "service": "s", "unknown": "x".repeat(size)});
        let reply = server.post("/api/autolog/enable", &padded(1 << 20)).await;
        assert_eq!(reply.status, 413, "{}", server.store);
        assert!(reply.error().contains("1 MiB"));
        let reply = server
            .post("/api/autolog/enable", &padded((1 << 20) - 200))
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn point_8_one_bad_alert_keeps_no_other_out() {
    for server in servers().await {
        let mut bad = alert("bad", "firing", "");
        bad["labels"]["service_name"] = json!("x".repeat(257));
        let alerts = [bad, alert("good", "firing", "/pay")];
        let reply = server.post("/webhook/autolog", &notice(&alerts)).await;
        assert_eq!(reply.status, 400);
        assert!(reply.error().contains("service_name"), "{reply:?}");
        assert_eq!(
            server.check("&endpoint=/pay").await["enabled"],
            true,
            "{}",
            server.store
        );
    }
}

#[tokio::test]
async fn point_8_there_is_a_limit_of_sessions() {
    for server in servers().await {
        let fill = (0..100).map(|chunk| {
            let one = |index| alert("a", "firing", &format!("/{chunk}/{index}"));
            let alerts: Vec<Value> = (0..100).map(one).collect();
            let server = &server;
            async move {
                server
                    .post("/webhook/autolog", &notice(&alerts))
                    .await
                    .status
            }
        });
        assert_eq!(join_all(fill).await, [200; 100], "{}", server.store);
        let one_more = json!({"app": "shop", "environment": "p", "service": "s"});
        let reply = server.post("/api/autolog/enable", &one_more).await;
        assert_eq!(reply.status, 429, "{}", server.store);
        assert!(!reply.header("retry-after").is_empty());
        assert_eq!(server.alerts(&[("b", "firing", "/more")]).await.status, 429);
        assert_eq!(
            server.alerts(&[("b", "firing", "/0/0")]).await.status,
            200,
            "joins"
        );
        assert_eq!(server.disable(json!({"endpoint": "/0/0"})).await, 200);
        assert_eq!(
            server.post("/api/autolog/enable", &one_more).await.status,
            200
        );
        server.clock.advance(30 * MINUTE);
        server.enable(json!({})).await;
        assert_eq!(server.get("/api/autolog/list").await.json()["count"], 1);
    }
}

#[tokio::test]
async fn an_alert_finds_its_app_environment_and_endpoint() {
    for server in servers().await {
        for (labels, query) in [
            (
                json!({"service_name": "a1", "app": "no"}),
                "app=a1&environment=production",
            ),
            (
                json!({"app": "a2", "service": "no"}),
                "app=a2&environment=production",
            ),
            (
                json!({"service": "a3", "job": "no", "deployment_environment": "dev"}),
                "app=a3&environment=dev",
            ),
            (
                json!({"job": "a4", "environment": "dev"}),
                "app=a4&environment=dev",
            ),
            (
                json!({"app": "a5", "deployment_environment_name": "x", "environment": "no"}),
                "app=a5&environment=x",
            ),
            (
                json!({"app": "a6", "http_route": "/r", "endpoint": "no"}),
                "app=a6&environment=production&endpoint=/r",
            ),
            (
                json!({"app": "a7", "endpoint": "/e"}),
                "app=a7&environment=production&endpoint=/e",
            ),
        ] {
            let alert = json!({"status": "firing", "fingerprint": "f", "labels": labels});
            let reply = server.post("/webhook/autolog", &notice(&[alert])).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let verdict = server
                .get(&format!("/api/autolog/check?{query}"))
                .await
                .json();
            assert_eq!(verdict["enabled"], true, "{query} {}", server.store);
        }
        let nobody = json!({"status": "firing", "fingerprint": "f", "labels": {"alertname": "X"}});
        let line = "autolog_webhook_requests_total{source=\"autolog\",event_type=\"ignored\"}";
        let before = server.metric(line).await.unwrap_or(0.0);
        assert_eq!(
            server
                .post("/webhook/autolog", &notice(&[nobody]))
                .await
                .status,
            200
        );
        assert!(server.metric(line).await.unwrap() > before);
        assert_eq!(
            server.get("/api/autolog/list").await.json()["count"],
            7,
            "none called unknown"
        );
    }
}

#[tokio::test]
async fn other_webhooks_open_only_for_alerts_that_say_so() {
    for server in servers().await {
        for kind in ["critical", "application", "infrastructure"] {
            let path = format!("/webhook/{kind}");
            let plain = alert("a", "firing", "");
            assert_eq!(server.post(&path, &notice(&[plain])).await.status, 200);
            assert_eq!(server.check("").await, json!({"enabled": false}), "{kind}");
            let mut wanted = alert("a", "firing", "");
            wanted["labels"]["autolog"] = json!("true");
            server.post(&path, &notice(&[wanted])).await;
            assert_eq!(
                server.check("").await["enabled"],
                true,
                "{kind} {}",
                server.store
            );
            server
                .post(&path, &notice(&[alert("a", "resolved", "")]))
                .await;
            assert_eq!(server.check("").await, json!({"enabled": false}), "{kind}");
        }
    }
}

#[tokio::test]
async fn its_metrics_are_those_of_the_contract() {
    for server in servers().await {
        let app = format!("metrics-{}", server.store);
        let mut alert = alert("a", "firing", "");
        alert["labels"]["service_name"] = json!(app);
        server.post("/webhook/critical", &notice(&[alert])).await;
        server.post("/webhook/critical", &json!({})).await;
        let body = json!({"app": app, "count": 3, "error_type": "timeout"});
        server.report(body.clone()).await;
        server.report(body).await;
        server.enable(json!({"app": app})).await;
        let place = format!("app=\"{app}\",environment=\"production\"");
        for (line, least) in [
            (
                r#"autolog_webhook_requests_total{source="critical",event_type="firing"}"#
                    .to_owned(),
                1.0,
            ),
            (
                r#"autolog_webhook_requests_total{source="critical",event_type="malformed"}"#
                    .to_owned(),
                1.0,
            ),
            (
                r#"autolog_webhook_duration_seconds_count{source="critical"}"#.to_owned(),
                2.0,
            ),
            (
                format!("autolog_error_events_total{{{place},error_type=\"timeout\"}}"),
                6.0,
            ),
            (
                format!("autolog_triggers_total{{{place},trigger_source=\"manual\"}}"),
                1.0,
            ),
            (format!("autolog_active_sessions{{{place}}}"), 1.0),
        ] {
            let value = server.metric(&line).await;
            assert!(
                value.is_some_and(|value| value >= least),
                "{line}: {value:?}"
            );
        }
    }
}
