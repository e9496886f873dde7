//! Memory that is kept between calls, because getting fresh pages costs more than computing in
//! them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::values::Values;

/// Working memory that is not in use.
struct Kept(Vec<Vec<Values>>);

impl Kept {
    /// How many times larger than requested a buffer may be.
    const SLACK: usize = 4;

    /// A buffer of at least `len` values with arbitrary contents: the smallest that fits.
    /// Where all are too small, a new one replaces the largest, so that there are never
    /// more buffers than were in use at the same time.
    fn take(&mut self, len: usize) -> Vec<Values> {
        let fitting = |buffer: &Vec<Values>| (len..=Self::SLACK * len).contains(&buffer.capacity());
        let by_capacity = |index: &usize| self.0[*index].capacity();
        let all = 0..self.0.len();
        let best = all.clone().filter(|index| fitting(&self.0[*index])).min_by_key(by_capacity);
        let largest = all.max_by_key(by_capacity);
        if let Some(index) = best {
            let mut buffer = self.0.swap_remove(index);
            if buffer.len() < len {
                buffer.resize(len, Values::ZERO);
            }
            return buffer;
        }
        if let Some(index) = largest.filter(|index| self.0[*index].capacity() < len) {
            self.0.swap_remove(index);
        }
        vec![Values::ZERO; len]
    }
}

/// Buffers for batches of maps that are not in use.
struct Spare {
    /// Each with the time at which it was given back, oldest first.
    buffers: Vec<(u64, Vec<f32>)>,
    /// The time: the number of buffers taken so far.
    now: u64,
}

impl Spare {
    /// A buffer that was not used for this long is freed. A step of VGG16 takes about
    /// fifty.
    const LIFETIME: u64 = 128;

    /// The smallest buffer that fits, if it is at most half as large again. The next step
    /// needs the same sizes as this one, and a small map in a large buffer would leave none
    /// for the large map.
    fn take(&mut self, len: usize) -> Vec<f32> {
        self.now += 1;
        let now = self.now;
        self.buffers.retain(|(given, _)| now - given <= Self::LIFETIME);
        let capacity = |index: &usize| self.buffers[*index].1.capacity();
        let fitting = |index: &usize| (len..=len + len / 2).contains(&capacity(index));
        let best = (0..self.buffers.len()).filter(fitting).min_by_key(capacity);
        let Some(index) = best else { return vec![0.0; len] };
        let mut buffer = self.buffers.remove(index).1;
        buffer.resize(len, 0.0);
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        self.buffers.push((self.now, buffer));
    }
}

static MAPS: Mutex<Spare> = Mutex::new(Spare { buffers: Vec::new(), now: 0 });

fn maps() -> MutexGuard<'static, Spare> {
    MAPS.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// One per thread: what a thread takes, it gives back.
    static WORK: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// A buffer of `len` values for a batch of maps, with arbitrary contents.
#[must_use]
pub fn take(len: usize) -> Vec<f32> {
    maps().take(len)
}

/// An empty buffer with room for `len` values of a batch of maps.
#[must_use]
pub fn room(len: usize) -> Vec<f32> {
    let mut buffer = take(len);
    buffer.clear();
    buffer
}

/// Gives a buffer back, for the next [`take`].
pub fn give(buffer: Vec<f32>) {
    maps().give(buffer);
}

/// Frees all buffers that are not in use: for when maps of other sizes come next.
pub fn clear() {
    maps().buffers.clear();
}

/// Borrowed working memory with arbitrary contents.
#[derive(Debug)]
pub(crate) struct Scratch {
    values: Vec<Values>,
    len: usize,
}

/// Borrows `len` [`Values`].
pub(crate) fn scratch(len: usize) -> Scratch {
    Scratch { values: WORK.with_borrow_mut(|kept| kept.take(len)), len }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        // A thread that is ending has nowhere left to keep it.
        let _ = WORK.try_with(|kept| kept.borrow_mut().0.push(values));
    }
}

impl Deref for Scratch {
    type Target = [Values];

    fn deref(&self) -> &[Values] {
        &self.values[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [Values] {
        &mut self.values[..self.len]
    }
}

/// A distance of at least `len` [`Values`] such that what lies that far apart doesn't compete
/// for the same lines of the cache, which has 64 sets: consecutive ones are a quarter of these
/// apart.
pub(crate) fn apart(len: usize) -> usize {
    len.next_multiple_of(64) + 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(lengths: &[usize]) -> Spare {
        let mut spare = Spare { buffers: Vec::new(), now: 0 };
        lengths.iter().for_each(|len| spare.give(vec![1.0; *len]));
        spare
    }

    #[test]
    fn a_buffer_of_that_size_comes_back_and_a_much_larger_one_stays() {
        let mut spare = spare(&[400, 140, 100]);
        assert_eq!(spare.take(100), [1.0; 100]);
        assert_eq!(spare.take(100), [1.0; 100], "the one of 140");
        assert_eq!(spare.take(100), [0.0; 100], "a new one");
        assert_eq!(spare.take(400), [1.0; 400]);
    }

    #[test]
    fn a_buffer_that_is_of_no_use_is_freed() {
        let mut spare = spare(&[400]);
        for _ in 0..Spare::LIFETIME {
            let _ = spare.take(1);
        }
        assert_eq!(spare.buffers.len(), 1);
        let _ = spare.take(1);
        assert!(spare.buffers.is_empty());
    }
}
