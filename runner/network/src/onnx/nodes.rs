//! From layers to the nodes of a graph.

use runner_experiment::architecture::op::{Convolution, Pooling};
use runner_experiment::architecture::{Activation, Layer, Op, Padding, Role, Shape};

use super::message::{Attribute, Node, Tensor, integer};
use crate::error::NetworkError;
use crate::network::Network;
use crate::weights::{CONSTANT, le_bytes};

/// A graph under construction.
pub(super) struct Nodes<'a> {
    network: &'a Network,
    pub(super) nodes: Vec<Node>,
    pub(super) initializers: Vec<Tensor>,
    /// What the value of each layer is called.
    values: Vec<String>,
    image: String,
}

impl<'a> Nodes<'a> {
    /// Nothing yet but the image.
    pub(super) fn new(network: &'a Network, image: &str) -> Self {
        let (nodes, initializers, values) = Default::default();
        Self { network, nodes, initializers, values, image: image.to_owned() }
    }

    /// What the value that layers take as the image is called from now on.
    pub(super) fn set_image(&mut self, name: String) {
        self.image = name;
    }

    /// Adds a node; what comes out has the name that is returned.
    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attribute: Vec<Attribute>,
    ) -> String {
        let name = format!("{kind}_{}", self.nodes.len());
        self.nodes.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: kind.to_owned(),
            attribute,
        });
        name
    }

    /// Floats of that name.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let dims = shape.iter().map(|size| integer(*size)).collect();
        let raw_data = le_bytes(values).to_vec();
        self.initializers.push(Tensor { dims, data_type: 1, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// Floats that are no parameter of a layer.
    pub(super) fn constant(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = format!("{CONSTANT}{}", self.initializers.len());
        self.floats(&name, shape, values)
    }

    /// A constant of integers.
    pub(super) fn integers(&mut self, name: &str, values: &[usize]) -> String {
        let raw_data = values.iter().flat_map(|value| integer(*value).to_le_bytes()).collect();
        let dims = vec![integer(values.len())];
        self.initializers.push(Tensor { dims, data_type: 7, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// Adds every layer; the name of the last value.
    pub(super) fn layers(&mut self) -> Result<String, NetworkError> {
        for index in 0..self.network.layers.len() {
            let before = self.nodes.len();
            let mut value = self.layer(index)?;
            if self.nodes.len() > before
                && let Some(last) = self.nodes.last_mut()
            {
                value.clone_from(&self.network.layers[index].name);
                last.output = vec![value.clone()];
            }
            self.values.push(value);
        }
        Ok(self.values.last().unwrap_or(&self.image).clone())
    }

    fn layer(&mut self, index: usize) -> Result<String, NetworkError> {
        let layer = &self.network.layers[index];
        let inputs: Vec<String> = layer
            .inputs
            .iter()
            .map(|input| input.layer().map_or(&self.image, |layer| &self.values[layer]).clone())
            .collect();
        let first = inputs[0].as_str();
        let all: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Ok(match layer.op {
            Op::Convolution(op) => self.convolution(index, op, first)?,
            Op::BatchNorm { epsilon, .. } => self.batch_norm(index, epsilon, first)?,
            Op::LayerNorm { epsilon } => self.layer_norm(index, epsilon, first)?,
            Op::LayerScale { .. } => {
                let shape = factors(layer.input);
                let factor = self.parameter(index, Role::Gamma, Some(&shape))?.unwrap_or_default();
                self.node("Mul", &[first, &factor], Vec::new())
            }
            Op::MaxPool(op) => self.node("MaxPool", &[first], window(layer, op)),
            Op::AveragePool(op) => self.node("AveragePool", &[first], window(layer, op)),
            Op::GlobalAveragePool => self.global("GlobalAveragePool", layer, first),
            Op::GlobalMaxPool => self.global("GlobalMaxPool", layer, first),
            Op::Add => self.node("Sum", &all, Vec::new()),
            Op::Concatenate => self.node("Concat", &all, vec![Attribute::integer("axis", 1)]),
            Op::Multiply => self.multiply(index, &all),
            Op::ZeroPadding { rows, columns } => {
                let pads = [0, 0, rows[0], columns[0], 0, 0, rows[1], columns[1]];
                let pads = self.integers(&format!("{}.pads", layer.name), &pads);
                self.node("Pad", &[first, &pads], Vec::new())
            }
            Op::Activation(activation) => self.activation(activation, first),
            Op::Flatten => {
                let last = self.channels_last(layer.input, first);
                self.node("Flatten", &[&last], vec![Attribute::integer("axis", 1)])
            }
            Op::Dense { activation, .. } => self.dense(index, activation, first)?,
            Op::Dropout(_) => first.to_owned(),
        })
    }

    /// The values of a parameter as a constant, where the layer has it.
    fn parameter(
        &mut self,
        index: usize,
        role: Role,
        shape: Option<&[usize]>,
    ) -> Result<Option<String>, NetworkError> {
        let network = self.network;
        let (first, end) = (network.first_parameter(index), network.first_parameter(index + 1));
        let found = network.parameters[first..end].iter().find(|found| found.role == role);
        let Some(parameter) = found else { return Ok(None) };
        let values = parameter.values()?;
        Ok(Some(self.floats(&parameter.name, shape.unwrap_or(&parameter.shape), &values)))
    }

    fn convolution(
        &mut self,
        index: usize,
        op: Convolution,
        input: &str,
    ) -> Result<String, NetworkError> {
        let layer = &self.network.layers[index];
        let input = match layer.input {
            Shape::Map { .. } => input.to_owned(),
            Shape::Vector(_) => self.pixel(&layer.name, input),
        };
        let kernel = self.parameter(index, Role::Kernel, None)?.unwrap_or_default();
        let bias = self.parameter(index, Role::Bias, None)?;
        let inputs: Vec<&str> =
            [Some(input.as_str()), Some(&kernel), bias.as_deref()].into_iter().flatten().collect();
        let mut attributes = slid(layer, op.kernel, op.stride, op.padding);
        attributes.push(Attribute::integer("group", integer(op.groups)));
        let sum = self.node("Conv", &inputs, attributes);
        Ok(self.activation(op.activation, &sum))
    }

    fn dense(
        &mut self,
        index: usize,
        activation: Activation,
        input: &str,
    ) -> Result<String, NetworkError> {
        let kernel = self.parameter(index, Role::Kernel, None)?.unwrap_or_default();
        let bias = self.parameter(index, Role::Bias, None)?.unwrap_or_default();
        let sum = self.node("Gemm", &[input, &kernel, &bias], Vec::new());
        Ok(self.activation(activation, &sum))
    }

    fn batch_norm(
        &mut self,
        index: usize,
        epsilon: f64,
        input: &str,
    ) -> Result<String, NetworkError> {
        let layer = &self.network.layers[index];
        let channels = layer.input.channels();
        let mut get = |role| self.parameter(index, role, None).map(Option::unwrap_or_default);
        let [beta, mean, variance] =
            [get(Role::Beta)?, get(Role::MovingMean)?, get(Role::MovingVariance)?];
        let gamma = match self.parameter(index, Role::Gamma, None)? {
            Some(gamma) => gamma,
            None => {
                let ones = vec![1.0; channels];
                self.constant(&[channels], &ones)
            }
        };
        let inputs = [input, &gamma, &beta, &mean, &variance];
        let epsilon = Attribute::float("epsilon", epsilon);
        Ok(self.node("BatchNormalization", &inputs, vec![epsilon]))
    }

    fn layer_norm(
        &mut self,
        index: usize,
        epsilon: f64,
        input: &str,
    ) -> Result<String, NetworkError> {
        let shape = self.network.layers[index].input;
        let gamma = self.parameter(index, Role::Gamma, None)?.unwrap_or_default();
        let beta = self.parameter(index, Role::Beta, None)?.unwrap_or_default();
        let input = self.channels_last(shape, input);
        let epsilon = Attribute::float("epsilon", epsilon);
        let normal = self.node("LayerNormalization", &[&input, &gamma, &beta], vec![epsilon]);
        Ok(match shape {
            Shape::Map { .. } => self.transpose(&normal, &[0, 3, 1, 2]),
            Shape::Vector(_) => normal,
        })
    }

    fn multiply(&mut self, index: usize, inputs: &[&str]) -> String {
        let layer = &self.network.layers[index];
        let is_map = matches!(layer.output, Shape::Map { .. });
        let mut product: Option<String> = None;
        for (input, id) in inputs.iter().zip(&layer.inputs) {
            let shape = id.layer().map(|index| self.network.layers[index].output);
            let factor = match shape {
                Some(Shape::Vector(_)) if is_map => self.pixel(&layer.name, input),
                _ => (*input).to_owned(),
            };
            product = Some(match product {
                Some(product) => self.node("Mul", &[&product, &factor], Vec::new()),
                None => factor,
            });
        }
        product.unwrap_or_default()
    }

    /// One value per channel, as a vector.
    fn global(&mut self, kind: &str, layer: &Layer, input: &str) -> String {
        match layer.input {
            Shape::Map { .. } => {
                let pooled = self.node(kind, &[input], Vec::new());
                self.node("Flatten", &[&pooled], vec![Attribute::integer("axis", 1)])
            }
            Shape::Vector(_) => input.to_owned(),
        }
    }

    /// A vector as a map of one pixel.
    fn pixel(&mut self, layer: &str, input: &str) -> String {
        let axes = self.integers(&format!("{layer}.axes_{}", self.nodes.len()), &[2, 3]);
        self.node("Unsqueeze", &[input, &axes], Vec::new())
    }

    fn channels_last(&mut self, shape: Shape, input: &str) -> String {
        match shape {
            Shape::Map { .. } => self.transpose(input, &[0, 2, 3, 1]),
            Shape::Vector(_) => input.to_owned(),
        }
    }

    fn transpose(&mut self, input: &str, order: &[usize]) -> String {
        self.node("Transpose", &[input], vec![Attribute::integers("perm", order)])
    }
}

/// The shape of one factor per channel.
fn factors(input: Shape) -> Vec<usize> {
    match input {
        Shape::Map { channels, .. } => vec![channels, 1, 1],
        Shape::Vector(length) => vec![length],
    }
}

fn window(layer: &Layer, op: Pooling) -> Vec<Attribute> {
    slid(layer, op.size, op.stride, op.padding)
}

/// Where a window stands on the map of a layer.
fn slid(layer: &Layer, kernel: [usize; 2], stride: usize, padding: Padding) -> Vec<Attribute> {
    let [rows, columns] = layer.input.size();
    let [top, bottom] = padding.amounts(rows, kernel[0], stride);
    let [left, right] = padding.amounts(columns, kernel[1], stride);
    vec![
        Attribute::integers("kernel_shape", &kernel),
        Attribute::integers("strides", &[stride, stride]),
        Attribute::integers("pads", &[top, left, bottom, right]),
    ]
}
