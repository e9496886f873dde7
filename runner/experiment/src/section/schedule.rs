//! `schedule = { name = … }`: how the learning rate moves while a stage runs.

use crate::section::stage::Monitor;
use crate::value::{Count, NonNegative, Share, Whole, section, tagged};

tagged! {
    /// How the learning rate moves; every factor is one of the optimizer's learning rate.
    pub enum ScheduleSection by "name" {
        /// Always the same, after the warm-up.
        Constant(ConstantSection) = "constant",
        /// Half a cosine down (Loshchilov & Hutter 2016), step by step.
        Cosine(CosineSection) = "cosine",
        /// Up and down once (Smith 2018), step by step.
        OneCycle(OneCycleSection) = "one_cycle",
        /// Down every few epochs.
        Step(StepSection) = "step",
        /// Down after every epoch.
        Exponential(ExponentialSection) = "exponential",
        /// Down where a figure no longer improves (Keras's `ReduceLROnPlateau`).
        Plateau(PlateauSection) = "plateau",
    }
}

section! {
    /// Always the same, after the warm-up.
    pub struct ConstantSection {
        /// Which schedule.
        name: String,
        /// Epochs in which the rate rises from 0, step by step. Default: 0.
        warmup_epochs: NonNegative,
    }
}

section! {
    /// Half a cosine down (Loshchilov & Hutter 2016), step by step.
    pub struct CosineSection {
        /// Which schedule.
        name: String,
        /// Epochs in which the rate rises from 0, step by step. Default: 0.
        warmup_epochs: NonNegative,
        /// Where it ends. Default: 0.
        final_factor: Share,
    }
}

section! {
    /// Up and down once (Smith 2018), step by step, as PyTorch's `OneCycleLR`.
    pub struct OneCycleSection {
        /// Which schedule.
        name: String,
        /// Share of the steps until the rate is at its highest. Default: 0.3.
        peak: Share,
        /// Where it starts. Default: 0.04.
        start_factor: Share,
        /// Where it ends. Default: 4e-6.
        final_factor: Share,
    }
}

section! {
    /// Down every few epochs.
    pub struct StepSection {
        /// Which schedule.
        name: String,
        /// Epochs in which the rate rises from 0, step by step. Default: 0.
        warmup_epochs: NonNegative,
        /// Every how many epochs.
        #[schemars(required)]
        every: Count,
        /// By how much. Default: 0.1.
        factor: Share,
    }
}

section! {
    /// Down after every epoch.
    pub struct ExponentialSection {
        /// Which schedule.
        name: String,
        /// Epochs in which the rate rises from 0, step by step. Default: 0.
        warmup_epochs: NonNegative,
        /// By how much. Default: 0.9.
        factor: Share,
    }
}

section! {
    /// Down where a figure no longer improves (Keras's `ReduceLROnPlateau`).
    pub struct PlateauSection {
        /// Which schedule.
        name: String,
        /// The figure to watch. Default: `validation_loss`.
        monitor: Monitor,
        /// By how much. Default: 0.1.
        factor: Share,
        /// Epochs without improvement before it goes down. Default: 10.
        patience: Whole,
        /// Less than this is no improvement. Default: 1e-4.
        min_delta: NonNegative,
        /// It does not go below this. Default: 0.
        final_factor: Share,
    }
}
