//! Where the buffers of all requests are.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::buffer::Buffer;

/// A fixed number of places for recordings. A place keeps its buffer for the next recording.
///
/// A recording's number is that of its place, below a number that no other recording has: who is late
/// finds another number there.
#[derive(Debug)]
pub(super) struct Slab {
    places: Box<[Place]>,
    /// The last one that was freed is the first to be taken, because its memory is warm.
    free: Mutex<Vec<u16>>,
}

/// Two cache lines apart, because processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place {
    /// The recording, 0 without one.
    number: AtomicU64,
    buffer: Mutex<Option<Box<Buffer>>>,
}

impl Slab {
    pub(super) fn new(places: u16) -> Self {
        Self {
            places: (0..places).map(|_| Place::default()).collect(),
            free: Mutex::new((0..places).rev().collect()),
        }
    }

    /// Begins a recording in a buffer that `make` makes if the place has none yet; `None` if no place
    /// is free.
    pub(super) fn begin(
        &self,
        make: impl FnOnce() -> Buffer,
        prepare: impl FnOnce(&mut Buffer),
    ) -> Option<NonZeroU64> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let index = lock(&self.free).pop()?;
        let place = self.places.get(usize::from(index))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed) << 16 | u64::from(index);
        prepare(lock(&place.buffer).get_or_insert_with(|| Box::new(make())));
        place.number.store(number, Ordering::Release);
        NonZeroU64::new(number)
    }

    /// Whether the recording has not ended.
    #[inline]
    pub(super) fn is_open(&self, number: NonZeroU64) -> bool {
        self.place(number)
            .is_some_and(|place| place.number.load(Ordering::Relaxed) == number.get())
    }

    /// Works on the buffer of a recording; `None` if it has ended. Others who want it wait meanwhile:
    /// `work` must not run anybody else's code.
    #[inline]
    pub(super) fn with<T>(
        &self,
        number: NonZeroU64,
        work: impl FnOnce(&mut Buffer) -> T,
    ) -> Option<T> {
        let place = self.place(number)?;
        let mut buffer = lock(&place.buffer);
        if place.number.load(Ordering::Relaxed) != number.get() {
            return None;
        }
        buffer.as_deref_mut().map(work)
    }

    /// Ends a recording: nobody adds to the buffer any more, until it is put back.
    pub(super) fn end(&self, number: NonZeroU64) -> Option<Box<Buffer>> {
        let place = self.place(number)?;
        let mut buffer = lock(&place.buffer);
        let was =
            place
                .number
                .compare_exchange(number.get(), 0, Ordering::Relaxed, Ordering::Relaxed);
        was.ok()?;
        buffer.take()
    }

    /// Gives the place and its buffer to the next recording.
    pub(super) fn put_back(&self, number: NonZeroU64, mut buffer: Box<Buffer>) {
        buffer.clear();
        if let Some(place) = self.place(number) {
            *lock(&place.buffer) = Some(buffer);
            lock(&self.free).push(index(number));
        }
    }

    /// The recordings that have not ended.
    pub(super) fn open(&self) -> impl Iterator<Item = NonZeroU64> {
        self.places
            .iter()
            .filter_map(|place| NonZeroU64::new(place.number.load(Ordering::Acquire)))
    }

    #[inline]
    fn place(&self, number: NonZeroU64) -> Option<&Place> {
        self.places.get(usize::from(index(number)))
    }
}

#[inline]
fn index(number: NonZeroU64) -> u16 {
    let [.., high, low] = number.get().to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
