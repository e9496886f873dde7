//! Where compiled kernels are kept for the next process, and how many there are.
//!
//! CubeCL has one database for the whole process, chosen before it is first asked for a device. Its
//! entries carry the build and the architecture of the card: kernels of another are never taken.

use std::path::PathBuf;
use std::sync::OnceLock;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Chooses the folder; to be called before anything asks for a device. Without it, kernels are kept
/// in CubeCL's own place below the user's cache folder.
pub fn keep_in(folder: PathBuf) {
    // The first caller is the program; nobody else chooses.
    let _ = FOLDER.set(folder);
}

/// The file that kernels are kept in; `None` in a build without GPUs.
#[must_use]
pub fn file() -> Option<PathBuf> {
    #[cfg(any(feature = "cuda", feature = "vulkan"))]
    {
        remember();
        Some(burn::cubecl::environment::path())
    }
    #[cfg(not(any(feature = "cuda", feature = "vulkan")))]
    None
}

/// Compiled kernels, and which of them were the fastest, stay for the next process. All else is as a
/// `cubecl.toml` here or above says.
pub(super) fn remember() {
    #[cfg(any(feature = "cuda", feature = "vulkan"))]
    {
        use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, cache::CacheConfig};
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.compilation.cache = true;
        config.environment.path = FOLDER
            .get()
            .map_or(CacheConfig::Global, |folder| CacheConfig::Directory(folder.clone()));
        // Where something else has asked before, its answer stays.
        CubeClRuntimeConfig::try_set(config);
    }
}

/// How many compiled kernels are kept, whatever the card.
#[cfg(feature = "gpu")]
pub(crate) fn kept() -> u64 {
    let all = burn::cubecl::environment::namespaces();
    // The one that ends in `second-line` has no kernels: it says which sources are the same.
    let of_kernels = |name: &str| name.starts_with("cuda/") || name.starts_with("vulkan/");
    all.iter().filter(|space| of_kernels(&space.namespace)).map(|space| space.entries).sum()
}
