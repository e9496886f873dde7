//! Features on disk, addressed by content: computed once, shared between runs.
//!
//! `<cache>/features/<prefix>/<first two digits>/<image>`: `<prefix>` is the hash of everything
//! that makes the features what they are apart from the image (weights of the frozen prefix,
//! preprocessing, size, implementation, device), `<image>` the hash of the bytes of the file. An
//! entry carries its own checksum; one that is damaged counts as absent and is computed again.
//! Entries appear by renaming, so that two runs can write at once.
//!
//! Where nothing can be kept, what is there is read, the rest is computed, and the run is told once.
//! Only features that do not fit into memory need a cache that can be written.

pub mod entry;
pub mod store;

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use runner_experiment::architecture::{Layer, Shape};
use runner_experiment::disk::{self, Synced};
use runner_experiment::plan::{Augmentation, Dataset};
use runner_experiment::section::dataset::FeaturePrecision;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use runner_data::scan::ContentHash;
use runner_network::network::Network;
use runner_network::op::kernels;
use runner_network::weights::le_bytes;

/// Raised when decoding, resizing or the entry format changes.
const FORMAT: u32 = 2;

/// What features are, apart from the image: the key of a folder, and words for `cache list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The last layer of the prefix.
    pub layer: String,
    /// `(4, 4, 512)`
    pub shape: String,
    /// Values per image.
    pub values: usize,
    /// Height, width.
    pub image_size: [usize; 2],
    /// `rescale`, `caffe` or `torchvision`.
    pub preprocessing: String,
    /// `f32` or `f16`.
    pub precision: FeaturePrecision,
    /// Where they were computed; another device rounds differently.
    pub device: String,
    /// BLAKE3 of the weights of the prefix.
    pub weights: String,
    /// What computed them.
    pub implementation: String,
    /// The change that every image goes through first, with its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

impl Description {
    /// Describes the features that `network.layers[..prefix]` computes.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost the weights.
    pub fn new(network: &Network, prefix: usize, dataset: &Dataset) -> Result<Self, LearnError> {
        let image_size = dataset.image_size;
        let shape = prefix_shape(&network.layers, prefix, image_size);
        Ok(Self {
            layer: network.layers[..prefix].last().map(|l| l.name.clone()).unwrap_or_default(),
            shape: shape.to_string(),
            values: shape.elements(),
            image_size,
            preprocessing: dataset.preprocessing.to_string(),
            precision: dataset.feature_precision,
            device: network.compute.name.to_owned(),
            weights: prefix_hash(network, prefix)?,
            implementation: format!("{} format {FORMAT}", kernels::implementation()),
            view: None,
        })
    }

    /// Those of one view of every image.
    #[must_use]
    pub fn of_view(&self, settings: &Augmentation, number: usize) -> Self {
        // How batches are mixed and how many views there are changes none of them.
        let drawn = Augmentation { mixup: None, cutmix: None, views: None, ..settings.clone() };
        let text = serde_json::to_string(&drawn).unwrap_or_default();
        Self { view: Some(format!("{number} of {text}")), ..self.clone() }
    }

