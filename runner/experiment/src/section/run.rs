//! `[run]`: how to execute, and what is kept.

use crate::value::{choice, section};

pub use super::device::{DeviceName, NoSuchDevice};

section! {
    /// How to execute, and what is kept.
    #[derive(Copy, Eq)]
    pub struct Run from RunSection {
        /// Which device computes: auto, cpu, cuda, cuda:1, vulkan, vulkan:1.
        device: DeviceName = DeviceName::Auto,
        /// What products are computed in. Default: `tf32` on NVIDIA cards from Ampere on, else `f32`.
        precision: Precision [computed optional],
        /// On a GPU, whether the first run finds out by trial which kernels are the fastest; needs a
        /// build with `--features autotune`.
        autotune: bool [omit] = false,
        /// Which parameters are kept and tested: those after the last epoch, or those of the epoch
        /// with the lowest validation loss.
        checkpoint: CheckpointPolicy [omit] = CheckpointPolicy::Last,
        /// What `model.safetensors` holds: the whole network, or what was trained, with the
        /// published weights of the rest named by their hash. Default: `trained` where the conv base
        /// is published and no stage trains it, else `whole`.
        model: ModelFile [computed] = ModelFile::Whole,
        /// Whether the last checkpoint stays when the run is finished, so that it can go on for more
        /// epochs.
        keep_checkpoint: bool [omit] = false,
    }
}

choice! {
    /// Which parameters are kept and tested.
    pub enum CheckpointPolicy {
        /// Those after the last epoch, or those that early stopping restores.
        Last = "last",
        /// Those of the epoch with the lowest validation loss of the whole run.
        Best = "best",
    }
}

choice! {
    /// What the file of a model holds.
    pub enum ModelFile {
        /// Every layer.
        Whole = "whole",
        /// The layers that a stage trained; the others are named by the hash of their weights.
        Trained = "trained",
    }
}

choice! {
    /// What products are computed in; sums are `f32` with each of them.
    pub enum Precision {
        /// Exact 32-bit floats.
        F32 = "f32",
        /// Factors rounded to eleven significant bits by the tensor cores of NVIDIA's cards.
        Tf32 = "tf32",
        /// Factors rounded to eight significant bits. What is trained, the optimizer's state and the
        /// statistics of normalization stay `f32`.
        Bf16 = "bf16",
    }
}
