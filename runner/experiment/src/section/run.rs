//! `[run]`: how to execute, and what is kept.

use crate::value::{choice, section};

section! {
    /// How to execute, and what is kept.
    #[derive(Copy, Eq)]
    pub struct Run from RunSection {
        /// Where tensors live.
        device: DeviceName = DeviceName::Auto,
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
    /// Where tensors live.
    pub enum DeviceName {
        /// CUDA where it is compiled in and a driver answers, else the CPU.
        Auto = "auto",
        /// The CPU.
        Cpu = "cpu",
        /// An NVIDIA GPU.
        Cuda = "cuda",
        /// A GPU by Vulkan.
        Vulkan = "vulkan",
    }
}
