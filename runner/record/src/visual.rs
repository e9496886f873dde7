//! What visualize jobs computed, before anything is drawn.

use std::path::PathBuf;

use crate::image::Pixels;

/// The feature maps of one layer for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// The photo.
    pub image: PathBuf,
    /// The layer.
    pub layer: String,
    /// `[channel, height, width]`: every channel of the layer.
    pub values: Vec<f32>,
    /// How many channels.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Activations {
    /// Channel after channel.
    pub fn maps(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact((self.height * self.width).max(1))
    }

    /// Channels that are zero everywhere.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.maps().filter(|map| map.iter().all(|value| *value == 0.0)).count()
    }

    /// The share of all values that are zero.
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        let zeros = self.values.iter().filter(|value| **value == 0.0).count();
        zeros as f64 / self.values.len().max(1) as f64
    }
}

/// What one filter responds to most.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Its number, from 0.
    pub filter: usize,
    /// `[size, size, 3]`
    pub rgb: Vec<u8>,
    /// The mean of its map before each step.
    pub losses: Vec<f64>,
}

/// The filters of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerFilters {
    /// The layer.
    pub layer: String,
    /// Height and width of each picture.
    pub size: usize,
    /// In the order of their numbers.
    pub filters: Vec<Filter>,
}

/// One value per pixel, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// `[height, width]`
    pub values: Vec<f32>,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

/// Which parts of a photo a prediction rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The photo's file.
    pub image: PathBuf,
    /// The photo at its own size.
    pub photo: Pixels,
    /// How the map was made: its word in the experiment file.
    pub method: &'static str,
    /// The layer whose maps were weighted; `None` where none was.
    pub layer: Option<String>,
    /// The class that is explained.
    pub class: String,
    /// Its probability; the number itself, where numbers were learned.
    pub probability: f64,
    /// Whether it is a number and no probability.
    pub is_number: bool,
    /// The five most probable classes where there are more than two.
    pub top: Vec<(String, f64)>,
    /// From 0 to 1, stretched to the photo; `None` where nothing speaks for the class.
    pub map: Option<Plane>,
}

/// How good one heatmap is, by one measure: a row of `faithfulness.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// How the map was made: its word in the experiment file.
    pub method: &'static str,
    /// The photo.
    pub image: PathBuf,
    /// deletion, insertion, road, average_drop or increase.
    pub score: &'static str,
    /// Its value.
    pub value: f64,
}

/// Images in the plane; the points are rows of `embeddings.parquet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// The layer whose output is shown.
    pub layer: String,
    /// How they came into the plane: its word in the experiment file.
    pub method: &'static str,
    /// The files.
    pub images: Vec<PathBuf>,
    /// Where each image is.
    pub points: Vec<[f64; 2]>,
    /// Class of each image.
    pub labels: Vec<usize>,
    /// Share of the variance along each axis, where the axes are principal components.
    pub explained: Option<[f64; 2]>,
    /// How far t-SNE's neighbourhoods in the plane are from those of the images: the
    /// Kullback-Leibler divergence, in nats.
    pub divergence: Option<f64>,
}

/// What models say of images that each was not trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// The files.
    pub images: Vec<PathBuf>,
    /// Class of each image.
    pub labels: Vec<usize>,
    /// The fold of each image, from 0.
    pub folds: Vec<usize>,
    /// Of each image, one probability per class in sorted order.
    pub probabilities: Vec<Vec<f64>>,
}
