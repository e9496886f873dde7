//! 3×3 convolutions with stride 1 or 2 for the CPU by Winograd's minimal filtering, with pooling and
//! fully connected layers beside them.
//!
//! # The algorithm
//!
//! A map is divided into overlapping tiles of (m + 2)² pixels. Each tile, and each 3×3 filter, is
//! transformed into (m + 2)² points. For each point, a matrix product sums over the channels, and
//! the sums are transformed back into m² outputs. That takes (m + 2)² multiplications for m²
//! outputs of nine taps: 2.25 per output for m = 4, 1.78 for m = 6, instead of 9. The price is
//! rounding error, which grows with m. Compared with float64 on random numbers, the largest error
//! is below 2e-5 of the largest value in each layer.
//!
//! With stride 2, the outer taps are a two-tap filter with stride 1 on every other pixel, and the middle
//! taps meet the pixels between them: 5.1 multiplications per output (`graph::strided`).
//!
//! Winograd, "Arithmetic Complexity of Computations" (1980); Lavin & Gray, "Fast Algorithms for
//! Convolutional Neural Networks" (2015), which the matrices are from.
//!
//! # Modules
//!
//! Each module uses only modules above it, apart from a parent and its own submodule.
//!
//! | module | what it does |
//! |---|---|
//! | `values` | sixteen neighbouring channels in memory |
//! | `lanes` | arithmetic on them with AVX-512, AVX2 or plain Rust; products with AMX |
//! | `shape` | sizes and layouts of maps, the shape of a convolution |
//! | `isa` | the instruction sets, and running code compiled for each |
//! | `bf16` | whether there are products of bfloat16 |
//! | `buffer` | memory that is kept between calls |
//! | `minimal` | the transforms of F(3, 3), F(4, 3) and F(6, 3) as functions |
//! | `matrix` | the same as types, and applying them to a square |
//! | `product` | the matrix product of one point |
//! | `packed` | the same on a matrix unit |
//! | `tile` | the tile size for each map, and how the work is divided |
//! | `map` | reading windows of maps, and writing strips of them |
//! | `reorder` | copying maps from one layout to another |
//! | `transform` | from maps to points and back |
//! | `filter` | from filters to points |
//! | `winograd` | convolution; with rotated filters also the gradient of the input |
//! | `gradient` | the gradient of the filters |
//! | `direct` | direct convolution for inputs of at most four channels, and its filters' gradient |
//! | `convolution` | one convolution, by minimal filtering or directly |
//! | `pool` | the 2×2 maximum |
//! | `scaled` | filters times a factor for each output, and the gradients of both |
//! | `dense` | fully connected layers |
//! | `stack` | several layers whose filters are transformed only once |
//! | `activation` | functions of each value |
//! | `graph` | whole networks of convolutions with any windows, pools, sums and products |
//! | `windowed` | convolutions with any windows, over all channels or one, forward and gradients |
//!
//! Values are always summed in the same order: results depend on the instruction set, but neither
//! on the number of images in the batch nor on the number of threads.

// The kernels index several arrays with one variable: iterators would obscure what they compute.
#![allow(clippy::needless_range_loop)]

mod activation;
pub mod bf16;
pub mod buffer;
mod convolution;
mod dense;
mod direct;
mod filter;
mod gradient;
mod graph;
mod isa;
mod lanes;
mod map;
mod matrix;
mod minimal;
mod packed;
mod pool;
mod product;
mod reorder;
mod scaled;
mod shape;
mod stack;
mod tile;
mod transform;
mod values;
mod windowed;
mod winograd;

pub use activation::Activation;
pub use convolution::Convolution;
pub use dense::Dense;
pub use graph::{Graph, Node, Pooled, Windows};
pub use isa::{Isa, Limit, LimitError, Precision};
pub use pool::Pool;
pub use reorder::reorder;
pub use scaled::{scale_back, scaled};
pub use shape::{ConvShape, Epilogue, Extent, Layout};
pub use stack::{Layer, Stack};
pub use windowed::{Received, Wanted, Weights, Windowed};

#[cfg(test)]
mod tests;
