//! Working memory that is kept between calls: fresh pages cost more than what is done in them.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use crate::lanes::Values;

static KEPT: Mutex<Vec<Vec<Values>>> = Mutex::new(Vec::new());

/// A borrowed buffer with arbitrary contents.
#[derive(Debug)]
pub struct Scratch {
    values: Vec<Values>,
    len: usize,
}

/// At least `len` sixteens.
pub fn scratch(len: usize) -> Scratch {
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // The smallest that is large enough, else the largest, to grow.
    let best = kept.iter().enumerate().filter(|(_, values)| values.len() >= len);
    let best = best.min_by_key(|(_, values)| values.len()).map(|(at, _)| at);
    let best = best.or_else(|| {
        kept.iter().enumerate().max_by_key(|(_, values)| values.len()).map(|(at, _)| at)
    });
    let mut values = best.map(|at| kept.swap_remove(at)).unwrap_or_default();
    drop(kept);
    if values.len() < len {
        values = vec![Values::ZERO; len];
    }
    Scratch { values, len }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push(std::mem::take(&mut self.values));
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
