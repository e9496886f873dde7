//! What a folder of features holds.

use runner_experiment::architecture::{Layer, Shape};
use runner_experiment::plan::{Augmentation, Dataset};
use runner_experiment::section::dataset::FeaturePrecision;
use serde::{Deserialize, Serialize};

use crate::error::LearnError;
use runner_network::network::Network;
use runner_network::weights::le_bytes;

/// The version of the cache: raised when decoding, resizing or the layout of an entry changes.
pub const FORMAT: u32 = 3;

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
        Ok(Self::of(network, prefix, dataset, prefix_hash(network, prefix)?))
    }

    /// The same with the [`prefix_hash`] of the weights.
    #[must_use]
    pub fn of(network: &Network, prefix: usize, dataset: &Dataset, weights: String) -> Self {
        let image_size = dataset.image_size;
        let shape = prefix_shape(&network.layers, prefix, image_size);
        Self {
            layer: network.layers[..prefix].last().map(|l| l.name.clone()).unwrap_or_default(),
            shape: shape.to_string(),
            values: shape.elements(),
            image_size,
            preprocessing: dataset.preprocessing.to_string(),
            precision: dataset.feature_precision,
            device: network.compute.kind.as_str().to_owned(),
            weights,
            implementation: format!("{} format {FORMAT}", network.compute.implementation()),
            view: None,
        }
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

/// What `about.json` says of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// The version of the cache that wrote it.
    pub format: u32,
    /// Where this version can read it.
    pub description: Option<Description>,
}

impl About {
    /// The text of a folder that this version writes.
    pub fn write(description: &Description) -> Vec<u8> {
        #[derive(Serialize)]
        struct Text<'a> {
            format: u32,
            #[serde(flatten)]
            description: &'a Description,
        }
        serde_json::to_vec_pretty(&Text { format: FORMAT, description }).unwrap_or_default()
    }

    /// `None` where the text is no JSON object.
    pub fn read(text: &[u8]) -> Option<Self> {
        let about: serde_json::Value = serde_json::from_slice(text).ok()?;
        about.as_object()?;
        // Before it had a key of its own, the format stood at the end of the implementation.
        let named = || about["implementation"].as_str()?.rsplit_once(" format ")?.1.parse().ok();
        let format = about["format"].as_u64().and_then(|format| u32::try_from(format).ok());
        Some(Self {
            format: format.or_else(named).unwrap_or(1),
            description: serde_json::from_value(about).ok(),
        })
    }
}

/// What comes out of the first `prefix` layers.
#[must_use]
pub fn prefix_shape(layers: &[Layer], prefix: usize, image_size: [usize; 2]) -> Shape {
    let [height, width] = image_size;
    layers[..prefix].last().map_or(Shape::Map { height, width, channels: 3 }, |layer| layer.output)
}

/// BLAKE3 of the first layers with their weights.
///
/// # Errors
///
/// [`LearnError::Network`] where the device lost the weights.
pub fn prefix_hash(network: &Network, prefix: usize) -> Result<String, LearnError> {
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
