//! The rows of the benchmarks: one piece of work each, set up once and run again and again.
//!
//! Shapes are the textbook's: 150×150 photos, batches of 20, VGG16. Weights and pixels are random,
//! which changes no time.

mod data;
mod model;

use runner_network::allocator::MiMalloc;
pub use runner_network::allocator::keep_memory;

/// The program's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Images per batch.
pub const BATCH: usize = 20;
/// Height and width of an image.
pub const SIDE: usize = 150;

/// Why a row cannot run.
pub type Error = Box<dyn std::error::Error>;

/// One piece of work.
pub struct Row {
    /// Its name in every table.
    pub name: &'static str,
    /// Images that it handles each time.
    pub images: usize,
    /// Prepares it; what comes back does it once.
    pub prepare: fn() -> Result<Job, Error>,
}

/// Does the work of a row once.
pub type Job = Box<dyn FnMut() -> Result<(), Error>>;

/// Every row.
pub const ROWS: [Row; 6] = [
    Row { name: "forward", images: BATCH, prepare: model::forward },
    Row { name: "block5", images: BATCH, prepare: model::block5 },
    Row { name: "full", images: BATCH, prepare: model::full },
    Row { name: "head", images: BATCH, prepare: model::head },
    Row { name: "decode", images: 1, prepare: data::decode },
    Row { name: "cache", images: data::CACHED, prepare: data::cache },
];

/// Reproducible numbers in [0, 1).
fn numbers(count: usize) -> Vec<f32> {
    use runner_random::{Key, Purpose};
    let mut stream = Key::new(0, Purpose::Generate).stream();
    (0..count).map(|_| stream.uniform()).collect()
}
