//! Where a run stands, on disk: the trained parameters, the memory of the optimizer and of early
//! stopping, the position, and the history of the run.
//!
//! A checkpoint is a safetensors file that appears whole or not at all and carries its own
//! checksum. The two newest are kept, so that one that is damaged costs little.

mod file;
pub mod longer;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub use file::newest;
pub use state::{Checkpoint, Entry, Lowest, Position, State, Sums};
pub use writer::{CheckpointWriter, Snapshot};
