//! Puts layers on top of each other and works out their shapes.

use super::{Activation, Layer, LayerKind, Shape, TooSmall};
use crate::section::model::Pooling;

/// Layers so far, and what comes out of the last.
pub(super) struct Stack {
    layers: Vec<Layer>,
    shape: Shape,
    image_size: [usize; 2],
}

impl Stack {
    pub(super) fn new(image_size: [usize; 2]) -> Self {
        let [height, width] = image_size;
        let shape = Shape::Map { height, width, channels: 3 };
        Self { layers: Vec::new(), shape, image_size }
    }

    pub(super) fn into_layers(self) -> Vec<Layer> {
        self.layers
    }

    /// Five blocks with this many convolutions each.
    pub(super) fn vgg(&mut self, blocks: [usize; 5]) -> Result<(), TooSmall> {
        for (at, (convolutions, channels)) in
            blocks.into_iter().zip([64, 128, 256, 512, 512]).enumerate()
        {
            let block = format!("block{}", at + 1);
            for conv in 1..=convolutions {
                self.convolution(&block, format!("{block}_conv{conv}"), 1, channels)?;
            }
            self.max_pool(&block, format!("{block}_pool"))?;
        }
        Ok(())
    }

    pub(super) fn convnet(&mut self) -> Result<(), TooSmall> {
        for (at, channels) in [32, 64, 128, 128].into_iter().enumerate() {
            self.convolution("", format!("conv{}", at + 1), 0, channels)?;
            self.max_pool("", format!("pool{}", at + 1))?;
        }
        Ok(())
    }

    pub(super) fn imagenet_top(&mut self) {
        let flat = self.shape.elements();
        self.push("", "flatten".to_owned(), LayerKind::Flatten, Shape::Vector(flat), false);
        for (name, units, activation) in [
            ("fc1", 4096, Activation::Relu),
            ("fc2", 4096, Activation::Relu),
            ("predictions", 1000, Activation::Softmax),
        ] {
            self.push(
                "",
                name.to_owned(),
                LayerKind::Dense(activation),
                Shape::Vector(units),
                false,
            );
        }
    }

    pub(super) fn head(
        &mut self,
        pooling: Pooling,
        hidden: &[usize],
        dropout: f64,
        classes: usize,
    ) {
        let (name, kind, length) = match pooling {
            Pooling::Flatten => ("flatten", LayerKind::Flatten, self.shape.elements()),
            Pooling::Average => {
                ("average_pool", LayerKind::GlobalAveragePool, self.shape.channels())
            }
            Pooling::Max => ("max_pool", LayerKind::GlobalMaxPool, self.shape.channels()),
        };
        self.push("", name.to_owned(), kind, Shape::Vector(length), false);
        if hidden.is_empty() {
            self.dropout("dropout1".to_owned(), dropout);
        }
        for (at, units) in hidden.iter().enumerate() {
            let kind = LayerKind::Dense(Activation::Relu);
            self.push("", format!("hidden{}", at + 1), kind, Shape::Vector(*units), false);
            self.dropout(format!("dropout{}", at + 1), dropout);
        }
        let (units, activation) = match classes {
            2 => (1, Activation::Sigmoid),
            more => (more, Activation::Softmax),
        };
        self.push(
            "",
            "output".to_owned(),
            LayerKind::Dense(activation),
            Shape::Vector(units),
            false,
        );
    }

    fn dropout(&mut self, name: String, rate: f64) {
        if rate > 0.0 {
            self.push("", name, LayerKind::Dropout(rate), self.shape, false);
        }
    }

    fn convolution(
        &mut self,
        block: &str,
        name: String,
        padding: usize,
        channels: usize,
    ) -> Result<(), TooSmall> {
        let (height, width) = self.map_size();
        let shrunk = |size: usize| (size + 2 * padding).saturating_sub(2);
        let output = Shape::Map { height: shrunk(height), width: shrunk(width), channels };
        self.push_map(block, name, LayerKind::Convolution { padding }, output)
    }

    fn max_pool(&mut self, block: &str, name: String) -> Result<(), TooSmall> {
        let (height, width) = self.map_size();
        let channels = self.shape.channels();
        let output = Shape::Map { height: height / 2, width: width / 2, channels };
        self.push_map(block, name, LayerKind::MaxPool, output)
    }

    fn map_size(&self) -> (usize, usize) {
        match self.shape {
            Shape::Map { height, width, .. } => (height, width),
            Shape::Vector(_) => (1, 1),
        }
    }

    fn push_map(
        &mut self,
        block: &str,
        name: String,
        kind: LayerKind,
        output: Shape,
    ) -> Result<(), TooSmall> {
        if output.elements() == 0 {
            let [height, width] = self.image_size;
            return Err(TooSmall { layer: name, height, width });
        }
        self.push(block, name, kind, output, true);
        Ok(())
    }

    fn push(&mut self, block: &str, name: String, kind: LayerKind, output: Shape, base: bool) {
        self.layers.push(Layer {
            name,
            block: block.to_owned(),
            base,
            kind,
            input: self.shape,
            output,
        });
        self.shape = output;
    }
}
