//! Whether an NVIDIA driver is installed, without asking the driver.

use std::path::Path;

/// The version of NVIDIA's kernel module, where one is loaded (Linux).
#[must_use]
pub fn module_version() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    version_in(&text)
}

/// Whether an NVIDIA driver is installed, by what Linux shows of it.
#[must_use]
pub fn has_driver() -> bool {
    ["/proc/driver/nvidia/version", "/dev/nvidiactl"].iter().any(|path| Path::new(path).exists())
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
