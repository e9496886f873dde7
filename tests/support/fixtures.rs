//! Reference data: photos, pretrained weights, and what Keras computed from them.
//!
//! `RUNNER_FIXTURES` names a folder with `data/`, `weights/` and `parity/`. Without it the tests
//! that need it say that they were skipped.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

/// The folder, or `None` after saying so.
pub fn folder(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("RUNNER_FIXTURES").map(PathBuf::from).filter(|p| p.is_dir());
    if found.is_none() {
        // Written past the test harness, which hides what a passing test prints.
        let text = format!("{test}: skipped, RUNNER_FIXTURES names no folder with reference data");
        writeln!(std::io::stderr(), "{text}").unwrap();
    }
    found
}

/// One file of reference values.
pub struct Reference {
    bytes: Vec<u8>,
    /// How the values were made.
    pub metadata: HashMap<String, String>,
}

impl Reference {
    pub fn open(fixtures: &Path, name: &str) -> Self {
        let bytes = std::fs::read(fixtures.join("parity").join(name)).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap_or_default();
        Self { bytes, metadata }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        self.tensors().names().into_iter().map(str::to_owned).collect()
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors().tensor(name).unwrap().shape().to_vec()
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let tensors = self.tensors();
        let data = tensors.tensor(name).unwrap();
        data.data().as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c)).collect()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.tensors().tensor(name).unwrap().data().to_vec()
    }

    /// A list of strings in the metadata.
    pub fn list(&self, key: &str) -> Vec<String> {
        serde_json::from_str(&self.metadata[key]).unwrap()
    }
}

/// The photos of the fixtures.
pub fn photos(fixtures: &Path) -> PathBuf {
    fixtures.join("data/cats_and_dogs_small")
}

/// The only file in `weights/`.
pub fn weights(fixtures: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(fixtures.join("weights")).unwrap();
    files.next().unwrap().unwrap().path()
}
