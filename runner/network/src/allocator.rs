//! The allocator of the programs, which keeps the memory of tensors for the next step: fresh pages
//! take as long as the arithmetic of a dense head, and a tenth of a step of block5.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};
pub use mimalloc::MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h: milliseconds after which free memory goes back to the
/// operating system.
const PURGE_DELAY: mi_option_t = 15;

/// Free memory stays with the process, unless `MIMALLOC_PURGE_DELAY` says otherwise: what a step
/// leaves would be gone a second later. For the beginning of a program.
#[allow(unsafe_code)]
pub fn keep_memory() {
    // SAFETY: stores one number in a table; other threads see the old one or the new one.
    unsafe { mi_option_set_default(PURGE_DELAY, -1) }
}
