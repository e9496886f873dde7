//! Memory that is kept between calls: fresh pages cost more than what is done in them.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::Zeroable;

use crate::lanes::Values;

/// Buffers that nobody uses at the moment.
struct Kept<T>(Mutex<Vec<Vec<T>>>);

impl<T: Copy + Zeroable> Kept<T> {
    /// How much larger than asked for a buffer may be.
    const SLACK: usize = 4;

    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At least `len` values, whatever they are: the smallest buffer that fits. Where all are too
    /// small, a new one takes the place of the largest, so that there are never more than were
    /// used at a time.
    fn take(&self, len: usize) -> Vec<T> {
        let mut kept = self.lock();
        let fitting = |buffer: &Vec<T>| (len..=Self::SLACK * len).contains(&buffer.capacity());
        let best =
            (0..kept.len()).filter(|at| fitting(&kept[*at])).min_by_key(|at| kept[*at].capacity());
        if let Some(at) = best {
            let mut buffer = kept.swap_remove(at);
            if buffer.len() < len {
                buffer.resize(len, T::zeroed());
            }
            return buffer;
        }
        let largest = (0..kept.len()).max_by_key(|at| kept[*at].capacity());
        if let Some(at) = largest.filter(|at| kept[*at].capacity() < len) {
            kept.swap_remove(at);
        }
        drop(kept);
        vec![T::zeroed(); len]
    }

    fn give(&self, buffer: Vec<T>) {
        self.lock().push(buffer);
    }
}

static MAPS: Kept<f32> = Kept::new();
static WORK: Kept<Values> = Kept::new();

/// `len` values for a batch of maps, whatever they are.
#[must_use]
pub fn take(len: usize) -> Vec<f32> {
    let mut buffer = MAPS.take(len);
    buffer.truncate(len);
    buffer
}

/// Gives a batch of maps back, for the next [`take`].
pub fn give(buffer: Vec<f32>) {
    MAPS.give(buffer);
}

/// Borrowed working memory with arbitrary contents.
#[derive(Debug)]
pub(crate) struct Scratch {
    values: Vec<Values>,
    len: usize,
}

/// `len` sixteens.
pub(crate) fn scratch(len: usize) -> Scratch {
    Scratch { values: WORK.take(len), len }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        WORK.give(std::mem::take(&mut self.values));
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
