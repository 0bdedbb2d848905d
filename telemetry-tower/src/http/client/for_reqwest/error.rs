//! What an error says, without the secrets of its URL.

use std::any::type_name;
use std::fmt::{self, Debug, Display};

use http::HeaderMap;

use super::super::url;

/// An error as the span tells it.
pub(super) enum Told<'a> {
    Reqwest(&'a reqwest::Error),
    /// That of another middleware.
    Middleware(&'a reqwest_middleware::Error),
}

impl<'a> From<&'a reqwest::Error> for Told<'a> {
    fn from(error: &'a reqwest::Error) -> Self {
        Self::Reqwest(error)
    }
}

impl<'a> From<&'a reqwest_middleware::Error> for Told<'a> {
    fn from(error: &'a reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Reqwest(error) => Self::Reqwest(error),
            reqwest_middleware::Error::Middleware(_) => Self::Middleware(error),
        }
    }
}

impl Told<'_> {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Reqwest(_) => type_name::<reqwest::Error>(),
            Self::Middleware(_) => type_name::<reqwest_middleware::Error>(),
        }
    }

    /// A text of the error, in which the URL is shown as `url.full` is.
    fn hide(&self, text: &str) -> String {
        let url = match self {
            Self::Reqwest(error) => error.url(),
            Self::Middleware(error) => error.url(),
        };
        let Some(url) = url.map(reqwest::Url::as_str) else {
            return text.to_owned();
        };
        let uri = url.parse().unwrap_or_default();
        let shown = url::full(&uri, &HeaderMap::new(), None);
        let quoted = format!("{url:?}");
        text.replace(url, &shown)
            .replace(quoted.trim_matches('"'), &shown)
    }
}

impl Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Reqwest(error) => error.to_string(),
            Self::Middleware(error) => error.to_string(),
        };
        f.write_str(&self.hide(&text))
    }
}

impl Debug for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Reqwest(error) => format!("{error:?}"),
            Self::Middleware(error) => format!("{error:?}"),
        };
        f.write_str(&self.hide(&text))
    }
}
