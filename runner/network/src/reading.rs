//! Where a tensor lies, and how often somebody waited for one that lies elsewhere.

use std::cell::Cell;

use burn::tensor::{Device, Tensor};

thread_local! {
    static WAITS: Cell<u64> = const { Cell::new(0) };
}

/// How many times this thread has waited for values of a GPU.
#[must_use]
pub fn waits() -> u64 {
    WAITS.get()
}

/// Counts a wait.
pub(crate) fn waited() {
    WAITS.set(WAITS.get() + 1);
}

/// Whether the values lie in this process's memory.
pub(crate) fn is_on_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().without_autodiff() == Device::flex()
}
