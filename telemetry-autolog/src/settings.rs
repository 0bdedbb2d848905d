//! The settings of the service, from its environment.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use telemetry::config::Env;

/// Reads [`PORT`](Self::port) and the other variables of the service. `OTEL_*` are telemetry's.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// `AUTOLOG_BIND`: the address to listen on. Default 127.0.0.1.
    pub bind: IpAddr,
    /// `PORT`. Default 5000; 0 is any that is free.
    pub port: u16,
    /// `AUTOLOG_STORE`. Default `memory`.
    pub store: StoreSetting,
    /// `ALERTMANAGER_WEBHOOK_SECRET`: what a webhook must present.
    pub webhook_secret: Option<String>,
    /// `AUTOLOG_API_TOKEN`: what those must present who open, close, list and report.
    pub api_token: Option<String>,
    /// `ERROR_THRESHOLD_COUNT`: how many errors in a window open a session. Default 10.
    pub error_threshold: u64,
    /// `ERROR_THRESHOLD_WINDOW_MINUTES`: how long a window is. Default 5 minutes.
    pub error_window: Duration,
    /// `AUTOLOG_TTL_MINUTES`: how long a session lasts that nobody says more about. Default 30 minutes,
    /// at most 1440.
    pub ttl: Duration,
}

/// Where sessions are kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreSetting {
    /// In this process: for one instance; a restart forgets them.
    Memory,
    /// In Redis, at this URL: for any number of instances.
    Redis(String),
}

/// A variable of the service that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    name: &'static str,
    problem: String,
}

const MINUTE: Duration = Duration::from_secs(60);
/// The longest session: a day.
pub(crate) const MAX_TTL_MINUTES: u64 = 1440;
const MAX_SECRET: usize = 256;

impl Default for Settings {
    fn default() -> Self {
        Self {
            bind: IpAddr::from([127, 0, 0, 1]),
            port: 5000,
            store: StoreSetting::Memory,
            webhook_secret: None,
            api_token: None,
            error_threshold: 10,
            error_window: 5 * MINUTE,
            ttl: 30 * MINUTE,
        }
    }
}

impl Settings {
    /// Reads them. A variable that is empty is unset.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for the first value that cannot be used: a service whose secret or store is
    /// not what was meant had better not start.
    ///
    /// ```
    /// use telemetry::config::Env;
    /// use telemetry_autolog::{Settings, StoreSetting};
    ///
    /// let env = Env::from_pairs([("PORT", "8080"), ("REDIS_HOST", "redis")]);
    /// let settings = Settings::from_env(&env)?;
    /// assert_eq!(settings.port, 8080);
    /// assert_eq!(settings.store, StoreSetting::Redis("redis://redis:6379/".to_owned()));
    ///
    /// let env = Env::from_pairs([("PORT", "http")]);
    /// let error = Settings::from_env(&env).unwrap_err();
    /// assert!(error.to_string().starts_with("PORT=http is not"));
    /// # Ok::<(), telemetry_autolog::SettingsError>(())
    /// ```
    pub fn from_env(env: &Env) -> Result<Self, SettingsError> {
        let default = Self::default();
        let minutes = |name, default: Duration| {
            let minutes = number(env, name, default.as_secs() / 60, 1, MAX_TTL_MINUTES)?;
            Ok(MINUTE * u32::try_from(minutes).unwrap_or(u32::MAX))
        };
        let port = number(env, "PORT", u64::from(default.port), 0, u64::from(u16::MAX))?;
        Ok(Self {
            bind: parsed(env, "AUTOLOG_BIND", "an IP address")?.unwrap_or(default.bind),
            port: u16::try_from(port).unwrap_or(default.port),
            store: store(env)?,
            webhook_secret: secret(env, "ALERTMANAGER_WEBHOOK_SECRET")?,
            api_token: secret(env, "AUTOLOG_API_TOKEN")?,
            error_threshold: number(env, "ERROR_THRESHOLD_COUNT", 10, 1, u64::from(u32::MAX))?,
            error_window: minutes("ERROR_THRESHOLD_WINDOW_MINUTES", default.error_window)?,
            ttl: minutes("AUTOLOG_TTL_MINUTES", default.ttl)?,
        })
    }
}

/// Secrets are not shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("bind", &self.bind)
            .field("port", &self.port)
            .field("store", &self.store)
            .field("webhook_secret", &self.webhook_secret.is_some())
            .field("api_token", &self.api_token.is_some())
            .field("error_threshold", &self.error_threshold)
            .field("error_window", &self.error_window)
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// The URL may hold a password.
impl fmt::Debug for StoreSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::Redis(_) => "Redis",
        })
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.problem)
    }
}

impl std::error::Error for SettingsError {}

fn parsed<T: FromStr>(
    env: &Env,
    name: &'static str,
    wanted: &str,
) -> Result<Option<T>, SettingsError> {
    let Some(text) = env.get(name) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| SettingsError {
        name,
        problem: format!("={text} is not {wanted}"),
    })
}

fn number(
    env: &Env,
    name: &'static str,
    default: u64,
    least: u64,
    most: u64,
) -> Result<u64, SettingsError> {
    let wanted = format!("a whole number from {least} to {most}");
    let number = parsed(env, name, &wanted)?.unwrap_or(default);
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(SettingsError {
        name,
        problem: format!("={number} is not {wanted}"),
    })
}

fn secret(env: &Env, name: &'static str) -> Result<Option<String>, SettingsError> {
    let secret = env.get(name).map(str::to_owned);
    if secret
        .as_ref()
        .is_some_and(|secret| secret.len() > MAX_SECRET)
    {
        return Err(SettingsError {
            name,
            problem: format!(" is longer than {MAX_SECRET} bytes"),
        });
    }
    Ok(secret)
}

fn store(env: &Env) -> Result<StoreSetting, SettingsError> {
    match (env.get("AUTOLOG_STORE"), env.get("REDIS_HOST")) {
        (Some("memory"), _) | (None, None) => Ok(StoreSetting::Memory),
        (Some(url), _) if url.starts_with("redis://") || url.starts_with("rediss://") => {
            Ok(StoreSetting::Redis(url.to_owned()))
        }
        (Some(_), _) => Err(SettingsError {
            name: "AUTOLOG_STORE",
            problem: " is neither memory nor a URL that begins with redis:// or rediss://"
                .to_owned(),
        }),
        (None, Some(host)) => {
            let port = number(env, "REDIS_PORT", 6379, 1, u64::from(u16::MAX))?;
            Ok(StoreSetting::Redis(format!("redis://{host}:{port}/")))
        }
    }
}
