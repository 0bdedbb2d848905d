//! The client of the auto-log service, against one that does as it is told, over real sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use server::{Manner, Server};
use telemetry_core::clock::Clock;
use telemetry_core::config::{Env, Overrides, Plan, Secret};
use telemetry_core::diagnostics::{Level as Loudness, Voice};
use telemetry_core::otlp::Severity;
use telemetry_core::pipeline::Pipeline;
use telemetry_log::{Autolog, AutologStatus, BaseFilter, Directives, Scope, Verbosity};
use tracing::Level;

const PATIENCE: Duration = Duration::from_secs(40);

/// A program that asks a service.
struct Shop {
    autolog: Autolog,
    verbosity: Verbosity,
    pipeline: Pipeline,
    said: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn start(server: &Server) -> Self {
        Self::start_with(server, |_| {})
    }

    fn start_with(server: &Server, change: impl FnOnce(&mut Overrides)) -> Self {
        let mut code = Overrides::default();
        code.service_name = Some("shop & co".to_owned());
        code.autolog.url = Some(server.url());
        code.autolog.poll_interval = Some(Duration::from_secs(1));
        change(&mut code);
        let (plan, report) = Plan::resolve(&code, &Env::from_pairs([("", ""); 0]));
        assert!(report.is_empty(), "{report}");
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let voice = Voice::new(Loudness::Info, move |line| {
            heard.lock().unwrap().push(line.to_owned());
        });
        let verbosity = BaseFilter::new(Directives::default()).verbosity();
        let autolog = Autolog::new(&plan.autolog, verbosity.clone(), Clock::system(), voice);
        let autolog = autolog.unwrap().unwrap();
        let pipeline = Pipeline::start_with(Vec::new(), vec![autolog.service()]).unwrap();
        Self {
            autolog,
            verbosity,
            pipeline,
            said,
        }
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    fn wait_until(&self, wanted: impl Fn(&AutologStatus) -> bool) -> AutologStatus {
        for _ in 0..PATIENCE.as_millis() / 10 {
            let status = self.autolog.status();
            if wanted(&status) {
                return status;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("it never came: {:?} {:?}", self.autolog, self.said());
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

/// A session that lasts so long from `now` on.
fn session(endpoint: Option<&str>, now: DateTime<Utc>, lasts: Duration) -> Value {
    let expires = (now + lasts).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut session = json!({
        "app": "shop & co", "environment": "production", "service": "shop",
        "trigger_source": "manual", "enabled_at": "2026-11-21T13:55:00Z", "expires_at": expires,
        "error_count": 0, "id": "s-1", "level": "debug", "reason": "refunds fail", "alerts": [],
    });
    if let Some(endpoint) = endpoint {
        session["endpoint"] = endpoint.into();
    }
    session
}

fn everything(lasts: Duration) -> String {
    let session = session(None, Utc::now(), lasts);
    json!({"enabled": true, "config": session}).to_string()
}

fn of_endpoint(endpoint: &str) -> String {
    let session = session(Some(endpoint), Utc::now(), HOUR);
    json!({"enabled": false, "sessions": [session]}).to_string()
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_toggle_comes_while_a_question_is_held() {
    let server = Server::start(Manner::Holds);
    // asking at the interval instead would take longer than the test waits
    let shop = Shop::start_with(&server, |code| code.autolog.poll_interval = Some(HOUR));
    let held = || {
        server
            .requests()
            .iter()
            .any(|it| it.line.contains("&wait="))
    };
    shop.wait_until(|status| status.holds_requests && held());
    assert_eq!(shop.verbosity.level_of("shop"), Level::INFO);

    let began = Clock::system().now();
    server.change(|script| script.body = everything(HOUR));
    let status = shop.wait_until(|status| !status.sessions.is_empty());
    println!("on after {:?}", Clock::system().now().since(began));
    assert_eq!(shop.verbosity.level_of("shop"), Level::DEBUG);
    assert_eq!(status.sessions[0].id, "s-1");
    assert!(status.sessions[0].remaining <= HOUR + Duration::from_secs(1));

    server.change(|script| script.body = of_endpoint("/pay/{id}"));
    shop.wait_until(|status| status.sessions.iter().any(|it| it.endpoint.is_some()));
    let set = shop.verbosity.overrides();
    assert_eq!(set[0].scope, Scope::Route("/pay/{id}".to_owned()));
    assert_eq!(
        (set.len(), &*set[0].source, set[0].level),
        (1, "autolog", Level::DEBUG)
    );
    assert_eq!(shop.verbosity.level_of("shop"), Level::INFO);

    let began = Clock::system().now();
    server.change(|script| script.body = server::NO_SESSION.to_owned());
    shop.wait_until(|status| status.sessions.is_empty());
    println!("off after {:?}", Clock::system().now().since(began));
    assert!(shop.verbosity.overrides().is_empty());
    let said = shop.said();
    assert!(
        said[0].contains("everything at DEBUG (refunds fail) for "),
        "{said:?}"
    );
    assert_eq!(said[2], "telemetry: auto-log: no session is open");
}

#[test]
fn a_question_names_the_app_and_what_is_known_of_it() {
    let server = Server::start(Manner::Holds);
    let shop = Shop::start_with(&server, |code| {
        code.autolog.environment = Some("tést".to_owned());
    });
    let held = || server.requests().len() == 2;
    shop.wait_until(|status| status.connected && held());
    let [first, second] = &server.requests()[..] else {
        panic!()
    };
    let path = "/api/autolog/check?app=shop%20%26%20co&environment=t%C3%A9st";
    assert_eq!(first.line, format!("GET {path} HTTP/1.1"));
    assert_eq!(first.header("if-none-match"), None);
    assert_eq!(second.line, format!("GET {path}&wait=55 HTTP/1.1"));
    assert!(second.header("if-none-match").unwrap().starts_with("W/\""));
}

#[test]
fn without_tags_it_asks_at_the_interval() {
    let server = Server::start(Manner::Plain);
    let shop = Shop::start(&server);
    shop.wait_until(|status| status.connected && server.requests().len() >= 2);
    server.change(|script| script.body = everything(HOUR));
    let status = shop.wait_until(|status| !status.sessions.is_empty());
    assert!(!status.holds_requests);
    assert!(server.requests().iter().all(|it| !it.line.contains("wait")));
}

#[test]
fn tags_without_holding_do_not_make_it_ask_all_the_time() {
    let server = Server::start(Manner::Tags);
    let shop = Shop::start(&server);
    shop.wait_until(|status| status.connected && !status.holds_requests);
    let before = server.requests().len();
    sleep(Duration::from_secs(3));
    let more = server.requests().len() - before;
    assert!(more <= 5, "{more} in 3 s at an interval of 1 s");
    server.change(|script| script.body = everything(HOUR));
    shop.wait_until(|status| !status.sessions.is_empty());
}

#[test]
fn the_targets_of_a_session_are_those_of_the_program() {
    let server = Server::start(Manner::Holds);
    server.change(|script| script.body = everything(HOUR));
    let shop = Shop::start_with(&server, |code| {
        code.autolog.targets = Some(vec!["shop".to_owned()]);
    });
    shop.wait_until(|status| !status.sessions.is_empty());
    assert_eq!(shop.verbosity.level_of("shop_db::pool"), Level::DEBUG);
    assert_eq!(shop.verbosity.level_of("hyper"), Level::INFO);
}

#[test]
fn a_service_that_hangs_is_left_and_heard_again() {
    let server = Server::start(Manner::Hangs);
    let shop = Shop::start(&server);
    let status = shop.wait_until(|status| status.failed_attempts >= 2);
    assert!(!status.connected);
    let error = status.last_error.unwrap();
    assert!(error.ends_with("did not answer within 2s"), "{error}");
    server.change(|script| script.manner = Manner::Holds);
    let status = shop.wait_until(|status| status.connected);
    assert_eq!((status.last_error, status.failed_attempts), (None, 0));
}

#[test]
fn a_session_ends_in_time_though_the_service_is_dead() {
    let mut server = Server::start(Manner::Holds);
    server.change(|script| script.body = everything(Duration::from_secs(8)));
    let shop = Shop::start(&server);
    shop.wait_until(|status| !status.sessions.is_empty());
    server.die();
    let status = shop.wait_until(|status| status.failed_attempts >= 2);
    assert_eq!(status.sessions.len(), 1, "an outage does not end it");
    assert_eq!(shop.verbosity.level_of("shop"), Level::DEBUG);
    let status = shop.wait_until(|status| status.sessions.is_empty());
    assert_eq!(shop.verbosity.level_of("shop"), Level::INFO);
    assert!(!status.connected);

    let again = Server::start_at(server.address, Manner::Holds);
    again.change(|script| script.body = everything(HOUR));
    shop.wait_until(|status| status.connected && !status.sessions.is_empty());
    let said = shop.said();
    let warnings: Vec<_> = said
        .iter()
        .filter(|it| it.contains("not heard: http"))
        .collect();
    assert_eq!(warnings.len(), 1, "{said:?}");
    assert!(warnings[0].contains("refused the connection; it is asked again"));
    let recovered = said.iter().filter(|it| it.contains("works again, after"));
    assert_eq!(recovered.count(), 1, "{said:?}");
}

#[test]
fn a_session_ends_by_the_clock_of_the_service() {
    let server = Server::start(Manner::Holds);
    let theirs = Utc::now() + HOUR;
    let session = session(None, theirs, Duration::from_secs(600));
    server.change(|script| {
        script.date = Some(theirs.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        script.body = json!({"enabled": true, "config": session}).to_string();
    });
    let shop = Shop::start(&server);
    let status = shop.wait_until(|status| !status.sessions.is_empty());
    let remaining = status.sessions[0].remaining;
    assert!(remaining <= Duration::from_secs(601), "{remaining:?}");
    assert!(remaining > Duration::from_secs(500), "{remaining:?}");
}

#[test]
fn bad_answers_are_counted_and_the_next_good_one_holds() {
    let huge = format!(r#"{{"enabled":false,"x":"{}"}}"#, "y".repeat(1 << 20));
    for (body, words) in [
        ("<html>".to_owned(), "no JSON"),
        ("{}".to_owned(), "does not say"),
        (huge, "more than 1 MiB"),
    ] {
        let server = Server::start(Manner::Holds);
        server.change(|script| script.body = body);
        let shop = Shop::start(&server);
        let status = shop.wait_until(|status| status.bad_answers >= 1);
        assert!(status.last_error.unwrap().contains(words));
        server.change(|script| script.body = everything(HOUR));
        shop.wait_until(|status| status.connected && status.sessions.len() == 1);
    }
}

#[test]
fn bad_sessions_are_left_out_and_said_once() {
    let server = Server::start(Manner::Plain);
    let mut sessions: Vec<_> = (0..10_000)
        .map(|n| session(Some(&format!("/many/{n}")), Utc::now(), HOUR))
        .collect();
    sessions.truncate(3000);
    sessions[0]["level"] = "deafening".into();
    sessions[1]["expires_at"] = "2020-01-01T00:00:00Z".into();
    server.change(|script| {
        script.body = json!({"enabled": false, "sessions": sessions}).to_string();
    });
    let shop = Shop::start(&server);
    let status = shop.wait_until(|_| server.requests().len() >= 3);
    assert_eq!(status.sessions.len(), 200);
    assert_eq!(status.refused_sessions, 2800);
    assert!(
        status
            .refused_because
            .unwrap()
            .contains("neither debug nor trace")
    );
    let said = shop.said();
    let warnings = said
        .iter()
        .filter(|it| it.contains("2800 sessions are left out"));
    assert_eq!(warnings.count(), 1, "{said:?}");
}

#[test]
fn statuses_become_words_and_redirects_are_not_followed() {
    let elsewhere = Server::start(Manner::Plain);
    for (status, words) in [
        ("404 Not Found", "check AUTOLOG_URL"),
        ("401 Unauthorized", "check AUTOLOG_TOKEN"),
        ("503 Service Unavailable", "answered 503"),
        ("302 Found", "which is not followed"),
    ] {
        let headers = format!("Location: {}/api\r\n", elsewhere.url());
        let server = Server::start(Manner::Refuses(status, headers));
        let shop = Shop::start_with(&server, with_token);
        let status = shop.wait_until(|status| status.failed_attempts >= 1);
        let error = status.last_error.unwrap();
        assert!(error.contains(words), "{error}");
    }
    assert!(elsewhere.requests().is_empty());
}

fn with_token(code: &mut Overrides) {
    code.autolog.token = Some(Secret::new("hunter2"));
}

#[test]
fn the_service_says_when_to_ask_again() {
    let headers = "Retry-After: 3600\r\n".to_owned();
    let server = Server::start(Manner::Refuses("503 Service Unavailable", headers));
    let shop = Shop::start(&server);
    shop.wait_until(|status| status.failed_attempts == 1);
    // without it the second question comes within a second
    sleep(Duration::from_secs(3));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn errors_are_reported_by_route_once_and_with_the_token() {
    let server = Server::start(Manner::Holds);
    let shop = Shop::start_with(&server, with_token);
    let pay = Arc::new(AtomicU64::new(7));
    let count = Arc::clone(&pay);
    shop.autolog.count_errors(move || {
        let pay = count.load(Ordering::Relaxed);
        vec![
            (Severity::Error, None, 2),
            (Severity::Info, None, 5000),
            (Severity::Error, Some("/pay"), pay),
            (Severity::Fatal, Some("/pay"), 1),
        ]
    });
    let status = shop.wait_until(|status| status.reported_errors >= 10);
    assert_eq!(
        (status.reported_errors, status.last_report_error),
        (10, None)
    );
    pay.fetch_add(5, Ordering::Relaxed);
    shop.wait_until(|status| status.reported_errors == 15);

    let (reports, questions): (Vec<_>, Vec<_>) = server
        .requests()
        .into_iter()
        .partition(|it| it.line.starts_with("POST"));
    assert!(
        questions
            .iter()
            .all(|it| it.header("authorization").is_none())
    );
    let of = |report: &server::Request| {
        assert_eq!(report.line, "POST /api/autolog/error HTTP/1.1");
        assert_eq!(report.header("authorization"), Some("Bearer hunter2"));
        assert_eq!(report.header("content-type"), Some("application/json"));
        serde_json::from_str::<Value>(&report.body).unwrap()
    };
    let common = json!({"app": "shop & co", "environment": "production", "service": "shop & co"});
    let expected = [(Some("/pay"), 8), (None, 2), (Some("/pay"), 5)];
    let expected = expected.map(|(endpoint, count)| {
        let mut report = common.clone();
        report["count"] = count.into();
        if let Some(endpoint) = endpoint {
            report["endpoint"] = endpoint.into();
        }
        report
    });
    assert_eq!(reports.iter().map(of).collect::<Vec<_>>(), expected);
    let shown = format!("{:?} {:?}", shop.autolog, shop.said());
    assert!(!shown.contains("hunter2"));
}

#[test]
fn reports_that_are_refused_are_kept_and_told() {
    let server = Server::start(Manner::Refuses("401 Unauthorized", String::new()));
    let shop = Shop::start(&server);
    shop.autolog
        .count_errors(|| vec![(Severity::Error, None, 3)]);
    let status = shop.wait_until(|status| status.last_report_error.is_some());
    assert!(status.last_report_error.unwrap().contains("AUTOLOG_TOKEN"));
    server.change(|script| script.manner = Manner::Holds);
    shop.wait_until(|status| status.reported_errors == 3);
}

#[test]
fn shutdown_does_not_wait_for_a_held_question() {
    let server = Server::start(Manner::Holds);
    let shop = Shop::start(&server);
    let held = || {
        server
            .requests()
            .iter()
            .any(|it| it.line.contains("&wait="))
    };
    shop.wait_until(|status| status.connected && held());
    let report = shop.pipeline.shutdown(Duration::from_secs(50));
    println!("{:?}", report.took);
    assert!(report.took < Duration::from_secs(20), "{:?}", report.took);
}
