//! The layers of a network in a stage.

/// One layer in one stage: a row of `layers.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRecord {
    /// The stage.
    pub stage: String,
    /// Keras's name.
    pub layer: String,
    /// Keras's class name.
    pub kind: String,
    /// `(height, width, channels)` or `(length)`.
    pub output_shape: String,
    /// Kernel and bias together.
    pub parameters: usize,
    /// Whether this stage trains it.
    pub trainable: bool,
}
