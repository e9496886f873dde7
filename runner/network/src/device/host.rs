//! The CPU: its name, its cores, what its kernels are compiled for.

use runner_convolution::Isa;

use super::hardware::Hardware;

/// What is known of this machine's processor.
pub(super) fn hardware() -> Hardware {
    Hardware {
        name: brand().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        memory: memory(),
        cores: std::thread::available_parallelism().ok().map(usize::from),
        instructions: Isa::available()
            .iter()
            .filter(|isa| **isa != Isa::Portable)
            .map(|isa| format!("{isa:?}").to_uppercase())
            .collect(),
        ..Hardware::default()
    }
}

/// The brand string of `cpuid` (Intel's and AMD's manuals, leaves 0x80000002 to 0x80000004).
#[cfg(target_arch = "x86_64")]
fn brand() -> Option<String> {
    use std::arch::x86_64::__cpuid;
    const FIRST: u32 = 0x8000_0002;
    const LAST: u32 = 0x8000_0004;
    if __cpuid(0x8000_0000).eax < LAST {
        return None;
    }
    let bytes: Vec<u8> = (FIRST..=LAST)
        .map(|leaf| __cpuid(leaf))
        .flat_map(|part| [part.eax, part.ebx, part.ecx, part.edx])
        .flat_map(u32::to_le_bytes)
        .take_while(|byte| *byte != 0)
        .collect();
    let name = String::from_utf8(bytes).ok()?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

/// `model name` of Linux, where the kernel knows one.
#[cfg(not(target_arch = "x86_64"))]
fn brand() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Bytes of this machine's memory, where the system says so (Linux).
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
