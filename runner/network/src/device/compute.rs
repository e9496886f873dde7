//! A device that answered, and how it computes.

use std::sync::Arc;

use burn::tensor::Device;
use runner_experiment::section::run::Precision;

use super::found::Found;
use super::hardware::Hardware;
use super::kind::DeviceKind;
use super::list;
use crate::implementation;

/// A device that answered, and how it computes.
#[derive(Debug, Clone)]
pub struct Compute {
    /// Where tensors live; without autodiff.
    pub device: Device,
    /// What kind of device this is.
    pub kind: DeviceKind,
    /// Which one of its kind, from 0.
    pub index: usize,
    /// What products are computed in.
    pub precision: Precision,
    /// Whether the fastest kernels are found out by trial.
    pub autotune: bool,
    /// What is known of the device.
    pub hardware: Arc<Hardware>,
}

impl Compute {
    /// Whether tensor data lies in this process's memory, so that reading it costs nothing.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.kind == DeviceKind::Cpu
    }

    /// `cpu`, `cuda:1`, `vulkan:0`.
    #[must_use]
    pub fn name(&self) -> String {
        self.kind.name(self.index)
    }

    /// `cuda:0 (NVIDIA H100 80GB HBM3), tf32`
    #[must_use]
    pub fn described(&self) -> String {
        let software = if self.hardware.is_software { ", software" } else { "" };
        format!("{} ({}{software}), {}", self.name(), self.hardware.name, self.precision)
    }

    /// What computes features: part of the address of cached ones, since another kind of device,
    /// another precision or another kernel rounds differently. Cards of one kind share theirs.
    #[must_use]
    pub fn implementation(&self) -> String {
        match (self.kind, self.precision) {
            // As it was before there was a choice, so that older features are found.
            (DeviceKind::Cpu, Precision::F32) => implementation::on_cpu(),
            (DeviceKind::Cpu, precision) => format!("{}, {precision}", implementation::on_cpu()),
            (kind, precision) => {
                format!("{}, {precision}", implementation::on_gpu(kind.as_str(), self.autotune))
            }
        }
    }

    /// The CPU with exact `f32`, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self::of(list::this_cpu(), Precision::F32, false)
    }

    pub(super) fn of(found: &Found, precision: Precision, autotune: bool) -> Self {
        Self {
            device: found.device.clone(),
            kind: found.kind,
            index: found.index,
            precision,
            autotune,
            hardware: found.hardware.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_the_cpu_stay_where_they_were_and_others_have_their_own_place() {
        let cpu = Compute::cpu();
        assert!(cpu.implementation().starts_with("winograd-5 "), "as before there was a choice");
        let bf16 = Compute { precision: Precision::Bf16, ..cpu.clone() };
        assert_ne!(bf16.implementation(), cpu.implementation());
        let on = |precision| Compute { kind: DeviceKind::Cuda, precision, ..cpu.clone() };
        let exact = on(Precision::F32).implementation();
        assert_ne!(exact, on(Precision::Tf32).implementation());
        assert_ne!(exact, cpu.implementation());
    }

    #[test]
    fn a_device_is_called_by_kind_and_number() {
        let cpu = Compute::cpu();
        assert_eq!((cpu.name().as_str(), cpu.is_host()), ("cpu", true));
        let second = Compute { kind: DeviceKind::Cuda, index: 1, ..cpu };
        assert_eq!((second.name().as_str(), second.is_host()), ("cuda:1", false));
    }
}
