//! The rows of the benchmarks: one piece of work each, set up once and run again and again.
//!
//! Shapes are the textbook's: 150×150 photos, batches of 20, VGG16; other backbones take 224×224.
//! Weights and pixels are random, which changes no time.

mod backbone;
mod data;
pub mod gpu;
mod job;
mod model;

pub use backbone::forward;
pub use job::{BATCH, Error, Job, Row, SIDE};

use runner_network::allocator::MiMalloc;
pub use runner_network::allocator::keep_memory;

/// The program's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Every row.
pub const ROWS: [Row; 13] = [
    Row { name: "forward", images: BATCH, prepare: model::forward },
    Row { name: "block5", images: BATCH, prepare: model::block5 },
    Row { name: "full", images: BATCH, prepare: model::full },
    Row { name: "head", images: BATCH, prepare: model::head },
    Row { name: "resnet50_forward", images: BATCH, prepare: backbone::resnet50_forward },
    Row {
        name: "resnet50_keras_forward",
        images: BATCH,
        prepare: backbone::resnet50_keras_forward,
    },
    Row { name: "mobilenet_v2_forward", images: BATCH, prepare: backbone::mobilenet_v2_forward },
    Row {
        name: "efficientnet_b0_forward",
        images: BATCH,
        prepare: backbone::efficientnet_b0_forward,
    },
    Row {
        name: "resnet50_last_stage_step",
        images: BATCH,
        prepare: backbone::resnet50_last_stage_step,
    },
    Row {
        name: "resnet50_keras_last_stage_step",
        images: BATCH,
        prepare: backbone::resnet50_keras_last_stage_step,
    },
    Row {
        name: "mobilenet_v2_last_blocks_step",
        images: BATCH,
        prepare: backbone::mobilenet_v2_last_blocks_step,
    },
    Row { name: "decode", images: 1, prepare: data::decode },
    Row { name: "cache", images: data::CACHED, prepare: data::cache },
];
