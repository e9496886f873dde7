//! What a job needs to know: the network, its classes, how photos reach it.

use std::path::{Path, PathBuf};

use runner_experiment::architecture::{Op, Shape};
use runner_experiment::plan::Dataset;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;

use crate::error::ExplainError;
use runner_data::DataError;
use runner_data::decode::{self, ImageProblem};
use runner_data::interrupt::Interrupt;
use runner_data::preprocess::preprocess;
use runner_data::resize::resize;
use runner_data::scan::ScannedSplit;
use runner_network::network::Network;
use runner_record::Pixels;

/// A network and its surroundings.
pub struct Scene<'a> {
    /// With its final parameters.
    pub network: &'a Network,
    /// Sorted; empty where the network has no classifier. Labels or numbers, where those were learned.
    pub classes: &'a [String],
    /// What the network learned.
    pub task: Task,
    /// Height, width.
    pub image_size: [usize; 2],
    /// From pixels to what the network sees.
    pub preprocessing: Preprocessing,
    /// How the data set reaches the network, and how many leading layers no stage of the plan trains;
    /// `None` without a data set.
    pub frozen: Option<(&'a Dataset, usize)>,
    /// Where features are kept; `None` keeps none.
    pub cache: Option<&'a Path>,
    /// Images of the data set.
    pub splits: &'a [ScannedSplit],
    /// Where random draws start.
    pub seed: u64,
    /// Looked at between pieces of work.
    pub interrupt: &'a Interrupt,
}

/// A photo as it is, and as the network sees it.
pub struct Photo {
    /// The file.
    pub path: PathBuf,
    /// At its own size.
    pub pixels: Pixels,
    /// `[3, height, width]`
    pub input: Vec<f32>,
}

impl Scene<'_> {
    /// Reads a photo.
    ///
    /// # Errors
    ///
    /// [`DataError::BadImages`].
    pub fn photo(&self, path: &Path) -> Result<Photo, DataError> {
        let load = || -> Result<Photo, ImageProblem> {
            let pixels = decode::decode(&decode::read(path)?)?;
            let input = preprocess(&resize(pixels.clone(), self.image_size)?, self.preprocessing);
            Ok(Photo { path: path.to_path_buf(), pixels, input })
        };
        load().map_err(|problem| DataError::bad_image(path.to_path_buf(), &problem))
    }

    /// One image as it goes into the network.
    #[must_use]
    pub fn input(&self) -> Shape {
        let [height, width] = self.image_size;
        Shape::Map { height, width, channels: 3 }
    }

    /// The position of a layer.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Job`] where the network has no such layer.
    pub fn layer(&self, name: &str) -> Result<usize, ExplainError> {
        let found = self.network.layers.iter().position(|layer| layer.name == name);
        found.ok_or_else(|| ExplainError::Job(format!("the network has no layer `{name}`")))
    }

    /// How many classes come out.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Job`] where there is no classifier.
    pub fn outputs(&self) -> Result<usize, ExplainError> {
        let last = self.network.layers.last();
        match last.filter(|layer| matches!(layer.op, Op::Dense { .. })) {
            Some(layer) => Ok(layer.classes().unwrap_or(layer.output.channels())),
            None => Err(ExplainError::Job(
                "this network is a conv base without a classifier: train a stage, or say where \
                 the weights come from with `weights = \"run:<run id>\"` or `include_top = true`"
                    .to_owned(),
            )),
        }
    }

    /// The name of a class.
    #[must_use]
    pub fn class(&self, index: usize) -> String {
        self.classes.get(index).cloned().unwrap_or_else(|| index.to_string())
    }
}
