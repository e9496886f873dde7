//! From named tensors to the layers of a network, with nothing missing, left over or misshapen.
//!
//! Names and shapes alone; `values` reads what was matched, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use runner_experiment::architecture::{Family, Layer, Op, ParameterSpec, Place, Role};

use super::entry::{Entry, TensorFile};
use super::error::WeightsError;
use super::known::Known;
use super::names::{Convention, Located, role};
use super::norms::Norms;
use super::select::{self, Set};
use super::why;

/// Whether the dense layers that a run trained on its conv base are taken from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// All of it, where every layer is there in the right shape.
    Take,
    /// Not even where the shapes happen to fit.
    Leave,
}

/// By layer and role.
type Tensors<'a> = BTreeMap<(&'a str, Role), (&'a Entry, Convention)>;

/// Which tensors of a file are which parameters of a network.
#[derive(Debug)]
pub struct Matched<'a> {
    pub(super) file: &'a TensorFile,
    pub(super) layers: &'a [Layer],
    pub(super) tensors: Tensors<'a>,
    pub(super) norms: Norms<'a>,
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
    (family, layers): (&dyn Family, &'a [Layer]),
    pick: Option<&str>,
    head: Head,
) -> Result<Matched<'a>, WeightsError> {
    let has = |name: &str| layers.iter().any(|l| l.name == name && l.has_parameters());
    let set = select::choose(file, family, pick, &has)?;
    let mut sorted = Sorted::default();
    let known = Known::of(family);
    for (entry, located) in &set.located {
        match family.layer(layers, &located.place) {
            Some(layer) => sorted.take(entry, located, layer),
            None => sorted.set_aside(entry, &known, located),
        }
    }
    let heads: BTreeSet<&str> = head_names(family, layers).collect();
    let left = sorted.drop_head(layers, &heads, head, &set.others);
    sorted.fold_norms(layers);
    sorted.check(file, (family, layers), &heads, &set)?;
    let mut notes = vec![taken(layers, &heads, &sorted)];
    notes.extend(set.notes.iter().cloned());
    notes.extend(sorted.norms.note());
    notes.extend(left);
    notes.extend(left_over(&set, &sorted));
    Ok(Matched { file, layers, tensors: sorted.tensors, norms: sorted.norms, notes })
}

/// Tensors by the layer that they belong to.
#[derive(Default)]
struct Sorted<'a> {
    tensors: Tensors<'a>,
    /// Layer, and what is wrong.
    misshapen: Vec<(&'a str, String)>,
    /// Layers of a conv base that the network does not have.
    extra: Vec<String>,
    /// Layers of a classifier or head that the network does not have.
    unused: Vec<String>,
    norms: Norms<'a>,
}

impl<'a> Sorted<'a> {
    fn take(&mut self, entry: &'a Entry, located: &Located, layer: &'a Layer) {
        let shown = format!("{}: {:?}", entry.name, entry.shape);
        let role = role(&entry.name, entry.shape.len(), layer);
        let specs = layer.specs();
        let Some(spec) = specs.iter().find(|spec| Some(spec.role) == role) else {
            if !self.norms.take(entry, layer, role) {
                self.unused.push(entry.name.clone());
            }
            return;
        };
        if !fits(&entry.shape, layer, spec, located.convention) {
            let needed = expected(layer, spec);
            self.misshapen.push((&layer.name, format!("{shown}, the network needs {needed}")));
            return;
        }
        let tensor = (entry, located.convention);
        if self.tensors.insert((&layer.name, spec.role), tensor).is_some() {
            self.extra.push(format!("{} (a second tensor for `{}`)", entry.name, layer.name));
        }
    }

    fn fold_norms(&mut self, layers: &'a [Layer]) {
        let has_norms = self.tensors.keys().any(|(_, role)| *role == Role::MovingVariance);
        self.unused.extend(self.norms.fold(layers, has_norms));
    }

    /// A tensor of a layer that the network does not have.
    fn set_aside(&mut self, entry: &Entry, known: &Known, located: &Located) {
        // A head may have convolutions of other sizes than the base.
        let dimensions = entry.shape.len();
        let of_base = dimensions != 4 || known.fit(&entry.shape);
        match known.is_base(&located.place) && of_base {
            true if dimensions == 1 && is_counted(located) => self.unused.push(entry.name.clone()),
            true => self.extra.push(format!("{}: {:?}", entry.name, entry.shape)),
            false => self.unused.push(entry.name.clone()),
        }
    }

    /// Whether the file has every parameter of a layer.
    fn has(&self, layer: &Layer) -> bool {
        let name = layer.name.as_str();
        layer.specs().iter().all(|spec| self.tensors.contains_key(&(name, spec.role)))
    }

    /// Whether the file has the first parameter of a layer, its kernel for one.
    fn has_first(&self, layer: &Layer) -> bool {
        let first = layer.specs().into_iter().next();
        first.is_some_and(|spec| self.tensors.contains_key(&(layer.name.as_str(), spec.role)))
    }

