//! From named tensors to the layers of a network, with nothing missing, left over or misshapen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runner_experiment::architecture::{Layer, LayerKind, Shape};

use super::names::{Convention, head_layer, is_unused_top, owner};
use super::{FileTensor, LayerWeights, Weights, WeightsError};

/// Finds every layer's kernel and bias among `tensors` and brings them into this crate's layout.
///
/// The conv base must be complete, and so must the ImageNet classifier where the network has one.
/// A head of one's own is taken where the file has all of it in the right shapes, and left out
/// otherwise, since a new experiment usually brings a new head.
///
/// # Errors
///
/// [`WeightsError::Mismatch`] with both sides, [`WeightsError::NotFinite`].
pub fn assemble(
    path: &Path,
    tensors: Vec<FileTensor>,
    layers: &[Layer],
) -> Result<Weights, WeightsError> {
    let mut found = Found::default();
    for tensor in tensors {
        found.take(path, tensor, layers)?;
    }
    found.drop_partial_head(layers);
    found.finish(path, layers)
}

#[derive(Default)]
struct Found {
    kernels: BTreeMap<String, Vec<f32>>,
    biases: BTreeMap<String, Vec<f32>>,
    misshapen: Vec<(String, String)>,
    extra: Vec<String>,
    /// Whether the file has a head with more layers than the network's.
    other_head: bool,
}

impl Found {
    fn take(
        &mut self,
        path: &Path,
        tensor: FileTensor,
        layers: &[Layer],
    ) -> Result<(), WeightsError> {
        let Some((layer, convention)) = owner(layers, &tensor.name) else {
            self.other_head |= head_layer(&tensor.name).is_some();
            if !is_unused_top(&tensor.name) {
                self.extra.push(format!("{} {:?}", tensor.name, tensor.shape));
            }
            return Ok(());
        };
        if tensor.values.iter().any(|value| !value.is_finite()) {
            let path = path.to_path_buf();
            return Err(WeightsError::NotFinite { path, tensor: tensor.name });
        }
        let is_bias = tensor.shape.len() == 1;
        let line = format!("{}: {:?}", tensor.name, tensor.shape);
        let name = tensor.name.clone();
        let fitted = match is_bias {
            true => (tensor.values.len() == layer.output.channels()).then_some(tensor.values),
            false => kernel(tensor, layer, flattened_map(layers, layer), convention),
        };
        let Some(values) = fitted else {
            let needed = match is_bias {
                true => format!("[{}]", layer.output.channels()),
                false => expected_kernel(layer),
            };
            let line = format!("{line}, the network needs {needed}");
            self.misshapen.push((layer.name.clone(), line));
            return Ok(());
        };
        let side = if is_bias { &mut self.biases } else { &mut self.kernels };
        if side.insert(layer.name.clone(), values).is_some() {
            self.extra.push(format!("{name} (a second tensor for `{}`)", layer.name));
        }
        Ok(())
    }

    /// A head that is not complete is not used at all.
    fn drop_partial_head(&mut self, layers: &[Layer]) {
        let head: BTreeSet<&str> = head_names(layers).collect();
        let complete = !self.other_head
            && head
                .iter()
                .all(|name| self.kernels.contains_key(*name) && self.biases.contains_key(*name));
        if !complete {
            for name in head {
                self.kernels.remove(name);
                self.biases.remove(name);
                self.misshapen.retain(|(layer, _)| layer != name);
            }
        }
    }

    fn finish(mut self, path: &Path, layers: &[Layer]) -> Result<Weights, WeightsError> {
        let head: BTreeSet<&str> = head_names(layers).collect();
        let misplaced: BTreeSet<&String> = self.misshapen.iter().map(|(layer, _)| layer).collect();
        let mut missing = Vec::new();
        let needed = layers.iter().filter(|layer| layer.kind.has_parameters());
        for layer in needed.filter(|layer| !head.contains(layer.name.as_str())) {
            if misplaced.contains(&layer.name) {
                continue;
            }
            if !self.kernels.contains_key(&layer.name) {
                missing.push(format!("{}.kernel {}", layer.name, expected_kernel(layer)));
            }
            if !self.biases.contains_key(&layer.name) {
                missing.push(format!("{}.bias [{}]", layer.name, layer.output.channels()));
            }
        }
        if missing.is_empty() && self.misshapen.is_empty() && self.extra.is_empty() {
            let pair = |(name, kernel)| {
                let bias = self.biases.remove(&name)?;
                Some((name, LayerWeights { kernel, bias }))
            };
            return Ok(std::mem::take(&mut self.kernels).into_iter().filter_map(pair).collect());
        }
        Err(WeightsError::Mismatch {
            path: path.to_path_buf(),
            missing,
            misshapen: self.misshapen.into_iter().map(|(_, line)| line).collect(),
            extra: self.extra,
        })
    }
}

