//! Memory that is kept between calls: fresh pages cost more than what is done in them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use bytemuck::Zeroable;

use crate::lanes::Values;

/// Buffers that nobody uses at the moment.
struct Kept<T>(Vec<Vec<T>>);

impl<T: Copy + Zeroable> Kept<T> {
    /// How much larger than asked for a buffer may be.
    const SLACK: usize = 4;

    /// At least `len` values, whatever they are: the smallest buffer that fits. Where all are too
    /// small, a new one takes the place of the largest, so that there are never more than were
    /// used at a time.
    fn take(&mut self, len: usize) -> Vec<T> {
        let fitting = |buffer: &Vec<T>| (len..=Self::SLACK * len).contains(&buffer.capacity());
        let by_capacity = |at: &usize| self.0[*at].capacity();
        let all = 0..self.0.len();
        let best = all.clone().filter(|at| fitting(&self.0[*at])).min_by_key(by_capacity);
        let largest = all.max_by_key(by_capacity);
        if let Some(at) = best {
            let mut buffer = self.0.swap_remove(at);
            if buffer.len() < len {
                buffer.resize(len, T::zeroed());
            }
            return buffer;
        }
        if let Some(at) = largest.filter(|at| self.0[*at].capacity() < len) {
            self.0.swap_remove(at);
        }
        vec![T::zeroed(); len]
    }
}

static MAPS: Mutex<Kept<f32>> = Mutex::new(Kept(Vec::new()));

thread_local! {
    /// Each thread its own: what a thread takes it gives back.
    static WORK: RefCell<Kept<Values>> = const { RefCell::new(Kept(Vec::new())) };
}

/// `len` values for a batch of maps, whatever they are.
#[must_use]
pub fn take(len: usize) -> Vec<f32> {
    let mut buffer = MAPS.lock().unwrap_or_else(PoisonError::into_inner).take(len);
    buffer.truncate(len);
    buffer
}

/// Gives a batch of maps back, for the next [`take`].
pub fn give(buffer: Vec<f32>) {
    MAPS.lock().unwrap_or_else(PoisonError::into_inner).0.push(buffer);
}

/// Frees what nobody uses at the moment, where maps of other sizes come next.
pub fn clear() {
    MAPS.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
}

/// Borrowed working memory with arbitrary contents.
#[derive(Debug)]
pub(crate) struct Scratch {
    values: Vec<Values>,
    len: usize,
}

/// `len` sixteens.
pub(crate) fn scratch(len: usize) -> Scratch {
    Scratch { values: WORK.with_borrow_mut(|kept| kept.take(len)), len }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        // A thread that ends has no place to keep it any more.
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
