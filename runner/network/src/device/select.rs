//! From what is asked for to a device that answers.

use burn::tensor::DType;
use runner_experiment::plan::Run;
use runner_experiment::section::run::{DeviceName, Precision};

use super::compute::Compute;
use super::error::DeviceError;
use super::found::Found;
use super::kind::DeviceKind;
use super::list::{self, Backend};
use super::precision;

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

/// Finds the device that is asked for, and settles what it computes in.
///
/// # Errors
///
/// [`DeviceError`] where an explicit device is not compiled in or does not answer, or does not
/// compute as asked.
pub fn select(wanted: impl Into<Wanted>) -> Result<Compute, DeviceError> {
    let wanted = wanted.into();
    let found = match wanted.device {
        // The drivers of GPUs need not be asked.
        DeviceName::Cpu => list::this_cpu(),
        other => choose(other, list::backends())?,
    };
    let precision = precision::resolve(wanted.precision, found, || has_bf16(found))?;
    if wanted.autotune {
        tunes(found.kind, list::can_autotune())?;
    }
    Ok(Compute::of(found, precision, wanted.autotune))
}

/// Whether the CPU, or the driver of Vulkan, multiplies bfloat16. The latter is opened for that.
fn has_bf16(found: &Found) -> bool {
    match found.kind {
        DeviceKind::Cpu => runner_convolution::bf16::available(),
        _ => found.device.supports_dtype(DType::BF16),
    }
}

/// The names of all devices that answer.
#[must_use]
pub fn available() -> Vec<String> {
    names(list::backends())
}

fn names(backends: &[Backend]) -> Vec<String> {
    backends.iter().flat_map(|backend| backend.devices.iter().map(Found::name)).collect()
}

/// `auto` is the first CUDA card, else the first real GPU by Vulkan, else the CPU; never a software
/// driver, which would do slowly what the CPU does itself.
fn choose(asked: DeviceName, backends: &[Backend]) -> Result<&Found, DeviceError> {
    let (kind, index) = match asked {
        DeviceName::Auto => return automatic(asked, backends),
        DeviceName::Cpu => (DeviceKind::Cpu, 0),
        DeviceName::Cuda(index) => (DeviceKind::Cuda, index.unwrap_or(0)),
        DeviceName::Vulkan(index) => (DeviceKind::Vulkan, index.unwrap_or(0)),
    };
    let backend = backends.iter().find(|backend| backend.kind == kind);
    let devices = backend.map_or(&[][..], |backend| &backend.devices);
    devices.get(usize::from(index)).ok_or_else(|| {
        let reason = backend.and_then(|backend| backend.reason.clone());
        let reason = reason.unwrap_or_else(|| match devices.len() {
            1 => format!("there is one, `{}`", kind.name(0)),
            count => format!("there are {count}, numbered from 0"),
        });
        unavailable(asked, reason, backends)
    })
}

fn automatic(asked: DeviceName, backends: &[Backend]) -> Result<&Found, DeviceError> {
    let devices = || backends.iter().flat_map(|backend| &backend.devices);
    let real = |kind| devices().find(|found| found.kind == kind && !found.hardware.is_software);
    [DeviceKind::Cuda, DeviceKind::Vulkan, DeviceKind::Cpu]
        .into_iter()
        .find_map(real)
        .ok_or_else(|| unavailable(asked, "nothing answers".to_owned(), backends))
}

fn unavailable(asked: DeviceName, reason: String, backends: &[Backend]) -> DeviceError {
    DeviceError::Unavailable { asked: asked.to_string(), reason, available: names(backends) }
}

fn tunes(kind: DeviceKind, is_compiled: bool) -> Result<(), DeviceError> {
    let reason = match (kind, is_compiled) {
        (DeviceKind::Cpu, _) => {
            "it is for GPUs, and the CPU computes; leave it out, or ask for a GPU in a build with \
             `--features cuda,autotune` or `--features vulkan,autotune`"
                .to_owned()
        }
        (kind, false) => format!(
            "this build tunes no kernels; leave it out, or build with `--features {},autotune`",
            kind.as_str()
        ),
        (_, true) => return Ok(()),
    };
    Err(DeviceError::Autotune { reason })
}

#[cfg(test)]
mod tests {
    use super::super::hardware::Hardware;
    use super::*;

    fn backend(kind: DeviceKind, software: &[bool]) -> Backend {
        let found = |(index, is_software): (usize, &bool)| {
            Found::fake(kind, index, Hardware { is_software: *is_software, ..Hardware::default() })
        };
        let devices: Vec<Found> = software.iter().enumerate().map(found).collect();
        let reason = devices.is_empty().then(|| "this build has none".to_owned());
        Backend { kind, is_compiled: !devices.is_empty(), devices, reason }
    }

    fn machine(cuda: usize, vulkan: &[bool]) -> [Backend; 3] {
        [
            backend(DeviceKind::Cpu, &[false]),
            backend(DeviceKind::Cuda, &vec![false; cuda]),
            backend(DeviceKind::Vulkan, vulkan),
        ]
    }

    fn chosen(asked: DeviceName, backends: &[Backend]) -> String {
        choose(asked, backends).map_or_else(|error| error.to_string(), Found::name)
    }

    #[test]
    fn auto_takes_cuda_then_a_real_gpu_and_never_a_software_driver() {
        let auto = |cuda, vulkan: &[bool]| chosen(DeviceName::Auto, &machine(cuda, vulkan));
        assert_eq!(auto(2, &[false]), "cuda:0");
        assert_eq!(auto(0, &[false, true]), "vulkan:0");
        assert_eq!(auto(0, &[true]), "cpu");
        assert_eq!(auto(0, &[]), "cpu");
    }

    #[test]
    fn an_explicit_vulkan_may_be_software_and_a_number_must_be_there() {
        let machine = machine(2, &[true]);
        assert_eq!(chosen(DeviceName::Vulkan(None), &machine), "vulkan:0");
        assert_eq!(chosen(DeviceName::Cuda(None), &machine), "cuda:0");
        assert_eq!(chosen(DeviceName::Cuda(Some(1)), &machine), "cuda:1");
        assert_eq!(
            chosen(DeviceName::Cuda(Some(2)), &machine),
            "the device `cuda:2` is not available: there are 2, numbered from 0; available here: \
             cpu, cuda:0, cuda:1, vulkan:0"
        );
        assert_eq!(
            chosen(DeviceName::Vulkan(Some(1)), &machine),
            "the device `vulkan:1` is not available: there is one, `vulkan:0`; available here: \
             cpu, cuda:0, cuda:1, vulkan:0"
        );
    }

    #[test]
    fn what_is_absent_is_named_with_its_reason() {
        let text = chosen(DeviceName::Cuda(None), &machine(0, &[]));
        let expected =
            "the device `cuda` is not available: this build has none; available here: cpu";
        assert_eq!(text, expected);
    }

    #[test]
    fn auto_always_finds_something() {
        assert!(select(DeviceName::Auto).is_ok());
    }

    #[test]
    fn tuning_is_for_gpus_and_builds_that_have_it() {
        assert_eq!(tunes(DeviceKind::Cuda, true), Ok(()));
        let said = |kind, compiled| tunes(kind, compiled).map_err(|error| error.to_string());
        let refused = said(DeviceKind::Cuda, false).unwrap_err();
        assert!(refused.contains("`--features cuda,autotune`"), "{refused}");
        let refused = said(DeviceKind::Cpu, true).unwrap_err();
        assert!(refused.contains("for GPUs"), "{refused}");
    }
}