/// The dense layers of a head of one's own; the ImageNet classifier is none.
fn head_names(layers: &[Layer]) -> impl Iterator<Item = &str> {
    let imagenet = layers.iter().any(|layer| layer.name == "predictions");
    layers
        .iter()
        .filter(move |layer| !imagenet && !layer.base && layer.kind.has_parameters())
        .map(|layer| layer.name.as_str())
}

/// The feature map that was flattened right before `layer`, where there was one.
fn flattened_map(layers: &[Layer], layer: &Layer) -> Option<[usize; 3]> {
    let at = layers.iter().position(|candidate| candidate.name == layer.name)?;
    let before = layers.get(at.checked_sub(1)?)?;
    match (before.kind, before.input) {
        (LayerKind::Flatten, Shape::Map { height, width, channels }) => {
            Some([height, width, channels])
        }
        _ => None,
    }
}

fn expected_kernel(layer: &Layer) -> String {
    let (input, out) = (layer.input.channels(), layer.output.channels());
    match layer.kind {
        LayerKind::Convolution { .. } => {
            format!("[{out}, {input}, 3, 3] or [3, 3, {input}, {out}]")
        }
        _ => format!("[{input}, {out}] or [{out}, {input}]"),
    }
}

/// The kernel in this crate's layout; `None` where its shape does not fit.
fn kernel(
    tensor: FileTensor,
    layer: &Layer,
    flattened: Option<[usize; 3]>,
    convention: Convention,
) -> Option<Vec<f32>> {
    let (input, out) = (layer.input.channels(), layer.output.channels());
    let values = tensor.values;
    if matches!(layer.kind, LayerKind::Convolution { .. }) {
        return match tensor.shape[..] {
            [a, b, 3, 3] if (a, b) == (out, input) => Some(values),
            [3, 3, a, b] if (a, b) == (input, out) => Some(transpose(&values, 9, input, out)),
            _ => None,
        };
    }
    match (&tensor.shape[..], convention) {
        ([a, b], Convention::Keras) if (*a, *b) == (input, out) => Some(values),
        ([a, rest @ ..], Convention::Torch)
            if *a == out && rest.iter().product::<usize>() == input =>
        {
            Some(dense_from_torch(&values, input, out, flattened))
        }
        _ => None,
    }
}

/// `[3, 3, in, out]` to `[out, in, 3, 3]`.
fn transpose(values: &[f32], taps: usize, input: usize, out: usize) -> Vec<f32> {
    let mut result = vec![0.0; values.len()];
    for tap in 0..taps {
        for i in 0..input {
            let row = &values[(tap * input + i) * out..][..out];
            for (o, value) in row.iter().enumerate() {
                result[(o * input + i) * taps + tap] = *value;
            }
        }
    }
    result
}

/// `[out, in]` to `[in, out]`; after a flatten also from channel, height, width to height, width,
/// channel.
fn dense_from_torch(
    values: &[f32],
    input: usize,
    out: usize,
    flattened: Option<[usize; 3]>,
) -> Vec<f32> {
    let [height, width, channels] = flattened.unwrap_or([1, 1, input]);
    let mut result = vec![0.0; values.len()];
    for (o, row) in values.chunks_exact(input).enumerate() {
        for (at, value) in row.iter().enumerate() {
            let (channel, pixel) = (at / (height * width), at % (height * width));
            result[(pixel * channels + channel) * out + o] = *value;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_by_hand() {
        // Keras [taps = 1, in = 2, out = 3]: value = 10 in + out.
        let keras = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
        assert_eq!(transpose(&keras, 1, 2, 3), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
        // Torch [out = 1, channel = 2, height = 1, width = 2]: value = 10 channel + column.
        let torch = [0.0, 1.0, 10.0, 11.0];
        assert_eq!(dense_from_torch(&torch, 4, 1, Some([1, 2, 2])), [0.0, 10.0, 1.0, 11.0]);
    }
}
