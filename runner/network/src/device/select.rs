//! From what is asked for to a device that answers.

use runner_experiment::plan::Run;
use runner_experiment::section::run::{DeviceName, Precision};

#[cfg(any(feature = "cuda", feature = "vulkan"))]
use super::DeviceKind;
use super::{Compute, DeviceError};

/// What an experiment or a command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which device.
    pub device: DeviceName,
    /// What products are computed in; `None` leaves it to the device.
    pub precision: Option<Precision>,
    /// Whether kernels are tuned by trial.
    pub autotune: bool,
}

impl From<DeviceName> for Wanted {
    fn from(device: DeviceName) -> Self {
        Self { device, precision: None, autotune: false }
    }
}

impl From<Run> for Wanted {
    fn from(run: Run) -> Self {
        Self { device: run.device, precision: run.precision, autotune: run.autotune }
    }
}

/// Finds the device that is asked for.
///
/// # Errors
///
/// [`DeviceError`] where an explicit device is not compiled in or does not answer.
pub fn select(wanted: impl Into<Wanted>) -> Result<Compute, DeviceError> {
    let wanted = wanted.into();
    let compute = match wanted.device {
        DeviceName::Cpu => Compute::cpu(),
        DeviceName::Auto => cuda(0).unwrap_or_else(|_| Compute::cpu()),
        DeviceName::Cuda(index) => {
            cuda(index.unwrap_or(0)).map_err(|reason| unavailable("cuda", reason))?
        }
        DeviceName::Vulkan(index) => {
            vulkan(index.unwrap_or(0)).map_err(|reason| unavailable("vulkan", reason))?
        }
    };
    #[cfg(feature = "gpu")]
    if !compute.is_host() && !crate::gpu::is_sound(&compute.device) {
        let reason = "its driver computes wrong results; a newer one may help";
        return Err(unavailable(compute.kind.as_str(), reason));
    }
    let precision = wanted.precision.unwrap_or(Precision::F32);
    Ok(Compute { precision, autotune: wanted.autotune, ..compute })
}

/// Every device that answers.
#[must_use]
pub fn available() -> Vec<String> {
    let mut names = vec!["cpu".to_owned()];
    names.extend(cuda(0).map(|compute| compute.name()));
    names.extend(vulkan(0).map(|compute| compute.name()));
    names
}

fn unavailable(asked: &str, reason: &str) -> DeviceError {
    DeviceError::Unavailable {
        asked: asked.to_owned(),
        reason: reason.to_owned(),
        available: available(),
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: u16) -> Result<Compute, &'static str> {
    find(burn::tensor::DeviceType::Cuda, DeviceKind::Cuda, index, "no CUDA driver answers")
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: u16) -> Result<Compute, &'static str> {
    Err("this build has no CUDA (build with `--features cuda`)")
}

#[cfg(feature = "vulkan")]
fn vulkan(index: u16) -> Result<Compute, &'static str> {
    find(burn::tensor::DeviceType::Vulkan, DeviceKind::Vulkan, index, "no Vulkan device answers")
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(_: u16) -> Result<Compute, &'static str> {
    Err("this build has no Vulkan (build with `--features vulkan`)")
}

/// Asks the driver for its devices; constructing one without asking would panic.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn find(
    asked: burn::tensor::DeviceType,
    kind: DeviceKind,
    index: u16,
    reason: &'static str,
) -> Result<Compute, &'static str> {
    remember();
    let index = usize::from(index);
    let device =
        burn::tensor::Device::enumerate(asked).into_vec().into_iter().nth(index).ok_or(reason)?;
    Ok(Compute { device, kind, index, ..Compute::cpu() })
}

/// Compiled kernels, and which of them were the fastest, stay in the user's cache folder for the
/// next process: finding out takes minutes. All else is as a `cubecl.toml` here or above says.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn remember() {
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, cache::CacheConfig};
    let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
    config.compilation.cache = true;
    config.environment.path = CacheConfig::Global;
    // Where something else has asked before, its answer stays.
    CubeClRuntimeConfig::try_set(config);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_finds_something_and_an_absent_device_is_named() {
        assert!(select(DeviceName::Auto).is_ok());
        if let Err(error) = select(DeviceName::Vulkan(None)) {
            let text = error.to_string();
            assert!(text.contains("`vulkan`") && text.contains("available here: cpu"), "{text}");
        }
    }
}
