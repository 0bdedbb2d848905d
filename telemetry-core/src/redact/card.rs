//! Numbers of payment cards.

use std::ops::Range;

/// How many digits a number has: ISO/IEC 7812-1 allows 19, and issuers use at least 13.
const FEWEST: usize = 13;
const MOST: usize = 19;

/// The next number.
pub(super) fn find(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let is_within = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        if !is_within && let Some(end) = number(bytes, at) {
            return Some(at..end);
        }
        at += bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
    }
    None
}

/// The end of the longest number that begins here, with single blanks or hyphens in it.
fn number(bytes: &[u8], start: usize) -> Option<usize> {
    // 1 begins airlines' and nanoseconds' numbers, 0, 7 to 9 no payment card that is in use
    if !matches!(bytes[start], b'2'..=b'6') {
        return None;
    }
    let mut digits = [0; MOST];
    let mut count = 0;
    let mut at = start;
    let mut found = None;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_digit() {
            if count == MOST {
                break;
            }
            digits[count] = byte - b'0';
            count += 1;
            let goes_on = bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
            if count >= FEWEST && !goes_on && is_valid(&digits[..count]) {
                found = Some(at + 1);
            }
        } else if !matches!(byte, b' ' | b'-') || !bytes[at - 1].is_ascii_digit() {
            break;
        }
        at += 1;
    }
    found
}

/// Luhn's check: every second digit from the right counts twice, and the sum of all is a multiple
/// of ten. ISO/IEC 7812-1 annex B; H. P. Luhn, US patent 2950048.
fn is_valid(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) << (place % 2) {
            twice @ 10.. => twice - 9,
            once => once,
        })
        .sum();
    sum.is_multiple_of(10)
}
