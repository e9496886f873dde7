//! From folders to batches: scan, decode, resize, preprocess, cache features.

pub mod augment;
pub mod decode;
pub mod feature_cache;
pub mod features;
pub mod generate;
pub mod images;
mod jpeg;
pub mod mixing;
pub mod order;
mod png;
pub mod preprocess;
pub mod resize;
pub mod samples;
pub mod scan;
mod signature;
