//! From named tensors to the layers of a network, with nothing missing, left over or misshapen.
//!
//! First names and shapes are matched, then the values are read: nothing is read that is not
//! needed.

use std::collections::{BTreeMap, BTreeSet};

use runner_experiment::architecture::{Layer, LayerKind, Shape};

use super::file::{Convolved, Entry, Flattened, TensorFile};
use super::layout::{dense_from_torch, rows_from_channels_first, transpose, turn};
use super::names::{Convention, Located, Place, is_3x3};
use super::select::{self, Set};
use super::{LayerWeights, Loaded, Weights, WeightsError, why};

/// Whether the dense layers that a run trained on its conv base are taken from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// All of it, where every layer is there in the right shape.
    Take,
    /// Not even where the shapes happen to fit.
    Leave,
}

/// Which tensors of a file are which parameters of a network.
#[derive(Debug)]
pub struct Matched<'a> {
    file: &'a TensorFile,
    layers: &'a [Layer],
    kernels: BTreeMap<&'a str, (&'a Entry, Convention)>,
    biases: BTreeMap<&'a str, &'a Entry>,
    /// What is taken, and what is not.
    pub notes: Vec<String>,
}

/// Matches the tensors of a file with the layers of a network.
///
/// The conv base must be complete, and so must the ImageNet classifier where the network has one.
///
/// # Errors
///
/// [`WeightsError::Mismatch`] with both sides, and where it is not clear which tensors are meant.
pub fn matched<'a>(
    file: &'a TensorFile,
    layers: &'a [Layer],
    pick: Option<&str>,
    head: Head,
) -> Result<Matched<'a>, WeightsError> {
    let own = |name: &str| layers.iter().any(|l| l.name == name && l.kind.has_parameters());
    let set = select::choose(file, pick, &own)?;
    let mut sorted = Sorted::default();
    for (entry, located) in &set.located {
        sorted.take(entry, located, layers);
    }
    let left = sorted.drop_head(layers, head, &set.others);
    sorted.check(file, layers, &set)?;
    let mut notes = vec![taken(layers, &sorted)];
    notes.extend(set.notes.iter().cloned());
    notes.extend(left);
    notes.extend(left_over(&set, &sorted));
    let Sorted { kernels, biases, .. } = sorted;
    Ok(Matched { file, layers, kernels, biases, notes })
}

/// Tensors by the layer that they belong to.
#[derive(Default)]
struct Sorted<'a> {
    kernels: BTreeMap<&'a str, (&'a Entry, Convention)>,
    biases: BTreeMap<&'a str, &'a Entry>,
    /// Layer, and what is wrong.
    misshapen: Vec<(&'a str, String)>,
    /// Layers of a conv base that the network does not have.
    extra: Vec<String>,
    /// Layers of a classifier or head that the network does not have.
    unused: Vec<String>,
}

impl<'a> Sorted<'a> {
    fn take(&mut self, entry: &'a Entry, located: &Located, layers: &'a [Layer]) {
        let shown = format!("{}: {:?}", entry.name, entry.shape);
        let Some(layer) = located.place.layer(layers) else {
            // A head may have convolutions, 1×1 for one; those of a base are 3×3.
            match located.place.is_base() && (entry.shape.len() != 4 || is_3x3(&entry.shape)) {
                true if entry.shape.len() == 1 && is_counted(located) => {
                    self.unused.push(entry.name.clone());
                }
                true => self.extra.push(shown),
                false => self.unused.push(entry.name.clone()),
            }
            return;
        };
        let is_bias = entry.shape.len() == 1;
        let fits = match is_bias {
            true => entry.shape == [layer.output.channels()],
            false => fits(&entry.shape, layer, located.convention),
        };
        if !fits {
            let needed = match is_bias {
                true => format!("[{}]", layer.output.channels()),
                false => expected_kernel(layer),
            };
            self.misshapen.push((&layer.name, format!("{shown}, the network needs {needed}")));
            return;
        }
        let second = match is_bias {
            true => self.biases.insert(&layer.name, entry).is_some(),
            false => self.kernels.insert(&layer.name, (entry, located.convention)).is_some(),
        };
        if second {
            self.extra.push(format!("{} (a second tensor for `{}`)", entry.name, layer.name));
        }
    }

