//! GPUs by Vulkan: real ones first, programs that stand in for one last.

use std::sync::Arc;

use burn::tensor::{Device, DeviceType};
use burn_cubecl::cubecl::future::block_on;
use burn_cubecl::cubecl::wgpu::wgpu;

use super::hardware::Hardware;
use super::kind::DeviceKind;
use super::list::Found;

/// Every adapter of the Vulkan loader. Discrete cards come first, then integrated, virtual and
/// other ones; a software driver (llvmpipe, SwiftShader) is the last.
///
/// # Errors
///
/// Why there is none, in words.
pub(super) fn list() -> Result<Vec<Found>, String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::VULKAN,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut adapters = block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    adapters.sort_by_key(|adapter| place(adapter.get_info().device_type));
    // Burn has one device for all software drivers, and numbers the others within their type.
    let mut software = 0;
    adapters.retain(|adapter| {
        software += usize::from(adapter.get_info().device_type == wgpu::DeviceType::Cpu);
        adapter.get_info().device_type != wgpu::DeviceType::Cpu || software == 1
    });
    let devices = Device::enumerate(DeviceType::Vulkan).into_vec();
    let both = adapters.iter().zip(devices);
    let mut found: Vec<(Hardware, Device)> =
        both.map(|(adapter, device)| (hardware(adapter), device)).collect();
    found.sort_by_key(|(hardware, _)| hardware.is_software);
    let found = found.into_iter().enumerate().map(|(index, (hardware, device))| Found {
        kind: DeviceKind::Vulkan,
        index,
        hardware: Arc::new(hardware),
        device,
    });
    match found.collect::<Vec<_>>() {
        none if none.is_empty() => Err("no Vulkan driver answers".to_owned()),
        found => Ok(found),
    }
}

/// The order in which Burn lists the types.
fn place(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Cpu => 3,
        wgpu::DeviceType::Other => 4,
    }
}

fn hardware(adapter: &wgpu::Adapter) -> Hardware {
    let about = adapter.get_info();
    let driver = [about.driver, about.driver_info].join(" ");
    Hardware {
        is_software: about.device_type == wgpu::DeviceType::Cpu || is_software(&about.name),
        name: about.name,
        memory: memory(adapter),
        driver: Some(driver.trim().to_owned()).filter(|driver| !driver.is_empty()),
        ..Hardware::default()
    }
}

/// Names of drivers that compute on the CPU, whatever type they report.
fn is_software(name: &str) -> bool {
    let name = name.to_lowercase();
    ["swiftshader", "llvmpipe", "lavapipe", "basic render driver"]
        .iter()
        .any(|known| name.contains(known))
}

/// Bytes of the largest heap that is the device's own (`VK_MEMORY_HEAP_DEVICE_LOCAL_BIT`).
#[expect(unsafe_code, reason = "only the handle of Vulkan itself says how much memory there is")]
fn memory(adapter: &wgpu::Adapter) -> Option<u64> {
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: the handle is not kept beyond the adapter, and nothing of it is destroyed.
    let raw = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = raw.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to that instance.
    let heaps =
        unsafe { instance.get_physical_device_memory_properties(raw.raw_physical_device()) };
    let heaps = heaps.memory_heaps.iter().take(heaps.memory_heap_count as usize);
    let local = heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0);
    local.map(|heap| heap.size).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_drivers_are_known_by_name() {
        for name in [
            "SwiftShader Device (LLVM 16.0.0)",
            "llvmpipe (LLVM 15.0.7, 256 bits)",
            "Microsoft Basic Render Driver",
        ] {
            assert!(is_software(name), "{name}");
        }
        for name in ["NVIDIA GeForce RTX 4090", "AMD Radeon 8060S Graphics (RADV STRIX_HALO)"] {
            assert!(!is_software(name), "{name}");
        }
    }

    #[test]
    fn software_comes_last_and_every_device_has_its_number() {
        let Ok(found) = list() else {
            println!("skipped: no Vulkan driver answers");
            return;
        };
        for (index, one) in found.iter().enumerate() {
            assert_eq!(one.index, index);
            assert!(!one.hardware.name.is_empty());
            let identity = one.device.identity().map(|identity| identity.name);
            assert_eq!(identity.as_ref(), Some(&one.hardware.name), "another adapter");
        }
        assert!(found.is_sorted_by_key(|one| one.hardware.is_software));
    }
}
