//! The rows of the benchmarks: one piece of work each, set up once and run again and again.
//!
//! Shapes are the textbook's: 150×150 photos, batches of 20, VGG16. Weights and pixels are random,
//! which changes no time.

mod data;
mod job;
mod model;

pub use job::{BATCH, Error, Job, Row, SIDE};

use runner_network::allocator::MiMalloc;
pub use runner_network::allocator::keep_memory;

/// The program's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Every row.
pub const ROWS: [Row; 6] = [
    Row { name: "forward", images: BATCH, prepare: model::forward },
    Row { name: "block5", images: BATCH, prepare: model::block5 },
    Row { name: "full", images: BATCH, prepare: model::full },
    Row { name: "head", images: BATCH, prepare: model::head },
    Row { name: "decode", images: 1, prepare: data::decode },
    Row { name: "cache", images: data::CACHED, prepare: data::cache },
];
