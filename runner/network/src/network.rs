//! The network: a graph of layers with their parameters, run from any cut to any layer behind it.
//!
//! There is one forward function. The frozen prefix runs it on plain tensors; a training stage
//! runs the rest of it on autodiff leaves.

mod chain;
#[cfg(feature = "gpu")]
mod folded;

use std::collections::BTreeSet;
use std::ops::Range;

use burn::tensor::Tensor;
use runner_experiment::architecture::{Layer, LayerId};

use crate::alive::Alive;
use crate::device::Compute;
use crate::flow::{Flow, Value};
use crate::initial::first_values;
use crate::op::apply;
use crate::op::call::{Call, Training};
use crate::op::kernels;
use crate::parameter::Parameter;
use crate::weights::tensors::Weights;

pub(crate) use chain::takes_blocks;

/// New values of parameters that no gradient reaches, by their index.
pub type Moved = Vec<(usize, Tensor<1>)>;

/// Layers with their parameters.
#[derive(Debug, Clone)]
pub struct Network {
    /// From the image to the classifier, each behind those that it takes values of.
    pub layers: Vec<Layer>,
    /// Those of every layer, in order.
    pub parameters: Vec<Parameter>,
    /// Which of them belong to each layer.
    ranges: Vec<Range<usize>>,
    /// Where the tensors live.
    pub compute: Compute,
    /// The kernels of convolutions as the device reads them best, layer by layer; empty where they
    /// are not prepared.
    packed: Vec<Option<Tensor<4>>>,
}

impl Network {
    /// Layers with these weights, and first values where there are none.
    #[must_use]
    pub fn new(layers: Vec<Layer>, mut weights: Weights, seed: u64, compute: Compute) -> Self {
        let (mut parameters, mut ranges) = (Vec::new(), Vec::new());
        for (index, layer) in layers.iter().enumerate() {
            let first = parameters.len();
            let mut given = weights.remove(&layer.name).unwrap_or_default();
            for spec in layer.specs() {
                let values = given.remove(&spec.role);
                let values = values.unwrap_or_else(|| first_values(&spec, seed, index));
                parameters.push(Parameter::new(layer, spec, values, &compute.device));
            }
            ranges.push(first..parameters.len());
        }
        Self { layers, parameters, ranges, compute, packed: Vec::new() }
    }

    /// Layers whose first ones are those of `base`, with its tensors, which are shared and not copied;
    /// the others have first values.
    #[must_use]
    pub fn on_base(layers: Vec<Layer>, base: &Self, seed: u64) -> Self {
        let mut parameters = base.parameters.clone();
        let mut ranges = base.ranges.clone();
        for (index, layer) in layers.iter().enumerate().skip(ranges.len()) {
            let first = parameters.len();
            for spec in layer.specs() {
                let values = first_values(&spec, seed, index);
                parameters.push(Parameter::new(layer, spec, values, &base.compute.device));
            }
            ranges.push(first..parameters.len());
        }
        Self { layers, parameters, ranges, compute: base.compute.clone(), packed: Vec::new() }
    }

