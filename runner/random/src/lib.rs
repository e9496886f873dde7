//! Random numbers as a function of what they are for, never of when they are drawn.
//!
//! Every draw starts a ChaCha8 stream keyed by BLAKE3 of (seed, purpose, stage, epoch, sample).
//! Two draws with one key are equal on every machine and thread, so an epoch can be replayed.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use rand_distr::Distribution;

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// First values of a layer's kernel.
    Initialise,
    /// The order of the training images in an epoch.
    Shuffle,
    /// Which units are dropped for a sample.
    Dropout,
    /// Pictures of a generated data set.
    Generate,
    /// How a training image is changed in an epoch.
    Augment,
    /// How the images of a batch are mixed.
    Mix,
    /// How an image is changed in one of its cached views.
    View,
    /// Noise that a picture starts with.
    Picture,
    /// Which runs and images a test of significance is tried on.
    Resample,
    /// Which part of the images an image is in, where each part in turn is left out.
    Fold,
}

/// The key of a stream; what does not apply stays 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `experiment.seed`
    pub seed: u64,
    /// What the stream is for.
    pub purpose: Purpose,
    /// 0-based stage.
    pub stage: u64,
    /// 0-based epoch within the stage.
    pub epoch: u64,
    /// Index of the sample in its split.
    pub sample: u64,
    /// Index of the layer.
    pub layer: u64,
}

impl Key {
    /// A key with everything but seed and purpose at 0.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self { seed, purpose, stage: 0, epoch: 0, sample: 0, layer: 0 }
    }

    /// The stream of this key, at its start.
    #[must_use]
    pub fn stream(self) -> Stream {
        Stream(ChaCha8Rng::from_seed(self.seed_of_stream()))
    }

    /// What the stream of this key is seeded with, for those who draw it elsewhere.
    #[must_use]
    pub fn seed_of_stream(self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let parts =
            [self.seed, self.purpose as u64, self.stage, self.epoch, self.sample, self.layer];
        for part in parts {
            hasher.update(&part.to_le_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// Values that are drawn at a time.
const CHUNK: usize = 256;

/// A stream of random numbers.
#[derive(Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Uniform in [0, 1), 24 random bits.
    pub fn uniform(&mut self) -> f32 {
        let bits = (self.0.next_u32() >> 8) as f32;
        bits / 16_777_216.0
    }

    /// As many values of [`uniform`](Self::uniform) as there is room for: the same ones, faster.
    pub fn fill_uniform(&mut self, values: &mut [f32]) {
        let mut bytes = [0; 4 * CHUNK];
        for chunk in values.chunks_mut(CHUNK) {
            let bytes = &mut bytes[..4 * chunk.len()];
            self.0.fill_bytes(bytes);
            for (value, word) in chunk.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = (u32::from_le_bytes(*word) >> 8) as f32 / 16_777_216.0;
            }
        }
    }

    /// Uniform below `bound` without bias (Lemire 2019), `bound` at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            let (high, low) = ((product >> 64) as u64, product as u64);
            if low >= bound.wrapping_neg() % bound {
                return high;
            }
        }
    }

    /// Uniform between `low` and `high`; `low` where they are the same.
    pub fn between(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * f64::from(self.uniform())
    }

    /// Beta(α, α): around a half for a large α, near 0 or 1 for a small one.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        // Every α > 0 makes a distribution.
        rand_distr::Beta::new(alpha, alpha).map_or(0.5, |beta| beta.sample(&mut self.0))
    }

    /// Normal with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        rand_distr::StandardNormal.sample(&mut self.0)
    }

    /// 0 to `length - 1` in random order (Fisher-Yates).
    pub fn permutation(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for index in (1..length).rev() {
            let other = self.below(index as u64 + 1) as usize;
            order.swap(index, other);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_its_key_alone() {
        let key = Key::new(42, Purpose::Shuffle);
        assert_eq!(key.stream().permutation(50), key.stream().permutation(50));
        let next = Key { epoch: 1, ..key };
        assert_ne!(key.stream().permutation(50), next.stream().permutation(50));
    }

    #[test]
    fn many_at_a_time_are_the_same_values() {
        let key = Key::new(7, Purpose::Dropout);
        for length in [0, 1, 255, 256, 257, 1000] {
            let mut stream = key.stream();
            let one_by_one: Vec<f32> = (0..length + 3).map(|_| stream.uniform()).collect();
            let (mut stream, mut filled) = (key.stream(), vec![0.0; length]);
            stream.fill_uniform(&mut filled);
            filled.extend((0..3).map(|_| stream.uniform()));
            assert_eq!(filled, one_by_one, "{length}");
        }
    }

    #[test]
    fn permutations_hold_every_index_once_and_uniforms_stay_below_one() {
        let mut stream = Key::new(7, Purpose::Dropout).stream();
        let mut order = stream.permutation(1000);
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(expected, index)| expected == *index));
        let draws: Vec<f32> = (0..10_000).map(|_| stream.uniform()).collect();
        let mean = draws.iter().sum::<f32>() / 10_000.0;
        assert!(draws.iter().all(|x| (0.0..1.0).contains(x)));
        assert!((mean - 0.5).abs() < 0.01, "three standard errors are 0.009, mean is {mean}");
    }
}
