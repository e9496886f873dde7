//! NVIDIA's library of mathematical functions, which kernels with `exp`, `log` and the like are linked
//! with when they are compiled. It comes with the CUDA toolkit and not with the driver.

use std::path::{Path, PathBuf};

/// Where CubeCL looks for the toolkit where `CUDA_PATH` does not say it.
const ROOTS: [&str; 4] = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"];

/// Below the folder of the toolkit.
const FILE: &str = "nvvm/libdevice/libdevice.10.bc";

/// The file, found as CubeCL finds it (cubecl-llvm, `nvptx/libdevice.rs`).
#[must_use]
pub fn path() -> Option<PathBuf> {
    let root = match std::env::var("CUDA_PATH") {
        Ok(root) => PathBuf::from(root),
        Err(_) => ROOTS.iter().map(Path::new).find(|root| has_folder(root))?.to_path_buf(),
    };
    let file = root.join(FILE);
    file.is_file().then_some(file)
}

fn has_folder(root: &Path) -> bool {
    root.join("nvvm/libdevice").is_dir()
}

/// Whether a message says that a kernel was not compiled for want of it.
#[must_use]
pub fn is_missing_in(message: &str) -> bool {
    message.contains("libdevice.10.bc was not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cubecl-llvm's `nvptx/libdevice.rs` writes it.
    #[test]
    fn the_words_of_the_compiler_are_known() {
        assert!(is_missing_in(
            "An error happened during execution\nCaused by:\n  libdevice.10.bc was not found: the \
             kernel calls a math function NVPTX has no instruction for"
        ));
        assert!(!is_missing_in("no such type"));
    }
}
