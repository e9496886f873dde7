//! Builds a network layer by layer and works out the shapes.

use super::layer::{Layer, LayerId};
use super::op::{Activation, Convolution, Op, Padding, Pooling};
use super::shape::Shape;

/// The image is too small for the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an image of {height}x{width} is too small: nothing would be left after `{layer}`")]
pub struct TooSmall {
    /// The layer that would be empty.
    pub layer: String,
    /// Height of the image in pixels.
    pub height: usize,
    /// Width of the image in pixels.
    pub width: usize,
}

/// A network under construction: its layers, and which value the next one takes.
#[derive(Debug, Clone)]
pub struct Builder {
    layers: Vec<Layer>,
    image: Shape,
    current: LayerId,
    block: String,
    stage: String,
    base: bool,
    too_small: Option<TooSmall>,
}

impl Builder {
    /// No layers yet; the input is an image of this height and width.
    #[must_use]
    pub fn new([height, width]: [usize; 2]) -> Self {
        Self::on(Shape::Map { height, width, channels: 3 })
    }

    /// No layers yet; the input has this shape.
    #[must_use]
    pub fn on(shape: Shape) -> Self {
        Self {
            layers: Vec::new(),
            image: shape,
            current: LayerId::IMAGE,
            block: String::new(),
            stage: String::new(),
            base: true,
            too_small: None,
        }
    }

    /// The layers that follow belong to this block; an empty name is none.
    pub fn block(&mut self, name: &str) {
        name.clone_into(&mut self.block);
    }

    /// The blocks that follow belong to this stage; an empty name is none.
    pub fn stage(&mut self, name: &str) {
        name.clone_into(&mut self.stage);
    }

    /// The layers that follow stand on the conv base.
    pub fn end_base(&mut self) {
        self.stage("");
        self.block("");
        self.base = false;
    }

    /// The value that the next layer takes.
    #[must_use]
    pub fn current(&self) -> LayerId {
        self.current
    }

    /// The next layer takes this value.
    pub fn go_back(&mut self, value: LayerId) {
        self.current = value;
    }

    /// The shape of a value.
    #[must_use]
    pub fn shape(&self, value: LayerId) -> Shape {
        value.layer().map_or(self.image, |layer| self.layers[layer].output)
    }

    /// Adds a layer that takes the current value.
    pub fn push(&mut self, name: impl Into<String>, op: Op) -> LayerId {
        self.join(name, op, &[self.current])
    }

    /// Adds a layer that takes several values.
    pub fn join(&mut self, name: impl Into<String>, op: Op, inputs: &[LayerId]) -> LayerId {
        let name = name.into();
        let shapes: Vec<Shape> = inputs.iter().map(|input| self.shape(*input)).collect();
        let output = op.output(&shapes);
        if output.elements() == 0 && self.too_small.is_none() {
            let [height, width] = self.image.size();
            self.too_small = Some(TooSmall { layer: name.clone(), height, width });
        }
        self.layers.push(Layer {
            name,
            block: self.block.clone(),
            stage: self.stage.clone(),
            base: self.base,
            op,
            inputs: inputs.to_vec(),
            input: shapes.first().copied().unwrap_or(self.image),
            output,
        });
        self.current = LayerId::of(self.layers.len() - 1);
        self.current
    }

    /// 3×3 with stride 1, a bias and ReLU.
    pub fn convolution(&mut self, name: String, padding: Padding, channels: usize) -> LayerId {
        self.push(name, Op::Convolution(Convolution::plain(channels, padding)))
    }

    /// 2×2 maximum with stride 2.
    pub fn halve(&mut self, name: String) -> LayerId {
        self.push(name, Op::MaxPool(Pooling::HALVES))
    }

    /// Fully connected.
    pub fn dense(&mut self, name: impl Into<String>, units: usize, activation: Activation) {
        self.push(name, Op::Dense { units, activation });
    }

    /// Every layer from the image to the last.
    ///
    /// # Errors
    ///
    /// [`TooSmall`] where a feature map would have no rows or columns.
    pub fn finish(self) -> Result<Vec<Layer>, TooSmall> {
        match self.too_small {
            Some(too_small) => Err(too_small),
            None => Ok(self.layers),
        }
    }
}
