//! Code beats environment beats default, in one place.

use super::env::{Env, Lookup};
use super::kind::Kind;
use super::report::Report;
use super::setting::{Setting, Source};

const NOT_UNICODE: &str = "not valid UTF-8";

/// Resolves settings one by one, and keeps what there is to tell about them.
pub(crate) struct Resolver<'a> {
    pub(crate) env: &'a Env,
    pub(crate) report: Report,
    pub(crate) settings: Vec<Setting>,
}

/// A value and who decided it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(env: &'a Env) -> Self {
        Self {
            env,
            report: Report::default(),
            settings: Vec::new(),
        }
    }

    /// The value of one setting; `names` go from the specific variable to the general one.
    pub(crate) fn value<T>(
        &mut self,
        names: &[&'static str],
        code: Option<T>,
        kind: &Kind<T>,
        default: T,
    ) -> T {
        self.choose(names, code, kind, default).value
    }

    /// Like [`value`](Self::value), with its source.
    ///
    /// Every variable is read even if an earlier one decides, so that no mistake stays hidden.
    pub(crate) fn choose<T>(
        &mut self,
        names: &[&'static str],
        code: Option<T>,
        kind: &Kind<T>,
        default: T,
    ) -> Chosen<T> {
        let mut refused = Vec::new();
        let code = code.and_then(|value| match (kind.check)(&value) {
            Ok(()) => Some(Chosen {
                value,
                source: Source::Code,
            }),
            Err(reason) => {
                refused.push((in_code(names), (kind.show)(&value), reason));
                None
            }
        });
        let mut chosen = code;
        for name in names {
            match self.read(name, kind) {
                Ok(None) => {}
                Ok(Some(value)) => drop(chosen.get_or_insert(Chosen {
                    value,
                    source: Source::Env(name),
                })),
                Err((value, reason)) => refused.push(((*name).to_owned(), value, reason)),
            }
        }
        let chosen = chosen.unwrap_or(Chosen {
            value: default,
            source: Source::Default,
        });
        let used = (kind.show)(&chosen.value);
        for (variable, value, reason) in refused {
            self.report.ignore(&variable, &value, reason, &used);
        }
        self.record(
            names.first().copied().unwrap_or_default(),
            used,
            chosen.source,
        );
        chosen
    }

    /// The text of a variable; text that is not UTF-8 is reported and counts as unset.
    pub(crate) fn text(&mut self, name: &'static str, used: &str) -> Option<&'a str> {
        match self.env.lookup(name) {
            Lookup::Unset => None,
            Lookup::Text(text) => Some(text),
            Lookup::NotUnicode(text) => {
                self.report.ignore(name, text, NOT_UNICODE, used);
                None
            }
        }
    }

    pub(crate) fn record(&mut self, name: &'static str, value: String, source: Source) {
        self.settings.push(Setting {
            name,
            value,
            source,
        });
    }

    /// Changes what was recorded, for a setting that two variables decide together.
    pub(crate) fn correct(&mut self, name: &str, value: String) {
        if let Some(setting) = self
            .settings
            .iter_mut()
            .find(|setting| setting.name == name)
        {
            setting.value = value;
        }
    }

    fn read<T>(&self, name: &str, kind: &Kind<T>) -> Result<Option<T>, (String, String)> {
        let text = match self.env.lookup(name) {
            Lookup::Unset => return Ok(None),
            Lookup::NotUnicode(text) => return Err((text.to_owned(), NOT_UNICODE.to_owned())),
            Lookup::Text(text) => text,
        };
        let value = (kind.parse)(text).map_err(|reason| (text.to_owned(), reason))?;
        (kind.check)(&value).map_err(|reason| (text.to_owned(), reason))?;
        Ok(Some(value))
    }
}

/// How a report names a value that the program set.
pub(crate) fn in_code(names: &[&'static str]) -> String {
    format!("{} (in code)", names.first().copied().unwrap_or_default())
}