    /// Leaves a head out that is not wanted or not complete; says so.
    fn drop_head(
        &mut self,
        layers: &'a [Layer],
        names: &BTreeSet<&str>,
        head: Head,
        others: &[String],
    ) -> Option<String> {
        let of_head = || layers.iter().filter(|layer| names.contains(layer.name.as_str()));
        let found = of_head().filter(|layer| self.has_first(layer)).count();
        let wrong = self.misshapen.iter().any(|(layer, _)| names.contains(layer));
        let whole = of_head().all(|layer| self.has(layer));
        // A head with more layers than this one is another head.
        let longer = others.iter().any(|name| name.starts_with("head."));
        if names.is_empty() || (head == Head::Take && whole && !longer) {
            return None;
        }
        self.tensors.retain(|(layer, _), _| !names.contains(layer));
        self.misshapen.retain(|(layer, _)| !names.contains(layer));
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
        (family, layers): (&dyn Family, &[Layer]),
        heads: &BTreeSet<&str>,
        set: &Set<'_>,
    ) -> Result<(), WeightsError> {
        let misplaced: BTreeSet<&str> = self.misshapen.iter().map(|(layer, _)| *layer).collect();
        let mut missing = Vec::new();
        let in_base = |layer: &&Layer| !heads.contains(layer.name.as_str());
        let needed = layers.iter().filter(in_base).filter(|layer| !self.norms.is_folded(layer));
        for layer in needed {
            let name = layer.name.as_str();
            let specs = layer.specs();
            let absent = specs.iter().filter(|s| !self.tensors.contains_key(&(name, s.role)));
            let parts: Vec<String> = absent
                .map(|spec| format!("{} {}", spec.role.name(), expected(layer, spec)))
                .collect();
            if !parts.is_empty() && !misplaced.contains(name) {
                missing.push(format!("{name}: {}", parts.join(", ")));
            }
        }
        if missing.is_empty() && self.misshapen.is_empty() && self.extra.is_empty() {
            return Ok(());
        }
        Err(WeightsError::Mismatch {
            path: file.path.clone(),
            reason: why::reason(file, (family, layers), set),
            missing,
            misshapen: self.misshapen.iter().map(|(_, line)| line.clone()).collect(),
            extra: self.extra.clone(),
        })
    }
}

/// `the conv base (13 layers) and the head (2 layers)`
fn taken(layers: &[Layer], heads: &BTreeSet<&str>, sorted: &Sorted<'_>) -> String {
    let count = |base: bool| {
        layers.iter().filter(|layer| layer.base == base && sorted.has_first(layer)).count()
    };
    let base = format!("the conv base ({} layers)", count(true));
    match (count(false), heads.is_empty()) {
        (0, _) => base,
        (top, true) => format!("{base} and the ImageNet classifier ({top} layers)"),
        (head, false) => format!("{base} and the head ({head} layers)"),
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

/// Whether only the order says which convolution this is: a bias is then one of whatever kernel has
/// the same number, which is named where it is not used.
fn is_counted(located: &Located) -> bool {
    matches!(located.place, Place::Convolution(_) | Place::Norm(_) | Place::Class(..))
}

/// The dense layers that stand on a conv base; the classifier that a family published is none.
pub(super) fn head_names<'a>(
    family: &dyn Family,
    layers: &'a [Layer],
) -> impl Iterator<Item = &'a str> + use<'a> {
    let classifier = family.classifier();
    let published =
        classifier.is_some_and(|top| layers.iter().any(|layer| layer.name == top.layer));
    layers
        .iter()
        .filter(move |layer| !published && !layer.base && layer.has_parameters())
        .map(|layer| layer.name.as_str())
}

/// The shape of a parameter, in words.
fn expected(layer: &Layer, spec: &ParameterSpec) -> String {
    match (&layer.op, spec.role, &spec.shape[..]) {
        (Op::Convolution(_), Role::Kernel, [out, within, rows, columns]) => {
            format!("[{out}, {within}, {rows}, {columns}] or [{rows}, {columns}, {within}, {out}]")
        }
        (Op::Dense { .. }, Role::Kernel, [input, out]) => {
            format!("[{input}, {out}] or [{out}, {input}]")
        }
        (_, _, shape) => format!("{shape:?}"),
    }
}

/// Whether a shape is that of a parameter, in one of the layouts.
fn fits(shape: &[usize], layer: &Layer, spec: &ParameterSpec, convention: Convention) -> bool {
    match (&layer.op, spec.role, &spec.shape[..]) {
        (Op::Convolution(op), Role::Kernel, [out, within, rows, columns]) => {
            let channels_last = match op.groups == layer.input.channels() && op.groups > 1 {
                true => [*rows, *columns, op.groups, out / op.groups],
                false => [*rows, *columns, *within, *out],
            };
            // A linear layer on each pixel is a 1×1 convolution.
            let is_linear = [*rows, *columns] == [1, 1] && convention == Convention::Torch;
            shape == spec.shape || shape == channels_last || (is_linear && shape == [*out, *within])
        }
        (Op::Dense { .. }, Role::Kernel, [input, out]) => match (shape, convention) {
            ([a, b] | [1, 1, a, b], Convention::Keras) => (a, b) == (input, out),
            ([a, rest @ ..], Convention::Torch) => {
                let product = rest.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
                a == out && product == Some(*input)
            }
            _ => false,
        },
        // torchvision's factors of ConvNeXt.
        (Op::LayerScale { .. }, _, [channels]) => shape == spec.shape || shape == [*channels, 1, 1],
        (_, _, expected) => shape == expected,
    }
}
