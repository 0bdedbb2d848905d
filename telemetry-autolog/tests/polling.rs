//! Long-polling, and how the service ends.
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
use common::{CHECK, PATIENCE, Reply, Server, servers, until};
use serde_json::json;
use telemetry::Clock;
use telemetry_autolog::{MemoryStore, RedisStore, Settings};
use test_support::Redis;
use tokio::time::timeout;

/// How a client waits that knows this answer.
async fn wait(server: &Server, tag: &str, seconds: u64) -> Reply {
    let path = format!("{CHECK}&wait={seconds}");
    server
        .request(Method::GET, &path, &[("if-none-match", tag)], "")
        .await
}

/// Whether a request is still waiting after it had the time to be answered.
async fn is_waiting(request: &mut (impl Future<Output = Reply> + Unpin)) -> bool {
    timeout(Duration::from_millis(300), request).await.is_err()
}

/// How long Redis is away: longer than any one attempt to reach it again waits.
const OUTAGE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_known_answer_is_304_at_once_without_wait() {
    for server in servers().await {
        let first = server.get(CHECK).await;
        assert_eq!(first.header("cache-control"), "no-cache");
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let known = [("if-none-match", tag.as_str())];
        let second = server.request(Method::GET, CHECK, &known, "").await;
        assert_eq!(
            (second.status, second.body.len()),
            (304, 0),
            "{}",
            server.store
        );
        assert_eq!(second.header("etag"), tag);
        server.enable(json!({})).await;
        let third = server.request(Method::GET, CHECK, &known, "").await;
        assert_eq!(third.status, 200);
        assert_ne!(third.header("etag"), tag);
    }
}

#[tokio::test]
async fn waiting_ends_with_the_change() {
    for server in servers().await {
        let mut tag = server.get(CHECK).await.header("etag").to_owned();
        let session = json!({"endpoint": "/pay"});
        for (enabled, path, body) in [
            (
                true,
                "/api/autolog/enable",
                json!({"app": "shop", "environment": "production", "service": "shop"}),
            ),
            (
                true,
                "/api/autolog/enable",
                json!({"app": "shop", "environment": "production", "service": "shop", "endpoint": "/pay"}),
            ),
            (
                false,
                "/api/autolog/disable",
                json!({"app": "shop", "environment": "production"}),
            ),
        ] {
            let mut waiting = Box::pin(wait(&server, &tag, 55));
            assert!(is_waiting(&mut waiting).await, "{path} {}", server.store);
            assert_eq!(server.post(path, &body).await.status, 200);
            let reply = timeout(PATIENCE, waiting)
                .await
                .expect("woken long before 55 s");
            assert_eq!(reply.json()["enabled"], enabled, "{reply:?}");
            tag = reply.header("etag").to_owned();
        }
        assert_eq!(server.disable(session).await, 200);
    }
}

#[tokio::test]
async fn what_does_not_matter_wakes_nobody() {
    for server in servers().await {
        server.enable(json!({})).await;
        let tag = server.get(CHECK).await.header("etag").to_owned();
        let mut waiting = Box::pin(wait(&server, &tag, 55));
        assert!(is_waiting(&mut waiting).await);
        server.enable(json!({"app": "other"})).await;
        server.report(json!({"count": 3})).await;
        assert!(is_waiting(&mut waiting).await, "{}", server.store);
        assert_eq!(server.get(CHECK).await.json()["config"]["error_count"], 3);
        server.disable(json!({})).await;
        assert_eq!(waiting.await.json(), json!({"enabled": false}));
    }
}

#[tokio::test]
async fn waiting_ends_in_time_with_what_is_known() {
    for server in servers().await {
        let tag = server.get(CHECK).await.header("etag").to_owned();
        let reply = wait(&server, &tag, 1).await;
        assert_eq!(reply.status, 304, "{}", server.store);
        let unknown = server.get(&format!("{CHECK}&wait=55")).await;
        assert_eq!(unknown.status, 200, "who knows nothing is told at once");
    }
}

