//! The plan for the client of the auto-log service.

use std::time::Duration;

use opentelemetry_sdk::Resource;

use super::kind::Kind;
use super::list;
use super::otlp::Endpoint;
use super::overrides::{AutologOverrides, Overrides};
use super::redact::{self, REDACTED};
use super::resolver::Resolver;
use super::resource::{self, SERVICE_NAME};
use super::verbose::Secret;

/// What the service names an environment that nobody has named.
const DEFAULT_ENVIRONMENT: &str = "production";

/// The longest label that the service takes, in bytes.
const MAX_LABEL: usize = 256;

/// Which auto-log service is asked, and for what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AutologPlan {
    /// Where the service is; without it none is asked.
    pub url: Option<Endpoint>,
    /// The app whose sessions hold here.
    pub app: String,
    /// The environment in which it runs.
    pub environment: String,
    /// The service's name, as reports of errors give it.
    pub service: String,
    /// What reports of errors are authorised by.
    pub token: Option<Secret>,
    /// The time between two questions to a service that does not hold them until there is news.
    pub poll_interval: Duration,
    /// What the targets begin with that a session makes verbose; none is all.
    pub targets: Vec<String>,
}

const URL: Kind<String> = Kind {
    parse: |text| Ok(text.to_owned()),
    check: |text| match &**text {
        "" => Ok(()),
        text => Endpoint::plain(text).map(drop),
    },
    show: |text| match &**text {
        "" => "none".to_owned(),
        text => redact::value("AUTOLOG_URL", text),
    },
};

const LABEL: Kind<String> = Kind {
    parse: |text| Ok(text.to_owned()),
    check: |text| match text {
        _ if text.len() > MAX_LABEL => Err("longer than 256 bytes".to_owned()),
        _ if text.contains(char::is_control) => Err("it has control characters".to_owned()),
        _ => Ok(()),
    },
    show: |text| redact::value("AUTOLOG_APP", text),
};

const TOKEN: Kind<Option<Secret>> = Kind {
    parse: |text| Ok(Some(Secret::new(text))),
    check: |token| {
        let is_plain = |token: &Secret| token.reveal().bytes().all(|it| it.is_ascii_graphic());
        if token.as_ref().is_none_or(is_plain) {
            return Ok(());
        }
        Err("a header cannot carry it: only visible ASCII characters can".to_owned())
    },
    show: |token| token.as_ref().map_or("none", |_| REDACTED).to_owned(),
};

const INTERVAL: Kind<Duration> = Kind {
    parse: |text| match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => Err("not a whole number of seconds, such as 15".to_owned()),
    },
    check: |interval| {
        if (MIN_INTERVAL..=MAX_INTERVAL).contains(interval) {
            return Ok(());
        }
        Err("not between 1 and 3600 seconds".to_owned())
    },
    show: |interval| format!("{} s", interval.as_secs_f64()),
};

/// A service with thousands of clients has to live with them.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// A session lasts 30 minutes unless somebody wants it otherwise: one that is seen later is of no use.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

const TARGETS: Kind<Vec<String>> = Kind {
    parse: |text| {
        let targets = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        Ok(targets.map(str::to_owned).collect())
    },
    check: |targets| match targets.iter().find(|target| !is_target(target)) {
        Some(target) => Err(format!("{target} is no target; write shop,shop_db::pool")),
        None => Ok(()),
    },
    show: |targets| match list::show(targets) {
        none if none == "none" => "all".to_owned(),
        some => some,
    },
};

pub(crate) fn resolve(r: &mut Resolver<'_>, code: &Overrides, resource: &Resource) -> AutologPlan {
    let AutologOverrides {
        url,
        app,
        environment,
        token,
        poll_interval,
        targets,
    } = code.autolog.clone();
    let of_resource = |key| resource::get(resource, key);
    let service = of_resource(SERVICE_NAME).unwrap_or_default();
    let deployed = of_resource("deployment.environment.name")
        .or_else(|| of_resource("deployment.environment"))
        .filter(|name| !name.is_empty());
    let deployed = deployed.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
    let url = r.value(&["AUTOLOG_URL"], url, &URL, String::new());
    AutologPlan {
        // what was refused is not used
        url: Endpoint::plain(&url).ok(),
        app: r.value(&["AUTOLOG_APP"], app, &LABEL, fitting(&service)),
        environment: r.value(
            &["AUTOLOG_ENVIRONMENT"],
            environment,
            &LABEL,
            fitting(&deployed),
        ),
        service: fitting(&service),
        token: r.value(&["AUTOLOG_TOKEN"], token.map(Some), &TOKEN, None),
        poll_interval: r.value(
            &["AUTOLOG_POLL_INTERVAL"],
            poll_interval,
            &INTERVAL,
            Duration::from_secs(15),
        ),
        targets: r.value(&["AUTOLOG_TARGETS"], targets, &TARGETS, Vec::new()),
    }
}

fn is_target(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_:-./".contains(c);
    text.chars().all(is_part)
}

/// As much of a name as the service takes.
fn fitting(name: &str) -> String {
    let fits = |&end: &usize| end <= MAX_LABEL;
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(fits).last().unwrap_or(0);
    name[..end].replace(char::is_control, "_")
}
