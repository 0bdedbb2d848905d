//! The page in a real browser: headless Chromium, driven over WebDriver.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::process::{Child, Command, Stdio};

use common::{Server, manual_clock, until};
use serde_json::{Value, json};
use telemetry::Clock;
use telemetry_autolog::Settings;
use tempfile::TempDir;
use test_support::{free_port, program};

/// A browser with one window. <https://www.w3.org/TR/webdriver2/>
struct Browser {
    driver: Child,
    /// Speaks HTTP; the service behind it is not asked.
    client: Server,
    session: String,
    _profile: TempDir,
}

impl Browser {
    async fn start() -> Option<Self> {
        program("chromium")?;
        let driver = program("chromedriver")?;
        let port = free_port();
        let profile = tempfile::tempdir().unwrap();
        let driver = Command::new(driver)
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver");
        let mut client = Server::on_memory(Settings::default(), manual_clock()).await;
        client.address.set_port(port);
        let mut browser = Self {
            driver,
            client,
            session: String::new(),
            _profile: profile,
        };
        until("chromedriver", async || {
            tokio::net::TcpStream::connect(browser.client.address)
                .await
                .is_ok()
        })
        .await;
        let folder = browser._profile.path().join("profile");
        let options = json!({"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            format!("--user-data-dir={}", folder.display()),
        ]});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let made = browser.command("/session", &wanted).await;
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let reply = self
            .client
            .post(&format!("{}{path}", self.session), body)
            .await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()["value"].clone()
    }

    async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    async fn element(&self, css: &str) -> String {
        let body = json!({"using": "css selector", "value": css});
        let found = self.command("/element", &body).await;
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("/element/{}", id.as_str().unwrap())
    }

    async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.command(&format!("{element}/click"), &json!({})).await;
    }

    async fn write(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.command(&format!("{element}/value"), &json!({"text": text}))
            .await;
    }

    async fn text(&self, css: &str) -> String {
        let script = format!("return document.querySelector('{css}')?.textContent ?? ''");
        self.run(&script).await.as_str().unwrap().to_owned()
    }

    /// What the browser complained about.
    async fn complaints(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({"type": "browser"})).await;
        let entries = log.as_array().unwrap().iter();
        // hints to developers are of lower levels
        let severe = entries.filter(|entry| entry["level"] == "SEVERE");
        let messages = severe.map(|entry| entry["message"].to_string());
        let expected = |message: &String| message.contains("401") || message.contains("favicon");
        messages.filter(|message| !expected(message)).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver ends its browser when it is asked politely
        let kill = format!("kill -TERM {}", self.driver.id());
        drop(Command::new("sh").args(["-c", &kill]).status());
        drop(self.driver.wait());
    }
}

#[tokio::test]
async fn a_session_is_opened_counts_down_and_is_closed_by_those_who_may() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let mut settings = Settings::default();
    settings.api_token = Some("token".to_owned());
    let server = Server::on_memory(settings, Clock::system()).await;
    let url = format!("http://{}/", server.address);
    browser.command("/url", &json!({"url": url})).await;
    until("the refusal", async || {
        browser.text("#message").await.contains("secret")
    })
    .await;

    browser.write("input[name=app]", "shop").await;
    browser
        .write("input[name=reason]", "<b>why & when</b>")
        .await;
    browser.write("input[name=ttl_minutes]", "10").await;
    browser.click("#open button").await;
    until("the refusal", async || {
        browser.text("#message").await.contains("secret")
    })
    .await;
    assert_eq!(
        server.check("").await,
        json!({"enabled": false}),
        "nobody may open without a token"
    );

    browser.write("#token", "token").await;
    browser.click("#open button").await;
    until("the session", async || browser.text("#count").await == "1").await;
    assert_eq!(server.check("").await["enabled"], true);
    assert_eq!(browser.text("td.app").await, "shop");
    assert_eq!(browser.text("td.trigger").await, "manual");
    assert_eq!(
        browser.text("td.reason").await,
        "<b>why & when</b>",
        "text, not markup"
    );
    let left = browser.text("td.remaining").await;
    assert!(left.starts_with("9:") || left == "10:00", "{left}");
    until("the count-down", async || {
        browser.text("td.remaining").await != left
    })
    .await;

    browser.click("#sessions button").await;
    until("the end", async || browser.text("#count").await == "0").await;
    assert_eq!(server.check("").await, json!({"enabled": false}));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_a_browser() {
    let server = Server::on_memory(Settings::default(), manual_clock()).await;
    for path in [
        "/",
        "/page.js",
        "/page.css",
        "/api/autolog/list",
        "/nothing",
        "/health",
        "/metrics",
    ] {
        let reply = server.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(reply.header("strict-transport-security"), "", "{path}");
    }
    for tls in [
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=192.0.2.1;proto=https"),
    ] {
        let reply = server
            .request(axum::http::Method::GET, "/", &[tls], "")
            .await;
        assert_eq!(reply.status, 200);
        assert!(
            reply
                .header("strict-transport-security")
                .starts_with("max-age="),
            "{tls:?}"
        );
    }
}