    /// The name of the folder.
    #[must_use]
    pub fn key(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// What comes out of the first `prefix` layers.
#[must_use]
pub fn prefix_shape(layers: &[Layer], prefix: usize, image_size: [usize; 2]) -> Shape {
    let [height, width] = image_size;
    layers[..prefix].last().map_or(Shape::Map { height, width, channels: 3 }, |layer| layer.output)
}

fn prefix_hash(network: &Network, prefix: usize) -> Result<String, LearnError> {
    let mut hasher = blake3::Hasher::new();
    for layer in &network.layers[..prefix] {
        hasher.update(format!("{} {:?} {}\n", layer.name, layer.op, layer.output).as_bytes());
    }
    for parameter in &network.parameters[..network.first_parameter(prefix)] {
        hasher.update(parameter.name.as_bytes());
        hasher.update(le_bytes(&parameter.values()?));
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The features of one prefix, open for reading and, where the disk allows it, for writing.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    key: String,
    values: usize,
    precision: FeaturePrecision,
    /// Why nothing can be kept, once that is known.
    refused: OnceLock<String>,
    /// Held shared while the folder is in use, so that nobody prunes it; none in a folder that is
    /// not there.
    _lock: Option<File>,
}

impl FeatureCache {
    /// Opens, and where needed makes, the folder for `description` below `root`.
    #[must_use]
    pub fn open(root: &Path, description: &Description) -> Self {
        let key = description.key();
        let folder = store::features(root).join(&key);
        let about = serde_json::to_vec_pretty(description).unwrap_or_default();
        let mut attempts = 0;
        let (lock, refused) = loop {
            match Self::occupy(&folder, &about) {
                Ok(lock) => break (Some(lock), OnceLock::new()),
                // Somebody pruned the folder between making and locking it.
                Err(error) if error.kind() == ErrorKind::NotFound && attempts < 10 => attempts += 1,
                Err(error) => break (Self::look(&folder).ok(), OnceLock::from(error.to_string())),
            }
        };
        let Description { values, precision, .. } = *description;
        Self { folder, key, values, precision, refused, _lock: lock }
    }

    /// Makes the folder and holds it.
    fn occupy(folder: &Path, about: &[u8]) -> std::io::Result<File> {
        std::fs::create_dir_all(folder)?;
        let lock = store::lock_file(folder)?;
        if lock.try_lock().is_ok() {
            // Nobody else is writing here: half files are those of runs that were killed.
            store::sweep(folder);
            lock.unlock()?;
        }
        lock.lock_shared()?;
        disk::write(&folder.join(store::ABOUT), about, Synced::Later)?;
        // Only whoever made the file may set its time; what was used last is then a guess.
        let _ = lock.set_modified(SystemTime::now());
        Ok(lock)
    }

    /// Holds a folder that cannot be written.
    fn look(folder: &Path) -> std::io::Result<File> {
        let lock = File::open(folder.join(store::LOCK))?;
        lock.lock_shared()?;
        Ok(lock)
    }

    /// Why nothing can be kept here, where that is so.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.refused.get().map(|reason| format!("{}: {reason}", self.folder.display()))
    }

    /// Whether there is an entry for an image.
    #[must_use]
    pub fn has(&self, image: &ContentHash) -> bool {
        self.path(image).is_file()
    }

    /// The features of an image, where they are there and whole.
    #[must_use]
    pub fn get(&self, image: &ContentHash) -> Option<Vec<f32>> {
        let path = self.path(image);
        // A pipe or a device in this place would keep a reader waiting.
        let bytes = path.is_file().then(|| std::fs::read(path).ok()).flatten()?;
        entry::decode(self.entry(image), &bytes, self.values, self.precision)
    }

    /// Keeps the features of an image, where that is possible; one that is there already is
    /// replaced. Says whether they are kept.
    pub fn put(&self, image: &ContentHash, features: &[f32]) -> bool {
        if self.refused.get().is_some() {
            return false;
        }
        let bytes = entry::encode(self.entry(image), features, self.precision);
        match self.write(&self.path(image), &bytes) {
            Ok(()) => true,
            Err(error) => {
                // A single place that is taken by something else spoils one entry alone.
                let one =
                    [ErrorKind::IsADirectory, ErrorKind::NotADirectory, ErrorKind::AlreadyExists];
                if !one.contains(&error.kind()) {
                    self.refused.get_or_init(|| error.to_string());
                }
                false
            }
        }
    }

    fn entry<'a>(&'a self, image: &'a ContentHash) -> entry::EntryKey<'a> {
        entry::EntryKey { folder: &self.key, image }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        disk::write(path, bytes, Synced::Later)
    }

    fn path(&self, image: &ContentHash) -> PathBuf {
        let name = blake3::Hash::from_bytes(*image).to_hex();
        self.folder.join(&name[..2]).join(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            layer: "block5_pool".to_owned(),
            shape: "(1, 1, 3)".to_owned(),
            values: 3,
            image_size: [32, 32],
            preprocessing: "rescale".to_owned(),
            precision: FeaturePrecision::F32,
            device: "cpu".to_owned(),
            weights: "w".to_owned(),
            implementation: "i".to_owned(),
            view: None,
        }
    }

    #[test]
    fn gives_back_what_was_put_and_nothing_that_is_damaged()
    -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let cache = FeatureCache::open(root.path(), &description());
        let image = *blake3::hash(b"an image").as_bytes();
        assert_eq!(cache.get(&image), None);
        assert!(cache.put(&image, &[1.0, -0.0, f32::MIN_POSITIVE]));
        assert_eq!(cache.get(&image), Some(vec![1.0, -0.0, f32::MIN_POSITIVE]));
        let path = cache.path(&image);
        let mut bytes = std::fs::read(&path)?;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes)?;
        assert_eq!(cache.get(&image), None, "one bit is off");
        std::fs::write(&path, &bytes[..last])?;
        assert_eq!(cache.get(&image), None, "the end is missing");
        Ok(())
    }