#[tokio::test]
async fn waiting_ends_when_the_session_expires() {
    let settings = || {
        let mut settings = Settings::default();
        settings.ttl = Duration::from_secs(2);
        settings
    };
    let mut all = vec![Server::on_memory(settings(), Clock::system()).await];
    if let Some(redis) = Redis::start() {
        all.push(Server::on_redis(settings(), Clock::system(), Arc::new(redis)).await);
    }
    for server in all {
        server.alerts(&[("a", "firing", "")]).await;
        let reply = server.get(CHECK).await;
        assert_eq!(reply.json()["enabled"], true, "{}", server.store);
        let tag = reply.header("etag").to_owned();
        let reply = wait(&server, &tag, 55).await;
        assert_eq!(reply.json(), json!({"enabled": false}), "{}", server.store);
    }
}

#[tokio::test]
async fn the_end_of_the_service_answers_those_who_wait() {
    for mut server in servers().await {
        let tag = server.get(CHECK).await.header("etag").to_owned();
        let stop = server.stop.take();
        let mut waiting = Box::pin(wait(&server, &tag, 55));
        assert!(is_waiting(&mut waiting).await);
        drop(stop);
        let reply = timeout(PATIENCE, waiting).await.expect("long before 55 s");
        assert_eq!(reply.status, 304, "{}", server.store);
        server.end().await;
    }
}

#[tokio::test]
async fn two_instances_on_one_redis_behave_as_one() {
    let Some(redis) = Redis::start().map(Arc::new) else {
        return;
    };
    let clock = common::manual_clock();
    let settings = Settings::default();
    let one = Server::on_redis(settings.clone(), clock.clone(), Arc::clone(&redis)).await;
    let two = Server::on_redis(settings, clock, redis).await;
    let first = (one.get(CHECK).await, two.get(CHECK).await);
    assert_eq!(first.0.header("etag"), first.1.header("etag"));

    let mut waiting = Box::pin(wait(&two, first.0.header("etag"), 55));
    assert!(is_waiting(&mut waiting).await);
    let session = one.enable(json!({"reason": "through one"})).await;
    let reply = timeout(PATIENCE, waiting).await.expect("long before 55 s");
    assert_eq!(reply.json()["config"], session, "told through two");

    one.alerts(&[("a", "firing", "/pay"), ("b", "firing", "/pay")])
        .await;
    two.alerts(&[("a", "resolved", "/pay")]).await;
    assert_eq!(
        one.check("&endpoint=/pay").await["config"]["alerts"],
        json!(["b"])
    );
    one.alerts(&[("b", "resolved", "/pay")]).await;
    assert_eq!(
        two.check("&endpoint=/pay").await["config"]["id"],
        session["id"]
    );

    for count in 1..=10 {
        let server = if count % 2 == 0 { &one } else { &two };
        let told = server.report(json!({"endpoint": "/x"})).await;
        assert_eq!(told["count"], count);
        assert_eq!(told["triggered"], count == 10);
    }
    let lists = (
        one.get("/api/autolog/list").await,
        two.get("/api/autolog/list").await,
    );
    assert_eq!(lists.0.json(), lists.1.json());
    assert_eq!(lists.0.json()["count"], 2);
}

#[tokio::test]
async fn point_7_redis_away_is_said_and_everything_recovers() {
    let Some(redis) = Redis::start().map(Arc::new) else {
        return;
    };
    let clock = common::manual_clock();
    let one = Server::on_redis(Settings::default(), clock.clone(), Arc::clone(&redis)).await;
    let two = Server::on_redis(Settings::default(), clock, Arc::clone(&redis)).await;
    let mine = one.enable(json!({"reason": "keep me"})).await;
    one.alerts(&[("a", "firing", "/pay")]).await;
    let before = one.get(CHECK).await;
    let mut waiting = Box::pin(wait(&two, before.header("etag"), 55));
    assert!(is_waiting(&mut waiting).await);

    redis.kill();
    for server in [&one, &two] {
        let health = server.get("/health").await;
        assert_eq!(health.status, 503, "{health:?}");
        assert_eq!(health.json()["status"], "unhealthy");
        let check = server.get(CHECK).await;
        assert_eq!(check.status, 503, "{check:?}");
        assert!(check.header("retry-after").parse::<u32>().is_ok());
        let body = json!({"app": "shop", "environment": "production", "service": "shop"});
        for path in [
            "/api/autolog/enable",
            "/api/autolog/disable",
            "/api/autolog/error",
        ] {
            assert_eq!(server.post(path, &body).await.status, 503, "{path}");
        }
        assert_eq!(server.get("/api/autolog/list").await.status, 503);
        assert_eq!(
            server.alerts(&[("b", "firing", "")]).await.status,
            503,
            "to be sent again"
        );
    }
    tokio::time::sleep(OUTAGE).await;
    assert_eq!(one.get("/health").await.status, 503);
    assert!(
        is_waiting(&mut waiting).await,
        "a client keeps its last state"
    );

    redis.revive();
    for server in [&one, &two] {
        until("health", async || server.get("/health").await.status == 200).await;
        assert_eq!(server.check("").await, before.json(), "no session is lost");
    }
    assert_eq!(one.check("").await["config"], mine);
    assert_eq!(one.disable(json!({})).await, 200);
    let reply = timeout(PATIENCE, waiting).await.expect("news arrive again");
    assert_eq!(reply.json()["enabled"], false);
}