    /// Leaves a head out that is not wanted or not complete; says so.
    fn drop_head(&mut self, layers: &'a [Layer], head: Head, others: &[String]) -> Option<String> {
        let names: BTreeSet<&str> = head_names(layers).collect();
        let is_there = |name: &&&str| self.kernels.contains_key(**name);
        let found = names.iter().filter(is_there).count();
        let wrong = self.misshapen.iter().any(|(layer, _)| names.contains(layer));
        let whole = names
            .iter()
            .all(|name| self.kernels.contains_key(name) && self.biases.contains_key(name));
        // A head with more layers than this one is another head.
        let longer = others.iter().any(|name| name.starts_with("head."));
        if names.is_empty() || (head == Head::Take && whole && !longer) {
            return None;
        }
        for name in names {
            self.kernels.remove(name);
            self.biases.remove(name);
            self.misshapen.retain(|(layer, _)| *layer != name);
        }
        match (head, found > 0 || wrong) {
            (Head::Take, true) => {
                Some("the head of the file is another one and is left out".to_owned())
            }
            (Head::Leave, true) => Some(
                "dense layers that could pass for a head are left out: a head comes from a run's \
                 own model, for the same classes"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn check(
        &self,
        file: &TensorFile,
        layers: &[Layer],
        set: &Set<'_>,
    ) -> Result<(), WeightsError> {
        let head: BTreeSet<&str> = head_names(layers).collect();
        let misplaced: BTreeSet<&str> = self.misshapen.iter().map(|(layer, _)| *layer).collect();
        let mut missing = Vec::new();
        let needed = layers.iter().filter(|layer| layer.kind.has_parameters());
        for layer in needed.filter(|layer| !head.contains(layer.name.as_str())) {
            let name = layer.name.as_str();
            let kernel = (!self.kernels.contains_key(name))
                .then(|| format!("kernel {}", expected_kernel(layer)));
            let bias = (!self.biases.contains_key(name))
                .then(|| format!("bias [{}]", layer.output.channels()));
            let parts: Vec<String> = kernel.into_iter().chain(bias).collect();
            if !parts.is_empty() && !misplaced.contains(name) {
                missing.push(format!("{name}: {}", parts.join(", ")));
            }
        }
        if missing.is_empty() && self.misshapen.is_empty() && self.extra.is_empty() {
            return Ok(());
        }
        Err(WeightsError::Mismatch {
            path: file.path.clone(),
            reason: why::reason(file, layers, set),
            missing,
            misshapen: self.misshapen.iter().map(|(_, line)| line.clone()).collect(),
            extra: self.extra.clone(),
        })
    }
}

/// `the conv base (13 layers) and the head (2 layers)`
fn taken(layers: &[Layer], sorted: &Sorted<'_>) -> String {
    let count = |base: bool| {
        let own = layers.iter().filter(|layer| layer.base == base);
        own.filter(|layer| sorted.kernels.contains_key(layer.name.as_str())).count()
    };
    let base = format!("the conv base ({} layers)", count(true));
    match (count(false), head_names(layers).next()) {
        (0, _) => base,
        (top, None) => format!("{base} and the ImageNet classifier ({top} layers)"),
        (head, Some(_)) => format!("{base} and the head ({head} layers)"),
    }
}

/// What of the file was not needed.
fn left_over(set: &Set<'_>, sorted: &Sorted<'_>) -> Option<String> {
    let mut names = sorted.unused.clone();
    let is_state = |name: &&String| {
        // What an optimizer or a counter of batches keeps is no weight.
        let parts = || name.split(['.', '/']);
        !parts().any(|part| part.contains("optimizer") || part == "num_batches_tracked")
    };
    names.extend(set.others.iter().filter(is_state).cloned());
    let shown = names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rest = if names.len() > 3 { ", …" } else { "" };
    match names.len() {
        0 => None,
        1 => Some(format!("one tensor of the file is not used: {shown}")),
        count => Some(format!("{count} tensors of the file are not used: {shown}{rest}")),
    }
}

impl Matched<'_> {
    /// Reads the values.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] where the file is damaged, where a value is not finite, and where it cannot
    /// be told how the kernels are meant.
    pub fn read(&self) -> Result<Loaded, WeightsError> {
        let mut weights = Weights::new();
        let mut notes = self.notes.clone();
        let mut turned = 0;
        for layer in self.layers {
            let name = layer.name.as_str();
            let (Some((kernel, convention)), Some(bias)) =
                (self.kernels.get(name), self.biases.get(name))
            else {
                continue;
            };
            let values = self.values(kernel)?;
            let (kernel, was_turned) = self.kernel(kernel, values, layer, *convention)?;
            turned += usize::from(was_turned);
            weights.insert(layer.name.clone(), LayerWeights { kernel, bias: self.values(bias)? });
        }
        if turned > 0 {
            notes.push(format!("{turned} kernels were Theano's and are turned by 180 degrees"));
        }
        Ok(Loaded { weights, notes })
    }

    fn values(&self, entry: &Entry) -> Result<Vec<f32>, WeightsError> {
        let path = self.file.path.clone();
        let values = entry
            .read()
            .map_err(|reason| WeightsError::Unreadable { path: path.clone(), reason })?;
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(WeightsError::NotFinite { path, tensor: entry.name.clone() }),
        }
    }

    /// A kernel in this crate's layout, and whether it was turned.
    fn kernel(
        &self,
        entry: &Entry,
        values: Vec<f32>,
        layer: &Layer,
        convention: Convention,
    ) -> Result<(Vec<f32>, bool), WeightsError> {
        let (input, out) = (layer.input.channels(), layer.output.channels());
        let keras = self.file.keras.filter(|_| convention == Convention::Keras);
        if matches!(layer.kind, LayerKind::Convolution { .. }) {
            let theano_order = entry.shape[2..] == [3, 3] && entry.shape[..2] == [out, input];
            let mut values = match theano_order {
                true => values,
                false => transpose(&values, 9, input, out),
            };
            let turned = match keras.map(|keras| keras.convolved) {
                Some(Convolved::Turned) => true,
                Some(Convolved::Contradicts) => return Err(self.contradicting_kernels()),
                Some(Convolved::Unknown) if theano_order => return Err(self.unclear_kernels()),
                _ => false,
            };
            if turned {
                turn(&mut values);
            }
            return Ok((values, turned));
        }
        let map = flattened_map(self.layers, layer);
        Ok(match (convention, map) {
            (Convention::Torch, map) => (dense_from_torch(&values, input, out, map), false),
            (Convention::Keras, Some(map)) if self.is_channels_first()? => {
                (rows_from_channels_first(&values, out, map), false)
            }
            (Convention::Keras, _) => (values, false),
        })
    }

    /// Whether a Keras file flattened `[channel, height, width]`.
    fn is_channels_first(&self) -> Result<bool, WeightsError> {
        let Some(keras) = self.file.keras else { return Ok(false) };
        // Keras 1 on Theano's order has its kernels that way round as well.
        let first = self.kernels.values().find(|(entry, _)| entry.shape.len() == 4);
        let theano_order = first.is_some_and(|(entry, convention)| {
            *convention == Convention::Keras && entry.shape[2..] == [3, 3]
        });
        match (keras.flattened, theano_order, keras.convolved) {
            (_, true, _) | (Flattened::ChannelsFirst, ..) => Ok(true),
            (Flattened::ChannelsLast, ..) => Ok(false),
            (Flattened::Unknown, false, Convolved::Turned) => Err(WeightsError::Ambiguous {
                path: self.file.path.clone(),
                reason: "Theano wrote it, and it does not say in which order the last feature map \
                         was flattened"
                    .to_owned(),
            }),
            (Flattened::Unknown, false, _) => Ok(false),
        }
    }

    fn contradicting_kernels(&self) -> WeightsError {
        WeightsError::Ambiguous {
            path: self.file.path.clone(),
            reason: "its name says one thing of its kernels (`th_kernels`, `tf_kernels`) and its \
                     attribute `backend` another; rename it, if that is what is wrong"
                .to_owned(),
        }
    }

    fn unclear_kernels(&self) -> WeightsError {
        WeightsError::Ambiguous {
            path: self.file.path.clone(),
            reason: "its kernels are in the order of Keras 1 on Theano, [out, in, 3, 3], and it \
                     does not say whether they are to be turned by 180 degrees, as Theano does, or \
                     not; the published files say it in their names: put `th_kernels` (Theano's) \
                     or `tf_kernels` (TensorFlow's) into the name of this one"
                .to_owned(),
        }
    }
}

/// Whether only the order says which convolution this is: a bias is then one of whatever kernel has
/// the same number, which is named where it is not used.
fn is_counted(located: &Located) -> bool {
    matches!(located.place, Place::Convolution(_))
}

/// The dense layers that stand on a conv base; the ImageNet classifier is none.
pub(super) fn head_names(layers: &[Layer]) -> impl Iterator<Item = &str> {
    let imagenet = layers.iter().any(|layer| layer.name == "predictions");
    layers
        .iter()
        .filter(move |layer| !imagenet && !layer.base && layer.kind.has_parameters())
        .map(|layer| layer.name.as_str())
}

/// The feature map that was flattened right before `layer`, where there was one.
fn flattened_map(layers: &[Layer], layer: &Layer) -> Option<[usize; 3]> {
    let index = layers.iter().position(|candidate| candidate.name == layer.name)?;
    let before = layers.get(index.checked_sub(1)?)?;
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

/// Whether a shape is that of a layer's kernel, in one of the layouts.
fn fits(shape: &[usize], layer: &Layer, convention: Convention) -> bool {
    let (input, out) = (layer.input.channels(), layer.output.channels());
    if matches!(layer.kind, LayerKind::Convolution { .. }) {
        return shape == [out, input, 3, 3] || shape == [3, 3, input, out];
    }
    match (shape, convention) {
        ([a, b], Convention::Keras) => (*a, *b) == (input, out),
        ([a, rest @ ..], Convention::Torch) => {
            let product = rest.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
            *a == out && product == Some(input)
        }
        _ => false,
    }
}