    #[test]
    fn an_entry_in_the_place_of_another_does_not_count() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let cache = FeatureCache::open(root.path(), &description());
        let [one, two] = [b"one", b"two"].map(|bytes| *blake3::hash(bytes).as_bytes());
        assert!(cache.put(&one, &[1.0; 3]) && cache.put(&two, &[2.0; 3]));
        let copied = std::fs::read(cache.path(&one))?;
        std::fs::write(cache.path(&two), copied)?;
        assert_eq!((cache.get(&one), cache.get(&two)), (Some(vec![1.0; 3]), None));
        // Of another prefix neither.
        let other = Description { weights: "v".to_owned(), ..description() };
        let other = FeatureCache::open(root.path(), &other);
        std::fs::create_dir_all(other.path(&one).parent().ok_or("no parent")?)?;
        std::fs::copy(cache.path(&one), other.path(&one))?;
        assert_eq!(other.get(&one), None);
        Ok(())
    }

    #[test]
    fn what_cannot_be_kept_is_no_error() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let cache = FeatureCache::open(root.path(), &description());
        let [one, two] = [b"one", b"two"].map(|bytes| *blake3::hash(bytes).as_bytes());
        std::fs::create_dir_all(cache.path(&one))?;
        assert_eq!((cache.get(&one), cache.put(&one, &[1.0; 3])), (None, false));
        assert!(cache.put(&two, &[1.0; 3]) && cache.refused().is_none());
        // A file where the folder of all features would be.
        let file = tempfile::tempdir()?;
        std::fs::write(file.path().join("features"), "x")?;
        let cache = FeatureCache::open(file.path(), &description());
        assert!(!cache.put(&one, &[1.0; 3]) && cache.get(&one).is_none());
        assert!(cache.refused().is_some_and(|reason| reason.contains("features")));
        Ok(())
    }

    #[test]
    fn sixteen_bits_take_half_the_space() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let image = *blake3::hash(b"an image").as_bytes();
        let small = Description { precision: FeaturePrecision::F16, ..description() };
        let cache = FeatureCache::open(root.path(), &small);
        // 2049 has twelve significant bits: it goes to the even neighbour.
        assert!(cache.put(&image, &[1.0, 2049.0, 0.1]));
        assert_eq!(cache.get(&image), Some(vec![1.0, 2048.0, 0.099_975_586]));
        assert_eq!(std::fs::metadata(cache.path(&image))?.len(), 40 + 6);
        Ok(())
    }

    #[test]
    fn half_files_of_killed_runs_do_not_count_and_go() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let cache = FeatureCache::open(root.path(), &description());
        let image = *blake3::hash(b"an image").as_bytes();
        assert!(cache.put(&image, &[1.0; 3]));
        let half = cache.path(&image).with_file_name(".writing-abc");
        std::fs::write(&half, "half")?;
        assert_eq!(store::list(root.path())[0].images, 1);
        let _second = FeatureCache::open(root.path(), &description());
        assert!(half.exists(), "somebody may be writing it");
        drop((cache, _second));
        let cache = FeatureCache::open(root.path(), &description());
        assert!(!half.exists() && cache.get(&image).is_some());
        Ok(())
    }

    #[test]
    fn prunes_the_least_recently_used_and_never_what_is_in_use()
    -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let image = *blake3::hash(b"an image").as_bytes();
        let used = FeatureCache::open(root.path(), &description());
        assert!(used.put(&image, &[1.0; 3]));
        let other = Description { weights: "v".to_owned(), ..description() };
        assert!(FeatureCache::open(root.path(), &other).put(&image, &[2.0; 3]));
        assert_eq!(store::list(root.path()).len(), 2);
        let pruned = store::prune(root.path(), 0)?;
        assert_eq!(pruned.len(), 1);
        assert_eq!(pruned[0].description, other);
        assert_eq!(used.get(&image), Some(vec![1.0; 3]));
        Ok(())
    }
}
