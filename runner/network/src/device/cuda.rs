//! NVIDIA's GPUs, asked for through the driver.

use std::ffi::c_int;
use std::sync::Arc;

use burn::tensor::Device;
use cudarc::driver::{result, sys};

use super::hardware::Hardware;
use super::kind::DeviceKind;
use super::list::Found;

/// Every card that the driver knows, in its order.
///
/// # Errors
///
/// Why there is none, in words.
pub(super) fn list() -> Result<Vec<Found>, String> {
    if !has_driver() {
        return Err("no NVIDIA driver is installed (libcuda was not found)".to_owned());
    }
    result::init().map_err(|error| format!("the NVIDIA driver does not answer: {error}"))?;
    let count = result::device::get_count()
        .map_err(|error| format!("the NVIDIA driver does not count its cards: {error}"))?;
    let driver = driver_version();
    let found = |index: c_int| Found {
        kind: DeviceKind::Cuda,
        index: usize::try_from(index).unwrap_or(0),
        hardware: Arc::new(hardware(index, driver.clone())),
        device: Device::cuda(usize::try_from(index).unwrap_or(0)),
    };
    match count {
        0 => Err("the NVIDIA driver finds no card".to_owned()),
        count => Ok((0..count).map(found).collect()),
    }
}

/// The driver's library panics in its absence, so this asks first.
#[expect(unsafe_code, reason = "asks the loader for the driver's library")]
fn has_driver() -> bool {
    // SAFETY: nothing but a try to load the library under each of its names.
    unsafe { sys::is_culib_present() }
}

/// What the driver says of a card; what it refuses to say stays empty.
#[expect(unsafe_code, reason = "asks the driver for the attributes of a card")]
fn hardware(index: c_int, driver: Option<String>) -> Hardware {
    use sys::CUdevice_attribute as Attribute;
    let Ok(device) = result::device::get(index) else { return Hardware::default() };
    let attribute = |name: Attribute| {
        // SAFETY: the handle is one that the driver just gave out.
        let value = unsafe { result::device::get_attribute(device, name) };
        value.ok().and_then(|value| u32::try_from(value).ok())
    };
    let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    Hardware {
        name: result::device::get_name(device).unwrap_or_else(|_| "NVIDIA GPU".to_owned()),
        // SAFETY: the handle is one that the driver just gave out.
        memory: unsafe { result::device::total_mem(device) }.ok().map(|bytes| bytes as u64),
        driver,
        capability: major.zip(minor),
        ..Hardware::default()
    }
}

/// `570.86.15, CUDA 12.8`: the kernel module's version where Linux says it, and the newest CUDA that
/// the driver speaks.
#[expect(unsafe_code, reason = "asks the driver for its version")]
fn driver_version() -> Option<String> {
    let mut version: c_int = 0;
    // SAFETY: the driver writes one number, and `version` outlives the call.
    let cuda = unsafe { sys::cuDriverGetVersion(&mut version) }.result().ok();
    let cuda = cuda.map(|()| format!("CUDA {}.{}", version / 1000, version % 1000 / 10));
    let module = super::list::nvidia_module();
    let parts: Vec<String> = module.into_iter().chain(cuda).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
