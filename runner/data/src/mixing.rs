//! Two images in one: MixUp (Zhang et al. 2017) and CutMix (Yun et al. 2019).
//!
//! The images of a batch are paired by a random permutation, and the whole batch has one share, as
//! in the papers' code. What is mixed is what the first layer that runs in every epoch sees: images,
//! or, where views are cached, the frozen layers' features of them (Verma et al. 2018).

use runner_experiment::architecture::Shape;
use runner_experiment::plan::Augmentation;

use runner_random::{Key, Purpose, Stream};

/// How a stage mixes.
#[derive(Debug, Clone, Copy)]
pub struct Mixing {
    mixup: Option<f64>,
    cutmix: Option<f64>,
    key: Key,
}

/// How one batch is mixed.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// For each place in the batch, the place of its partner.
    pub partners: Vec<usize>,
    /// The partner's share.
    pub share: f64,
    /// Rows and columns that come from the partner; the whole is mixed where there is none.
    pub region: Option<[std::ops::Range<usize>; 2]>,
}

impl Mixing {
    /// `None` where nothing is to be mixed. `key` has seed, stage and epoch.
    #[must_use]
    pub fn new(settings: &Augmentation, key: Key) -> Option<Self> {
        let Augmentation { mixup, cutmix, .. } = *settings;
        let key = Key { purpose: Purpose::Mix, ..key };
        (mixup.is_some() || cutmix.is_some()).then_some(Self { mixup, cutmix, key })
    }

    /// Draws how the batch that begins with the image at `first` is mixed.
    #[must_use]
    pub fn draw(&self, first: usize, images: usize, shape: Shape) -> Mix {
        let mut stream = Key { sample: first as u64, ..self.key }.stream();
        let partners = stream.permutation(images);
        match (self.mixup, self.cutmix) {
            (Some(alpha), None) => Mix { partners, share: stream.beta(alpha), region: None },
            (None, Some(alpha)) => Mix::cut(partners, alpha, shape, &mut stream),
            (Some(mixup), Some(cutmix)) => match stream.uniform() < 0.5 {
                true => Mix { partners, share: stream.beta(mixup), region: None },
                false => Mix::cut(partners, cutmix, shape, &mut stream),
            },
            (None, None) => Mix { partners, share: 0.0, region: None },
        }
    }
}

impl Mix {
    fn cut(partners: Vec<usize>, alpha: f64, shape: Shape, stream: &mut Stream) -> Self {
        let Shape::Map { height, width, .. } = shape else {
            return Self { partners, share: stream.beta(alpha), region: None };
        };
        // The middle lies anywhere, so that what hangs over the edge is cut off.
        let side = stream.beta(alpha).sqrt();
        let mut along = |length: usize| {
            let half = (side * length as f64 / 2.0).round() as usize;
            let middle = stream.below(length as u64) as usize;
            middle.saturating_sub(half)..(middle + half).min(length)
        };
        let region = [along(height), along(width)];
        let share = (region[0].len() * region[1].len()) as f64 / (height * width) as f64;
        Self { partners, share, region: Some(region) }
    }

    /// Mixes the values of a batch, image by image.
    pub fn apply(&self, values: &mut [f32], shape: Shape) {
        let length = shape.elements();
        let original = values.to_vec();
        let pairs = values.chunks_exact_mut(length).zip(&self.partners);
        for (image, partner) in pairs {
            let other = &original[partner * length..(partner + 1) * length];
            match (&self.region, shape) {
                (Some([rows, columns]), Shape::Map { height, width, .. }) => {
                    let planes = image.chunks_exact_mut(height * width);
                    for (plane, other) in planes.zip(other.chunks_exact(height * width)) {
                        for row in rows.clone() {
                            let place = row * width + columns.start..row * width + columns.end;
                            plane[place.clone()].copy_from_slice(&other[place]);
                        }
                    }
                }
                _ => {
                    let share = self.share as f32;
                    let both = image.iter_mut().zip(other);
                    both.for_each(|(value, other)| *value = *value * (1.0 - share) + other * share);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::Map { height: 2, width: 2, channels: 1 };

    #[test]
    fn mixes_by_hand() {
        let values = [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0];
        let mut mixed = values;
        Mix { partners: vec![1, 0], share: 0.25, region: None }.apply(&mut mixed, SHAPE);
        assert_eq!(mixed, [1.5, 1.5, 1.5, 1.5, 2.5, 2.5, 2.5, 2.5]);
        let mut cut = values;
        let region = Some([0..1, 1..2]);
        Mix { partners: vec![1, 0], share: 0.25, region }.apply(&mut cut, SHAPE);
        assert_eq!(cut, [1.0, 3.0, 1.0, 1.0, 3.0, 1.0, 3.0, 3.0]);
    }

    #[test]
    fn the_share_of_a_cut_is_its_area() {
        let shape = Shape::Map { height: 20, width: 30, channels: 1 };
        let key = Key::new(1, Purpose::Mix);
        let mixing = Mixing { mixup: None, cutmix: Some(1.0), key };
        let mut shares = 0.0;
        for first in 0..500 {
            let mix = mixing.draw(first, 2, shape);
            let mut values = [[0.0; 600], [1.0; 600]].concat();
            let swapped = Mix { partners: vec![1, 0], ..mix };
            swapped.apply(&mut values, shape);
            let sum: f32 = values[..600].iter().sum();
            assert!((f64::from(sum) / 600.0 - swapped.share).abs() < 1e-6);
            shares += swapped.share / 500.0;
        }
        assert!((0.2..0.45).contains(&shares), "{shares}");
    }
}
