//! What could not be put on the page.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::diagnostics::{Level, Voice};

/// What was wrong with one page.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) lines: Vec<String>,
    /// How many series are missing.
    pub(super) left_out: u64,
}

impl Problems {
    pub(super) fn report(&mut self, line: String) {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}

/// Says each problem once, however often the page is read.
#[derive(Debug)]
pub(super) struct Reporter {
    voice: Voice,
    said: Mutex<HashSet<String>>,
}

/// The most problems that are told apart; who has more needs no longer list.
const MOST: usize = 256;

impl Reporter {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            voice,
            said: Mutex::default(),
        }
    }

    pub(super) fn say(&self, problems: &Problems) {
        for line in self.unsaid(problems) {
            self.voice.say(
                Level::Warn,
                format_args!("telemetry: Prometheus page: {line}"),
            );
        }
    }

    fn unsaid<'a>(&self, problems: &'a Problems) -> Vec<&'a String> {
        if problems.lines.is_empty() {
            return Vec::new();
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = problems.lines.iter();
        lines
            .filter(|line| said.len() < MOST && said.insert((*line).clone()))
            .collect()
    }
}