#[tokio::test]
async fn point_7_redis_may_come_after_the_service() {
    if Redis::start().is_none() {
        return;
    }
    let redis = Arc::new(Redis::stopped());
    let server = Server::on_redis(Settings::default(), common::manual_clock(), redis).await;
    let redis = server.redis.clone().unwrap();
    assert_eq!(server.get("/health").await.status, 503);
    assert_eq!(server.get(CHECK).await.status, 503);
    redis.revive();
    until("health", async || server.get("/health").await.status == 200).await;
    let tag = server.get(CHECK).await.header("etag").to_owned();
    let mut waiting = Box::pin(wait(&server, &tag, 55));
    assert!(is_waiting(&mut waiting).await);
    server.enable(json!({})).await;
    assert_eq!(
        timeout(PATIENCE, waiting).await.unwrap().json()["enabled"],
        true
    );
}

#[tokio::test]
async fn point_7_a_restart_loses_no_session() {
    let Some(redis) = Redis::start().map(Arc::new) else {
        return;
    };
    let clock = common::manual_clock();
    let settings = Settings::default();
    let first = Server::on_redis(settings.clone(), clock.clone(), Arc::clone(&redis)).await;
    first.enable(json!({"reason": "keep me"})).await;
    first.alerts(&[("a", "firing", "/pay")]).await;
    first.report(json!({"endpoint": "/x", "count": 4})).await;
    let before = first.check("").await;
    first.end().await;
    let second = Server::on_redis(settings, clock, redis).await;
    assert_eq!(second.check("").await, before);
    assert_eq!(second.report(json!({"endpoint": "/x"})).await["count"], 5);
    second.alerts(&[("a", "resolved", "/pay")]).await;
    assert!(second.check("").await.get("sessions").is_none());
}

#[tokio::test]
async fn point_7_a_store_in_memory_says_what_it_is() {
    let clock = Clock::system();
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let server = Server::start(Settings::default(), store, clock, true).await;
    let health = server.get("/health").await;
    assert_eq!(
        health.json(),
        json!({"status": "healthy", "store": "memory"})
    );
    server.end().await;
}

#[tokio::test]
async fn point_5_keys_of_redis_carry_the_full_endpoint_and_expire() {
    let Some(redis) = Redis::start().map(Arc::new) else {
        return;
    };
    let clock = Clock::system();
    let server = Server::on_redis(Settings::default(), clock, Arc::clone(&redis)).await;
    server.enable(json!({"endpoint": "/orders/{id}"})).await;
    server.report(json!({"endpoint": "/orders/{id}"})).await;
    let ask = |command: &str| redis.ask(command).unwrap();
    assert!(ask("HKEYS {autolog}:app:shop:production").contains("/orders/{id}"));
    assert!(
        ask("KEYS {autolog}:window:*").contains("{autolog}:window:shop:production:/orders/{id}")
    );
    let keys = ask("KEYS *");
    for key in keys.lines().filter(|line| line.starts_with('{')) {
        let left = ask(&format!("PTTL {key}"));
        let left: i64 = left.trim().trim_start_matches(':').parse().unwrap();
        assert!(
            (1..=31 * 60_000).contains(&left),
            "{key} lives for {left} ms"
        );
    }
    let called = ask("INFO commandstats");
    assert!(
        called.contains("cmdstat_keys:calls=2,"),
        "only this test walks all keys: {called}"
    );
    drop(RedisStore::new("http://redis/", Clock::system()).unwrap_err());
}
