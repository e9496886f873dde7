//! What the runs of one process share: images that were looked at, a frozen base and its hash.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use runner_data::scan::Seen;
use runner_experiment::architecture::ArchitectureName;
use runner_network::network::Network;
use runner_network::weights::Source;

/// Everything that one run has found out and another need not.
#[derive(Default)]
pub struct Shared {
    /// Images that were looked at.
    pub seen: Seen,
    base: Mutex<Option<(BaseKey, FrozenBase)>>,
    hashes: Mutex<HashMap<PrefixKey, String>>,
}

/// A conv base that no stage trains, with its pretrained weights.
#[derive(Debug, Clone)]
pub(super) struct FrozenBase {
    /// Its layers; the tensors are shared and not copied.
    pub network: Network,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// What was taken from the file.
    pub notes: Vec<String>,
}

/// Which base that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseKey {
    /// The file that the weights come from.
    pub source: Source,
    /// When it was changed, and its length.
    pub stamp: Option<(SystemTime, u64)>,
    /// Whose layers they are.
    pub architecture: ArchitectureName,
    /// For images of this height and width.
    pub image_size: [usize; 2],
    /// Where the tensors live, and what products are computed in.
    pub device: String,
}

/// The first layers of a base: the hash of its weights, its architecture, the size of the images, and
/// how many layers.
pub(super) type PrefixKey = (String, ArchitectureName, [usize; 2], usize);

impl Shared {
    /// What is found out of images is kept below `cache`, for later runs.
    #[must_use]
    pub fn kept_in(cache: &Path) -> Self {
        Self { seen: Seen::kept_in(cache), ..Self::default() }
    }

    /// The base that an earlier run had.
    pub(super) fn base(&self, key: &BaseKey) -> Option<FrozenBase> {
        let base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        base.as_ref().filter(|(known, _)| known == key).map(|(_, base)| base.clone())
    }

    /// Keeps a base in place of the one that was there.
    pub(super) fn keep_base(&self, key: BaseKey, base: FrozenBase) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, base));
    }

    /// The hash of a prefix, from an earlier run or computed now.
    ///
    /// # Errors
    ///
    /// Those of `compute`.
    pub(super) fn prefix_hash<E>(
        &self,
        key: PrefixKey,
        compute: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, E> {
        let hashes = || self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = hashes().get(&key) {
            return Ok(hash.clone());
        }
        let hash = compute()?;
        hashes().insert(key, hash.clone());
        Ok(hash)
    }
}
