//! What `model.safetensors` says of itself.

use std::path::Path;

use runner_experiment::architecture::{ArchitectureName, Layer, layers};
use runner_experiment::plan::Head;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;
use serde::Deserialize;

use crate::weights::safetensors;

/// What `model.safetensors` says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct About {
    /// Which convnet.
    pub architecture: ArchitectureName,
    /// What it learned.
    #[serde(default)]
    pub task: Task,
    /// What stands on the conv base.
    pub head: Head,
    /// The names of the classes, labels or numbers.
    pub classes: Vec<String>,
    /// Height, width.
    pub image_size: [usize; 2],
    /// From pixels to what the network sees.
    pub preprocessing: Preprocessing,
}

/// The image sizes of the experiment file.
const SIZES: std::ops::RangeInclusive<usize> = 32..=4096;

/// More hidden layers, units and classes than any head has.
const MOST_LAYERS: usize = 64;
const MOST_UNITS: usize = 1 << 16;

fn least(task: Task) -> usize {
    if task == Task::Regression { 1 } else { 2 }
}

impl About {
    /// What a file says of itself, where that can be true.
    ///
    /// # Errors
    ///
    /// In words, what is missing or out of range.
    pub fn read(path: &Path) -> Result<Self, String> {
        let about = safetensors::about(path)
            .and_then(|about| serde_json::from_value::<Self>(about).ok())
            .ok_or("it does not say what model it is; a run of this version writes that")?;
        let [height, width] = about.image_size;
        let units = 1..=MOST_UNITS;
        let wrong = match &about {
            _ if !SIZES.contains(&height) || !SIZES.contains(&width) => {
                format!("images of {height}x{width}")
            }
            _ if !(least(about.task)..=MOST_UNITS).contains(&about.classes.len()) => {
                format!("{} classes", about.classes.len())
            }
            _ if about.head.hidden.len() > MOST_LAYERS => {
                format!("{} hidden layers", about.head.hidden.len())
            }
            _ => match about.head.hidden.iter().find(|count| !units.contains(count)) {
                Some(count) => format!("a hidden layer of {count} units"),
                None => return Ok(about),
            },
        };
        Err(format!("its metadata is implausible: {wrong}"))
    }

    /// The layers of the network.
    ///
    /// # Errors
    ///
    /// In words, where the images are too small for it.
    pub fn layers(&self) -> Result<Vec<Layer>, String> {
        let top = self.head.top(self.task, self.classes.len());
        layers(self.architecture, self.image_size, &top).map_err(|error| error.to_string())
    }
}
