//! Large buffers that go from layer to layer: fresh pages cost more than what is done in them.

use std::sync::{Mutex, PoisonError};

/// As many as a layer needs at a time: its input and its output.
const KEPT: usize = 2;

static BUFFERS: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// `len` values, whatever they are.
pub fn take(len: usize) -> Vec<f32> {
    let mut kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let fitting = kept.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
    let best = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at);
    let Some(mut buffer) = best.map(|at| kept.swap_remove(at)) else {
        return vec![0.0; len];
    };
    buffer.resize(len, 0.0);
    buffer
}

/// Gives a buffer back; the smallest goes where there are too many.
pub fn give(buffer: Vec<f32>) {
    let mut kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(buffer);
    kept.sort_unstable_by_key(|buffer| std::cmp::Reverse(buffer.capacity()));
    kept.truncate(KEPT);
}
