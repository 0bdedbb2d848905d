//! A page for Prometheus, from what was recorded to its text. One operation is one series as
//! Prometheus counts them: a line with a value.

use std::hint::black_box;

use super::{Library, Request, recorder};
use crate::harness::Case;

/// With a counter of one line and a histogram of seventeen for each, 10,000 lines.
const ATTRIBUTE_SETS: u64 = 556;
const LINES: u64 = ATTRIBUTE_SETS * 18;

/// A library that has such a page.
pub(in crate::cases) trait Paged: Library {
    fn pages(self) -> impl FnMut() -> Vec<u8> + 'static;
}

pub(in crate::cases) fn page<L: Paged>() -> Case {
    let mut library = L::start();
    let record = recorder(&mut library);
    (0..ATTRIBUTE_SETS).for_each(|number| record(&Request::unlike_others(number)));
    let mut pages = library.pages();
    assert_eq!(values(&pages()), LINES);
    let encode = move |_| {
        black_box(pages());
    };
    Case::new(encode).in_batches_of(LINES)
}

fn values(page: &[u8]) -> u64 {
    let lines = page.split(|byte| *byte == b'\n');
    let values = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    values.count() as u64
}
