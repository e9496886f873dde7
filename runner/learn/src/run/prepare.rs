//! What a stage works on: features where they can be computed once, images where they cannot.

use runner_experiment::plan::{Augmentation, Stage};
use runner_experiment::section::dataset::FeaturePrecision;

use super::Run;
use crate::error::LearnError;
use crate::feature_cache::{Description, prefix_hash, prefix_shape};
use crate::feature_set::FeatureSet;
use crate::feature_views::FeatureViews;
use crate::features::{Extractor, RESIDENT_BYTES};
use crate::images::Images;
use crate::samples::Samples;
use runner_network::inference::Inference;
use runner_network::network::Network;

/// What the layers after one prefix work on, kept from stage to stage while it stays the same.
pub(super) struct Prepared {
    pub(super) description: Description,
    pub(super) prefix: usize,
    pub(super) augment: bool,
    pub(super) train: Samples,
    pub(super) validation: Samples,
}

impl Run<'_> {
    /// Samples for a stage; those of the stage before, where they are the same.
    pub(super) fn prepare(
        &mut self,
        network: &Network,
        stage: &Stage,
        earlier: Option<Prepared>,
    ) -> Result<Prepared, LearnError> {
        let prefix = stage.frozen_prefix(&network.layers);
        let description = self.describe(network, prefix)?;
        let earlier = earlier.filter(|earlier| earlier.description == description);
        let augment = stage.augment;
        let (train, validation) = match earlier {
            Some(earlier) if earlier.augment == augment => (earlier.train, earlier.validation),
            Some(earlier) => {
                let train = self.samples(network, prefix, &description, ("train", augment))?;
                (train, earlier.validation)
            }
            None => {
                let train = self.samples(network, prefix, &description, ("train", augment))?;
                (train, self.samples(network, prefix, &description, ("validation", false))?)
            }
        };
        Ok(Prepared { description, prefix, augment, train, validation })
    }

    /// What the features of a prefix are. The hash of its weights is that of an earlier run with the
    /// same base, where no stage trains it.
    pub(super) fn describe(
        &self,
        network: &Network,
        prefix: usize,
    ) -> Result<Description, LearnError> {
        let plan = &self.request.checked.plan;
        let mut layers = network.layers[..prefix].iter();
        let is_fixed = layers.all(|layer| plan.stage.iter().all(|stage| stage.freezes(layer)));
        if !is_fixed || self.weights == "random" {
            return Description::new(network, prefix, self.dataset);
        }
        let size = self.dataset.image_size;
        let key = (self.weights.clone(), plan.model.architecture, size, prefix);
        let hash = self.request.shared.prefix_hash(key, || prefix_hash(network, prefix))?;
        Ok(Description::of(network, prefix, self.dataset, hash))
    }

    /// A split, augmented or not.
    pub(super) fn samples(
        &mut self,
        network: &Network,
        prefix: usize,
        description: &Description,
        (name, augment): (&str, bool),
    ) -> Result<Samples, LearnError> {
        let Some(split) = self.splits.iter().find(|split| split.name == name) else {
            return Err(LearnError::bug(format!("there is no split `{name}`")));
        };
        let settings = self.request.checked.plan.augmentation.clone();
        if let Some((settings, views)) =
            settings.as_ref().and_then(|settings| Some((settings, settings.views?)))
            && augment
            && prefix > 0
        {
            let views = (0..views).map(|view| {
                let description = description.of_view(settings, view);
                self.features(network, prefix, &description, name, Some((settings, view)))
            });
            return Ok(Samples::Features(Box::new(FeatureViews::new(
                views.collect::<Result<_, _>>()?,
            ))));
        }
        if augment || prefix == 0 {
            let layers = match prefix {
                0 => None,
                _ => Some(Inference::new(network, 0..prefix)?),
            };
            let shape = prefix_shape(&network.layers, prefix, self.dataset.image_size);
            let settings = settings.filter(|_| augment);
            let images = Images::new(split, self.dataset, settings, (layers, shape));
            return Ok(Samples::Images(Box::new(images)));
        }
        let features = self.features(network, prefix, description, name, None)?;
        Ok(Samples::Features(Box::new(FeatureViews::new(vec![features]))))
    }

    /// The features of a split: from those of fewer layers, where a later stage needs these anyway.
    fn features(
        &mut self,
        network: &Network,
        prefix: usize,
        description: &Description,
        name: &str,
        view: Option<(&Augmentation, usize)>,
    ) -> Result<FeatureSet, LearnError> {
        let Some(split) = self.splits.iter().find(|split| split.name == name).cloned() else {
            return Err(LearnError::bug(format!("there is no split `{name}`")));
        };
        let views = view.and_then(|(settings, _)| settings.views).unwrap_or(1);
        let mut extractor = Extractor {
            network,
            prefix,
            dataset: self.dataset,
            cache: self.request.cache.map(|root| (root, description)),
            source: None,
            view,
            resident_bytes: RESIDENT_BYTES / views.max(1),
            interrupt: &self.request.interrupt,
        };
        let shorter = self.shorter(network, prefix);
        let source = match shorter.filter(|_| self.request.cache.is_some() && view.is_none()) {
            Some(layers) if !extractor.has(&split) => {
                let description = self.describe(network, layers)?;
                Some((self.features(network, layers, &description, name, None)?, layers))
            }
            _ => None,
        };
        extractor.source = source.as_ref().map(|(features, layers)| (features, *layers));
        extractor.extract(&split, self.observe)
    }

    /// The shortest prefix whose features a later stage needs, if it is shorter than this one and
    /// none of its layers is trained until then.
    fn shorter(&self, network: &Network, prefix: usize) -> Option<usize> {
        // Rounded features are no place to start from.
        if self.dataset.feature_precision != FeaturePrecision::F32 {
            return None;
        }
        let later = self.request.checked.plan.stage.iter().skip(self.stage);
        let mut shortest = None;
        let mut least = prefix;
        for stage in later {
            let frozen = stage.frozen_prefix(&network.layers);
            least = least.min(frozen);
            if frozen == least && frozen < prefix && frozen > 0 && !stage.augment {
                shortest = Some(frozen);
            }
        }
        shortest
    }
}
