//! All devices of this machine, by kind, and what is missing.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use burn::tensor::Device;

use super::hardware::Hardware;
use super::host;
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

/// The devices of one kind.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Which kind.
    pub kind: DeviceKind,
    /// Whether this build can use it.
    pub is_compiled: bool,
    /// In the order of their numbers.
    pub devices: Vec<Found>,
    /// Why there is none.
    pub reason: Option<String>,
}

/// The kinds of devices: the CPU, CUDA, Vulkan. Drivers are asked once per process.
#[must_use]
pub fn backends() -> &'static [Backend] {
    static BACKENDS: OnceLock<[Backend; 3]> = OnceLock::new();
    BACKENDS.get_or_init(|| [cpu(), cuda(), vulkan()])
}

fn cpu() -> Backend {
    Backend {
        kind: DeviceKind::Cpu,
        is_compiled: true,
        devices: vec![this_cpu().clone()],
        reason: None,
    }
}

/// The CPU, which is always there.
pub(super) fn this_cpu() -> &'static Found {
    static CPU: OnceLock<Found> = OnceLock::new();
    CPU.get_or_init(|| Found {
        kind: DeviceKind::Cpu,
        index: 0,
        hardware: Arc::new(host::hardware()),
        device: Device::flex(),
    })
}

#[cfg(feature = "cuda")]
fn cuda() -> Backend {
    listed(DeviceKind::Cuda, super::cuda::list())
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Backend {
    absent(DeviceKind::Cuda, "this build has no CUDA (build with `--features cuda`)")
}

#[cfg(feature = "vulkan")]
fn vulkan() -> Backend {
    listed(DeviceKind::Vulkan, super::vulkan::list())
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Backend {
    absent(DeviceKind::Vulkan, "this build has no Vulkan (build with `--features vulkan`)")
}

#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn listed(kind: DeviceKind, devices: Result<Vec<Found>, String>) -> Backend {
    let reason = devices.as_ref().err().cloned();
    Backend { kind, is_compiled: true, devices: devices.unwrap_or_default(), reason }
}

#[cfg(not(all(feature = "cuda", feature = "vulkan")))]
fn absent(kind: DeviceKind, reason: &str) -> Backend {
    Backend { kind, is_compiled: false, devices: Vec::new(), reason: Some(reason.to_owned()) }
}

/// The version of NVIDIA's kernel module, where one is loaded (Linux).
#[must_use]
pub fn nvidia_module() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    version_in(&text)
}

/// Whether an NVIDIA driver is installed, by what Linux shows of it.
#[must_use]
pub fn has_nvidia_driver() -> bool {
    ["/proc/driver/nvidia/version", "/dev/nvidiactl"].iter().any(|path| Path::new(path).exists())
}

/// Whether this build can tune kernels by trial.
#[must_use]
pub fn can_autotune() -> bool {
    cfg!(feature = "autotune")
}

/// The first word of the module's line that is a version: digits with dots between them.
fn version_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("Kernel Module"))?;
    let is_version = |word: &&str| {
        word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    line.split_whitespace().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_the_others_say_why_they_are_not() {
        let [cpu, others @ ..] = backends() else { panic!("no backend") };
        assert_eq!(cpu.devices[0].name(), "cpu");
        assert!(!cpu.devices[0].hardware.name.is_empty());
        for backend in others {
            assert_eq!(backend.devices.is_empty(), backend.reason.is_some());
        }
    }

    /// The line as NVIDIA's modules write it, proprietary and open.
    #[test]
    fn the_version_of_the_module_is_found() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 \
                      19:39:15 UTC 2024\nGCC version:  gcc version 12.2.0\n";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release \
                    Build  (dvs-builder@U22)\n";
        assert_eq!(version_in(closed).as_deref(), Some("535.183.01"));
        assert_eq!(version_in(open).as_deref(), Some("570.86.15"));
        assert_eq!(version_in("nothing"), None);
    }
}
