//! A device that can be asked to compute.

use std::sync::Arc;

use burn::tensor::Device;

use super::hardware::Hardware;
use super::kind::DeviceKind;

/// A device that can be asked to compute.
#[derive(Debug, Clone)]
pub struct Found {
    /// What kind of device this is.
    pub kind: DeviceKind,
    /// Which one of its kind, from 0.
    pub index: usize,
    /// What is known of it.
    pub hardware: Arc<Hardware>,
    /// Where its tensors live; nothing is opened before the first of them.
    pub(super) device: Device,
}

impl Found {
    /// `cpu`, `cuda:1`, `vulkan:0`.
    #[must_use]
    pub fn name(&self) -> String {
        self.kind.name(self.index)
    }

    #[cfg(test)]
    pub(super) fn fake(kind: DeviceKind, index: usize, hardware: Hardware) -> Self {
        Self { kind, index, hardware: Arc::new(hardware), device: Device::flex() }
    }
}
