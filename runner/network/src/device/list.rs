//! All devices of this machine, by kind, and what is missing.

use std::sync::{Arc, OnceLock};

use burn::tensor::Device;

use super::found::Found;
use super::host;
use super::kind::DeviceKind;

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
    BACKENDS.get_or_init(|| {
        // Before a driver is asked, since CubeCL reads its settings then.
        super::kernels::remember();
        [cpu(), cuda(), vulkan()]
    })
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

/// Whether this build can tune kernels by trial.
#[must_use]
pub fn can_autotune() -> bool {
    cfg!(feature = "autotune")
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
}
