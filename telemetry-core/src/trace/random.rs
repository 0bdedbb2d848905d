//! Random ids.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use opentelemetry::trace::{SpanId, TraceId};

thread_local! {
    static STATE: Cell<[u64; 2]> = const { Cell::new([0; 2]) };
}

/// A new trace id: 128 random bits, never zero.
pub(crate) fn trace_id() -> TraceId {
    loop {
        let id = (u128::from(next()) << 64) | u128::from(next());
        if id != 0 {
            return TraceId::from(id);
        }
    }
}

/// A new span id: 64 random bits, never zero.
pub(crate) fn span_id() -> SpanId {
    loop {
        let id = next();
        if id != 0 {
            return SpanId::from(id);
        }
    }
}

/// xoroshiro128+, <https://prng.di.unimi.it/xoroshiro128plus.c>, one per thread, seeded by the
/// operating system. Ids need to differ, not to be secret.
#[inline]
pub(crate) fn next() -> u64 {
    let [a, mut b] = STATE.get();
    if a == 0 && b == 0 {
        STATE.set(seed());
        return next();
    }
    let result = a.wrapping_add(b);
    b ^= a;
    STATE.set([a.rotate_left(24) ^ b ^ (b << 16), b.rotate_left(37)]);
    result
}

#[cold]
fn seed() -> [u64; 2] {
    // each RandomState has keys of its own, made from the operating system's randomness
    [
        RandomState::new().build_hasher().finish(),
        RandomState::new().build_hasher().finish() | 1,
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn threads_do_not_repeat_each_other() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| (0..1000).map(|_| super::trace_id()).collect::<Vec<_>>())
            })
            .collect();
        let ids: HashSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.len(), 8000);
    }
}
