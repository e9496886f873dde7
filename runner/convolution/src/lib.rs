//! 3×3 convolutions with stride 1 for the CPU: Winograd's minimal filtering.
//!
//! # The algorithm
//!
//! A map is cut into overlapping tiles of (m + 2)² pixels. Each tile, and each 3×3 filter, is
//! transformed into (m + 2)² points; point by point, a matrix product sums over the channels; and
//! what comes out is transformed back into m² outputs. That takes (m + 2)² multiplications for m²
//! outputs of nine taps: 2.25 each for m = 4, 1.78 for m = 6, in place of 9. The price is rounding,
//! which grows with m: measured here against float64, largest over largest, below 2e-5 per layer
//! on random numbers.
//!
//! Winograd, "Arithmetic Complexity of Computations" (1980); Lavin & Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (2015), from where the matrices are.
//!
//! # How it is laid out
//!
//! | module | what |
//! |---|---|
//! | `lanes` | sixteen channels at a time, on AVX-512, AVX2 or plain Rust; AMX's matrix unit |
//! | `minimal` | the matrices of F(3, 3), F(4, 3) and F(6, 3) |
//! | `matrix` | how they are applied to a square |
//! | `tile` | which of them for which map, and how the work is cut |
//! | `map` | reading and writing strips of feature maps, with their borders |
//! | `transform` | from maps to points and back |
//! | `filter` | filters to points |
//! | `product` | the matrix product of one point |
//! | `packed` | the same on a matrix unit |
//! | `winograd` | the forward pass; with transposed filters also the gradient of the input |
//! | `gradient` | the gradient of the filters |
//! | `direct` | the plain sum, for an image's three channels |
//! | `stack` | several layers with filters that are transformed once |
//! | `pool` | 2×2 maximum |
//! | `dense` | fully connected layers |
//! | `buffer` | memory that is kept |
//!
//! Every sum runs in one order: results depend neither on the number of images in the batch nor
//! on the number of threads, only on the instruction set.

// The kernels index several arrays with one variable: iterators would hide what is done.
#![allow(clippy::needless_range_loop)]

pub mod buffer;
mod convolution;
mod dense;
mod direct;
mod filter;
mod gradient;
mod isa;
mod lanes;
mod map;
mod matrix;
mod minimal;
mod packed;
mod pool;
mod product;
mod reorder;
mod shape;
mod stack;
mod tile;
mod transform;
mod values;
mod winograd;

pub use convolution::Convolution;
pub use dense::Dense;
pub use isa::Isa;
pub use pool::Pool;
pub use reorder::reorder;
pub use shape::{ConvShape, Epilogue, Extent, Layout};
pub use stack::{Layer, Stack};

#[cfg(test)]
mod tests;
