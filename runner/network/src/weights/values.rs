//! The values of matched tensors, in this program's layout.

use runner_experiment::architecture::{Layer, Op, ParameterSpec, Role, Shape};

use super::assemble::Matched;
use super::entry::{Convolved, Entry, Flattened};
use super::error::WeightsError;
use super::layout::{dense_from_torch, depthwise, rows_from_channels_first, transpose, turn};
use super::names::Convention;
use super::tensors::{LayerWeights, Loaded, Weights};

impl Matched<'_> {
    /// How many tensors were matched.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.tensors.len()
    }

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
        if let Some(scale) = self.norms.scale(&|entry| self.values(entry))? {
            return Err(self.unknown_scale(scale));
        }
        for layer in self.layers {
            if let Some(values) = self.norms.values(layer, &|entry| self.values(entry))? {
                weights.insert(layer.name.clone(), values);
                continue;
            }
            let tensor = |spec: &ParameterSpec| {
                let found = self.tensors.get(&(layer.name.as_str(), spec.role))?;
                Some((spec.role, *found))
            };
            let specs = layer.specs();
            let Some(tensors) = specs.iter().map(tensor).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let mut values = LayerWeights::new();
            for (role, (entry, convention)) in tensors {
                let read = self.values(entry)?;
                let (read, was_turned) = match role {
                    Role::Kernel => self.kernel(entry, read, layer, convention)?,
                    _ => (read, false),
                };
                turned += usize::from(was_turned);
                values.insert(role, read);
            }
            if !values.is_empty() {
                weights.insert(layer.name.clone(), values);
            }
        }
        if turned > 0 {
            notes.push(format!("{turned} kernels were Theano's and are turned by 180 degrees"));
        }
        Ok(Loaded { weights, notes })
    }

    fn values(&self, entry: &Entry) -> Result<Vec<f32>, WeightsError> {
        let path = self.file.path.clone();
        let values = entry.read().map_err(|reason| WeightsError::Unreadable {
            path: path.clone(),
            source: reason.into(),
        })?;
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
        if let Op::Convolution(op) = layer.op {
            let taps = op.kernel[0] * op.kernel[1];
            let within = input / op.groups;
            let channels_first = entry.shape.len() == 2
                || (entry.shape[2..] == op.kernel && entry.shape[..2] == [out, within]);
            let mut values = match channels_first {
                true => values,
                false if op.groups > 1 && op.groups == input => depthwise(&values, taps, out),
                false => transpose(&values, taps, within, out),
            };
            let turned = match keras.map(|keras| keras.convolved) {
                Some(Convolved::Turned) => true,
                Some(Convolved::Contradicts) => return Err(self.contradicting_kernels()),
                Some(Convolved::Unknown) if channels_first => return Err(self.unclear_kernels()),
                _ => false,
            };
            if turned {
                turn(&mut values, taps);
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
        let first = self.tensors.values().find(|(entry, _)| entry.shape.len() == 4);
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

    fn unknown_scale(&self, scale: &Entry) -> WeightsError {
        WeightsError::Ambiguous {
            path: self.file.path.clone(),
            reason: format!(
                "`{}` scales where this architecture does not: the file is for another variant of it",
                scale.name
            ),
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

/// The feature map that was flattened right before `layer`, where there was one.
fn flattened_map(layers: &[Layer], layer: &Layer) -> Option<[usize; 3]> {
    let before = &layers[layer.inputs.first()?.layer()?];
    match (before.op, before.input) {
        (Op::Flatten, Shape::Map { height, width, channels }) => Some([height, width, channels]),
        _ => None,
    }
}
