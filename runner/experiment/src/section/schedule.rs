//! `schedule = { name = … }`: how the learning rate moves while a stage runs.

use crate::section::monitor::Monitor;
use crate::value::{Count, NonNegative, Share, Whole, section, tagged};

tagged! {
    /// How the learning rate moves; every factor is one of the optimizer's learning rate.
    #[derive(Copy)]
    pub enum Schedule from ScheduleSection by name {
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
        /// Down where a metric no longer improves (Keras's `ReduceLROnPlateau`).
        Plateau(PlateauSection) = "plateau",
    }
}

section! {
    /// How a schedule starts.
    #[derive(Copy)]
    pub struct Warmup from WarmupSection {
        /// Epochs in which the rate rises from 0, step by step.
        warmup_epochs: NonNegative = 0.0,
    }
}

section! {
    /// Always the same, after the warm-up.
    #[derive(Copy)]
    pub struct Constant from ConstantSection {
        /// The warm-up.
        warmup: WarmupSection [flat],
    }
}

section! {
    /// Half a cosine down (Loshchilov & Hutter 2016), step by step.
    #[derive(Copy)]
    pub struct Cosine from CosineSection {
        /// The warm-up.
        warmup: WarmupSection [flat],
        /// Factor at the end.
        final_factor: Share = 0.0,
    }
}

section! {
    /// Up and down once (Smith 2018), step by step, as PyTorch's `OneCycleLR`.
    #[derive(Copy)]
    pub struct OneCycle from OneCycleSection {
        /// Share of the steps until the rate is at its highest.
        peak: Share = 0.3,
        /// Factor at the start.
        start_factor: Share = 0.04,
        /// Factor at the end.
        final_factor: Share = 4e-6,
    }
}

section! {
    /// Down every few epochs.
    #[derive(Copy)]
    pub struct Step from StepSection {
        /// The warm-up.
        warmup: WarmupSection [flat],
        /// Epochs between two steps.
        every: Count [required],
        /// What the rate is multiplied by.
        factor: Share = 0.1,
    }
}

section! {
    /// Down after every epoch.
    #[derive(Copy)]
    pub struct Exponential from ExponentialSection {
        /// The warm-up.
        warmup: WarmupSection [flat],
        /// What the rate is multiplied by.
        factor: Share = 0.9,
    }
}

section! {
    /// Down where a metric no longer improves (Keras's `ReduceLROnPlateau`).
    #[derive(Copy)]
    pub struct Plateau from PlateauSection {
        /// The metric to watch.
        monitor: Monitor = Monitor::ValidationLoss,
        /// What the rate is multiplied by.
        factor: Share = 0.1,
        /// Epochs without improvement before the rate is reduced.
        patience: Whole = 10,
        /// Smaller changes do not count as improvement.
        min_delta: NonNegative = 1e-4,
        /// Lowest factor of the learning rate.
        final_factor: Share = 0.0,
    }
}
