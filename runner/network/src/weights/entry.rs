//! A weights file that is open: names and shapes of its tensors, whose values are read when they
//! are wanted.
//!
//! What a file says of itself is not believed: a tensor is read only once its shape is that of a
//! parameter of the network, so that no file makes the program take more memory than the network.

use std::fmt;
use std::path::PathBuf;

/// Reads the values of one tensor, row by row, as 32-bit floats.
pub(super) type Values = Box<dyn Fn() -> Result<Vec<f32>, String>>;

/// A tensor of a file.
pub struct Entry {
    /// Its name there, or `<group>#convolution.<n>.kernel` where only the order counts.
    pub name: String,
    /// Outermost first.
    pub shape: Vec<usize>,
    pub(super) values: Values,
}

impl Entry {
    /// Its values, row by row.
    ///
    /// # Errors
    ///
    /// In words, where the file is damaged or holds no floats.
    pub fn read(&self) -> Result<Vec<f32>, String> {
        let values = (self.values)().map_err(|reason| format!("`{}`: {reason}", self.name))?;
        match values.len() == self.shape.iter().product::<usize>() {
            true => Ok(values),
            false => Err(format!(
                "`{}` holds {} values for the shape {:?}",
                self.name,
                values.len(),
                self.shape
            )),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.shape)
    }
}

/// How a Keras file's convolutions were meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convolved {
    /// As TensorFlow does: kernels are laid on the image as they are.
    AsIs,
    /// As Theano does: kernels are turned by 180 degrees first.
    Turned,
    /// The file does not say.
    Unknown,
    /// The file says one thing, and its name another.
    Contradicts,
}

/// In which order a Keras file's last feature map was flattened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flattened {
    /// Height, width, channel; since Keras 2.2 whatever the order of the maps.
    ChannelsLast,
    /// Channel, height, width.
    ChannelsFirst,
    /// The file does not say.
    Unknown,
}

/// What a Keras file says of the program that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KerasAbout {
    /// How kernels lie on the image.
    pub convolved: Convolved,
    /// How the last feature map was flattened.
    pub flattened: Flattened,
}

/// A weights file.
#[derive(Debug)]
pub struct TensorFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its tensors.
    pub entries: Vec<Entry>,
    /// For Keras's HDF5 files.
    pub keras: Option<KerasAbout>,
}
