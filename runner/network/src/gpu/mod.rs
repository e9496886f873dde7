//! Kernels for graphics cards: what Burn has no operation for, or takes many launches for.

pub mod image;
