//! Which device computes: `auto`, `cpu`, `cuda`, `vulkan`. The only file that knows about features.

use burn::tensor::Device;
use runner_experiment::section::run::DeviceName;

/// A device that answered.
#[derive(Debug, Clone)]
pub struct Compute {
    /// Where tensors live; without autodiff.
    pub device: Device,
    /// `cpu`, `cuda` or `vulkan`.
    pub name: &'static str,
}

impl Compute {
    /// Whether tensor data lies in this process's memory, so that reading it costs nothing.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.name == "cpu"
    }

    /// The CPU, which is always there.
    #[must_use]
    pub fn cpu() -> Self {
        Self { device: Device::flex(), name: "cpu" }
    }
}

/// The asked-for device is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the device `{asked}` is not available: {reason}; available here: {}", available.join(", "))]
pub struct DeviceError {
    /// What the experiment or the command line asked for.
    pub asked: &'static str,
    /// Not compiled in, or nothing answered.
    pub reason: &'static str,
    /// What is there.
    pub available: Vec<&'static str>,
}

/// Finds the device that `name` stands for.
///
/// # Errors
///
/// [`DeviceError`] where an explicit device is not compiled in or does not answer.
pub fn select(name: DeviceName) -> Result<Compute, DeviceError> {
    match name {
        DeviceName::Cpu => Ok(Compute::cpu()),
        DeviceName::Auto => Ok(cuda().unwrap_or_else(|_| Compute::cpu())),
        DeviceName::Cuda => cuda().map_err(|reason| unavailable("cuda", reason)),
        DeviceName::Vulkan => vulkan().map_err(|reason| unavailable("vulkan", reason)),
    }
}

/// Every device that answers.
#[must_use]
pub fn available() -> Vec<&'static str> {
    let mut names = vec!["cpu"];
    names.extend(cuda().is_ok().then_some("cuda"));
    names.extend(vulkan().is_ok().then_some("vulkan"));
    names
}

fn unavailable(asked: &'static str, reason: &'static str) -> DeviceError {
    DeviceError { asked, reason, available: available() }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Compute, &'static str> {
    first(burn::tensor::DeviceType::Cuda, "cuda", "no CUDA driver answers")
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Compute, &'static str> {
    Err("this build has no CUDA (build with `--features cuda`)")
}

#[cfg(feature = "vulkan")]
fn vulkan() -> Result<Compute, &'static str> {
    first(burn::tensor::DeviceType::Vulkan, "vulkan", "no Vulkan device answers")
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Result<Compute, &'static str> {
    Err("this build has no Vulkan (build with `--features vulkan`)")
}

/// Asks the driver for its devices; constructing one without asking would panic.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn first(
    kind: burn::tensor::DeviceType,
    name: &'static str,
    reason: &'static str,
) -> Result<Compute, &'static str> {
    remember();
    let device = Device::enumerate(kind).into_vec().into_iter().next().ok_or(reason)?;
    Ok(Compute { device, name })
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
        if let Err(error) = select(DeviceName::Vulkan) {
            let text = error.to_string();
            assert!(text.contains("`vulkan`") && text.contains("available here: cpu"), "{text}");
        }
    }
}