    /// Some of the layers, from a cut on, with their parameters, which are shared and not copied.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let first = self.first_parameter(range.start);
        let mut layers = self.layers[range.clone()].to_vec();
        for layer in &mut layers {
            for input in &mut layer.inputs {
                // What comes into the part is its image.
                let inside = input.layer().and_then(|layer| layer.checked_sub(range.start));
                *input = inside.map_or(LayerId::IMAGE, LayerId::of);
            }
        }
        let shifted = |range: &Range<usize>| range.start - first..range.end - first;
        Self {
            layers,
            parameters: self.parameters[first..self.first_parameter(range.end)].to_vec(),
            ranges: self.ranges[range].iter().map(shifted).collect(),
            compute: self.compute.clone(),
            packed: Vec::new(),
        }
    }

    /// The index of the first parameter that belongs to the layer at this position or one behind it.
    #[must_use]
    pub fn first_parameter(&self, layer: usize) -> usize {
        self.ranges.get(layer).map_or(self.parameters.len(), |range| range.start)
    }

    /// The layer that the parameter at `index` belongs to.
    #[must_use]
    pub fn owner(&self, index: usize) -> &Layer {
        let layer = self.ranges.partition_point(|range| range.end <= index);
        &self.layers[layer.min(self.layers.len() - 1)]
    }

    /// Indices in `parameters` of some layers.
    #[must_use]
    pub fn indices(&self, layers: &BTreeSet<usize>) -> Vec<usize> {
        layers.iter().flat_map(|layer| self.ranges[*layer].clone()).collect()
    }

    /// The values of every parameter, flat, for [`Network::forward`] without training.
    #[must_use]
    pub fn values(&self) -> Vec<Tensor<1>> {
        self.parameters.iter().map(|parameter| parameter.value.clone()).collect()
    }

    /// Runs `layers[range]`, which begins at a cut, on what comes out of the layer before it. The
    /// sigmoid or softmax of a classifier at the end is left out: what comes out are logits.
    ///
    /// `values` are the parameters, as [`Network::values`] or as autodiff leaves.
    pub fn forward(&self, range: Range<usize>, input: Flow, values: &[Tensor<1>]) -> Flow {
        self.run(range, input, values, None, None).0
    }

    /// The same while training, with dropout and the statistics of the batch.
    pub fn forward_training(
        &self,
        range: Range<usize>,
        input: Flow,
        values: &[Tensor<1>],
        training: Training<'_>,
    ) -> (Flow, Moved) {
        self.run(range, input, values, Some(training), None)
    }

    /// The same as [`Network::forward`]; `watch` sees what comes out of each layer.
    pub fn watched(
        &self,
        range: Range<usize>,
        input: Flow,
        values: &[Tensor<1>],
        watch: &mut dyn FnMut(&Layer, &Flow),
    ) {
        let see = &mut |index: usize, flow: Flow| {
            watch(&self.layers[index], &flow);
            flow
        };
        self.run(range, input, values, None, Some(Tap { layer: None, see }));
    }

    /// The same as [`Network::forward`] of all layers; `see` may replace what comes out of one.
    pub fn forward_through(
        &self,
        input: Flow,
        values: &[Tensor<1>],
        layer: usize,
        see: &mut dyn FnMut(Flow) -> Flow,
    ) -> Flow {
        let see = &mut |_: usize, flow: Flow| see(flow);
        let tap = Tap { layer: Some(layer), see };
        self.run(0..self.layers.len(), input, values, None, Some(tap)).0
    }

    /// What comes out of one layer for values of its inputs.
    #[must_use]
    pub fn layer(&self, index: usize, inputs: Vec<Flow>, values: &[Tensor<1>]) -> Flow {
        let inputs = inputs.into_iter().map(Value::from).collect();
        apply(&self.call(index, values, None, false), inputs).value.into()
    }

    fn call<'a>(
        &'a self,
        index: usize,
        values: &'a [Tensor<1>],
        training: Option<Training<'a>>,
        blocks: bool,
    ) -> Call<'a> {
        let layer = &self.layers[index];
        let parameters = &values[self.ranges[index].clone()];
        let logits = layer.classes().is_some() && self.users(index).next().is_none();
        let packed = self.packed.get(index).and_then(Option::as_ref);
        let compute = &self.compute;
        Call { layer, index, parameters, training, blocks, compute, packed, logits }
    }

    fn run(
        &self,
        range: Range<usize>,
        input: Flow,
        values: &[Tensor<1>],
        training: Option<Training<'_>>,
        mut tap: Option<Tap<'_>>,
    ) -> (Flow, Moved) {
        let entrance = range.start.checked_sub(1).map_or(LayerId::IMAGE, LayerId::of);
        let mut alive = Alive::new(entrance, input.into());
        let (mut moved, mut done) = (Moved::new(), BTreeSet::new());
        for index in range.clone() {
            if done.remove(&index) {
                continue;
            }
            // Where somebody looks on, each layer has its value.
            let chain = match tap {
                None => self.chain(index, range.end, (values, training.is_some()), &alive),
                Some(_) => None,
            };
            let inputs = self.inputs(index, &mut alive);
            let tap = tap.as_mut().filter(|tap| tap.layer.is_none_or(|layer| layer == index));
            let last = chain.map_or(index, |chain| chain.last);
            let blocks = tap.is_none() && self.wants_blocks(last, range.end);
            let call = self.call(index, values, training, blocks);
            let outcome = match chain {
                Some(chain) => {
                    done.extend(chain.members());
                    self.in_passing(&call, chain, (inputs, values), &mut alive)
                }
                None => apply(&call, inputs),
            };
            if let Some([mean, variance]) = outcome.moved {
                // The last two parameters of a batch normalization.
                let end = self.ranges[index].end;
                moved.extend([(end - 2, mean), (end - 1, variance)]);
            }
            let mut value = outcome.value;
            if let Some(tap) = tap {
                value = (tap.see)(index, wide(value.into())).into();
            }
            alive.put(LayerId::of(last), value);
        }
        let exit = if range.is_empty() { entrance } else { LayerId::of(range.end - 1) };
        (wide(alive.take(exit, true).into()), moved)
    }

    /// What the layer at `index` takes.
    fn inputs(&self, index: usize, alive: &mut Alive) -> Vec<Value> {
        let layer = &self.layers[index];
        let inputs = layer.inputs.iter().enumerate().map(|(place, id)| {
            let again = layer.inputs[place + 1..].contains(id);
            alive.take(*id, !again && self.is_last(*id, index))
        });
        inputs.collect()
    }

    /// The layers that take what comes out of the one at `index`.
    fn users(&self, index: usize) -> impl Iterator<Item = usize> {
        let value = LayerId::of(index);
        let behind = self.layers.iter().enumerate().skip(index + 1);
        behind.filter(move |(_, layer)| layer.inputs.contains(&value)).map(|(user, _)| user)
    }

    /// Whether nobody behind the layer at `index` takes a value.
    fn is_last(&self, value: LayerId, index: usize) -> bool {
        self.layers[index + 1..].iter().all(|layer| !layer.inputs.contains(&value))
    }

    /// Whether everybody who takes the value computes with maps in blocks of channels.
    fn wants_blocks(&self, index: usize, end: usize) -> bool {
        index + 1 < end && self.users(index).all(|user| self.reads_blocks(user))
    }
}

/// The same values as `f32`.
fn wide(flow: Flow) -> Flow {
    match flow {
        Flow::Map(map) => Flow::Map(kernels::wide(map)),
        Flow::Vector(rows) => Flow::Vector(kernels::wide(rows)),
    }
}

/// Sees what comes out of layers, and passes something on.
struct Tap<'a> {
    /// Of this one; `None` is all.
    layer: Option<usize>,
    see: &'a mut dyn FnMut(usize, Flow) -> Flow,
}

#[cfg(test)]
mod tests;
