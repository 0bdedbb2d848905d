//! The bounds of a buffer, whatever is put in.

use std::collections::VecDeque;

use proptest::prelude::*;
use tracing_core::{Callsite, Metadata};

use super::buffer::{Buffer, NewLine, Place, Spans};
use crate::json::{Reserved, put_int};

const MAX_LINES: usize = 16;
const MAX_BYTES: usize = 2048;

fn metadata() -> &'static Metadata<'static> {
    let callsite: &'static dyn Callsite = tracing::callsite! {
        name: "line",
        kind: tracing_core::Kind::EVENT,
        level: tracing::Level::DEBUG,
        fields: message
    };
    callsite.metadata()
}

/// A line of a span, with so many bytes.
#[derive(Clone, Copy, Debug)]
struct Pushed {
    number: u64,
    span: u64,
    changes: u64,
    len: usize,
}

impl Pushed {
    fn tape(self) -> Vec<u8> {
        vec![self.number.to_le_bytes()[0]; self.len]
    }

    fn place(self) -> Place {
        Place {
            span: (1, self.span),
            ids: None,
            changes: self.changes,
        }
    }

    /// What the span says: the more, the greater its number.
    fn says(self, spans: &mut Spans) {
        let width = usize::try_from(self.span).unwrap() * 20;
        spans.fields.set("span", &Reserved::default(), |json| {
            put_int(json, self.span);
        });
        spans.names.extend(std::iter::repeat_n('n', width));
    }
}

fn lines() -> impl Strategy<Value = Vec<Pushed>> {
    let len = prop_oneof![0..50_usize, 100..400_usize, 1500..1600_usize];
    let line = (0..8_u64, 0..3_u64, len);
    prop::collection::vec(line, 0..200).prop_map(|lines| {
        let numbered = lines.into_iter().zip(0..);
        numbered
            .map(|((span, changes, len), number)| Pushed {
                number,
                span,
                changes,
                len,
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_latest_lines_are_whole_and_the_others_are_counted(pushed in lines()) {
        let mut buffer = Buffer::new(MAX_LINES, MAX_BYTES);
        let mut fitting = VecDeque::new();
        for line in &pushed {
            buffer.push(
                NewLine {
                    metadata: metadata(),
                    unix_nanos: line.number,
                    place: line.place(),
                    log_scope: None,
                    tape: &line.tape(),
                },
                |spans| line.says(spans),
            );
            if line.len <= MAX_BYTES * 3 / 4 {
                fitting.push_back(*line);
            }
        }
        let (kept, cut) = buffer.counts();
        prop_assert_eq!(kept + cut, pushed.len() as u64);
        let kept = usize::try_from(kept).unwrap();
        prop_assert!(kept <= MAX_LINES);
        prop_assert!(kept > 0 || fitting.is_empty());
        let latest = fitting.iter().skip(fitting.len() - kept);
        let mut bytes = 0;
        for (found, line) in buffer.lines().zip(latest) {
            prop_assert_eq!(found.unix_nanos, line.number);
            prop_assert_eq!(found.tape, line.tape());
            let mut spans = Spans::default();
            line.says(&mut spans);
            prop_assert_eq!(found.spans.fields.json(), spans.fields.json());
            prop_assert_eq!(&found.spans.names, &spans.names);
            bytes += line.len;
        }
        prop_assert!(bytes <= MAX_BYTES);
        let first_cut = buffer.lines().next().map(|line| line.cut);
        prop_assert_eq!(first_cut.unwrap_or(cut), cut);
        buffer.clear();
        prop_assert_eq!(buffer.counts(), (0, 0));
        prop_assert_eq!(buffer.lines().count(), 0);
    }
}

#[test]
fn few_small_lines_are_all_there() {
    let mut buffer = Buffer::new(MAX_LINES, MAX_BYTES);
    for number in 0..16 {
        let line = Pushed {
            number,
            span: number % 3,
            changes: number,
            len: 90,
        };
        let line_of = NewLine {
            metadata: metadata(),
            unix_nanos: number,
            place: line.place(),
            log_scope: None,
            tape: &line.tape(),
        };
        buffer.push(line_of, |spans| line.says(spans));
    }
    assert_eq!(buffer.counts(), (16, 0));
}
