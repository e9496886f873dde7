//! What a family says of its layers once for all tensors of a file: their names in other frameworks,
//! and the sizes of kernels.

use std::collections::{BTreeMap, BTreeSet};

use runner_experiment::architecture::{Family, Layer, Op, Place, Top, build};

/// Names and kernels of all architectures of a family.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// From a module's name, its components separated by dots, to the layer.
    modules: BTreeMap<String, String>,
    /// Layers of conv bases.
    base: BTreeSet<String>,
    /// Rows and columns of the kernels of conv bases.
    kernels: BTreeSet<[usize; 2]>,
    /// Components of the longest name.
    longest: usize,
    /// Whether files number layers by class, from whatever number on.
    pub numbered: bool,
}

impl Known {
    /// What a family says.
    #[must_use]
    pub fn of(family: &dyn Family) -> Self {
        let mut known = Self { numbered: family.is_numbered(), ..Self::default() };
        for architecture in family.architectures() {
            let top = match family.classifier() {
                Some(_) => Top::Imagenet,
                None => Top::None,
            };
            // Large enough for every layer.
            let layers = build(family, architecture.name, [224, 224], &top).unwrap_or_default();
            layers.iter().for_each(|layer| known.add(family, layer));
        }
        known
    }

    fn add(&mut self, family: &dyn Family, layer: &Layer) {
        if let (Op::Convolution(op), true) = (layer.op, layer.base) {
            self.kernels.insert(op.kernel);
        }
        if layer.base {
            self.base.insert(layer.name.clone());
        }
        if layer.has_parameters() {
            for alias in family.aliases(layer) {
                self.longest = self.longest.max(alias.split('.').count());
                self.modules.insert(alias, layer.name.clone());
            }
        }
    }

    /// The layer whose name the components from `index` on begin with, the longest one.
    #[must_use]
    pub fn place(&self, parts: &[&str], index: usize) -> Option<Place> {
        let ends = index + 1..=parts.len().min(index + self.longest);
        let mut names = ends.rev().map(|end| parts[index..end].join("."));
        names.find_map(|name| self.modules.get(&name)).map(|name| Place::Named(name.clone()))
    }

    /// Whether a place can only be a layer of a conv base.
    #[must_use]
    pub fn is_base(&self, place: &Place) -> bool {
        match place {
            Place::Module(_) | Place::Convolution(_) | Place::Norm(_) => true,
            Place::Named(name) => self.base.contains(name),
            Place::Class(class, _) => *class != "layer_normalization",
            Place::Dense(_) | Place::OtherTop => false,
        }
    }

    /// Whether a shape is that of a kernel of a conv base, in one of the layouts.
    #[must_use]
    pub fn fit(&self, shape: &[usize]) -> bool {
        let [a, b, c, d] = *shape else { return false };
        self.kernels.contains(&[a, b]) || self.kernels.contains(&[c, d])
    }
}
