//! Gradient ascent on waves of decorrelated colours (Olah, Mordvintsev & Schubert, "Feature
//! Visualization", Distill 2017; constants as in their `lucid`).
//!
//! A picture is sigmoid(C Re F⁻¹(s z)) · 255: z are complex amplitudes, s makes those of slow waves as
//! heavy as photos have them, C mixes three independent colours as photos do. What climbs is z, by
//! Adam, so that a step moves slow waves as far as fast ones.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::ascent::{Ascent, gradients, moved, roll, take_variation};
use crate::error::ExplainError;
use crate::scene::Scene;
use runner_random::Stream;
use runner_record::Filter;

type Wave = Complex<f32>;

/// How ImageNet's red, green and blue go together: each row is made of three colours.
const COLOURS: [[f32; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]];

/// The longest column of [`COLOURS`], by which it is divided.
const LONGEST: f32 = 0.461_952;

/// Deviation of the amplitudes that a picture begins with: enough for deep filters to answer at all
/// (lucid starts from nearly plain grey, and lets gradients pass where a ReLU is silent).
const START: f32 = 1.0;

/// Adam's.
const BETA: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// The amplitudes of one picture, with Adam's memory.
struct Canvas {
    waves: Vec<Wave>,
    mean: Vec<Wave>,
    square: Vec<Wave>,
}

/// Transforms of one size.
struct Plane {
    size: usize,
    scale: Vec<f32>,
    forward: std::sync::Arc<dyn Fft<f32>>,
    inverse: std::sync::Arc<dyn Fft<f32>>,
}

/// A batch of filters, `ascent.steps` steps each.
pub(super) fn ascend(
    scene: &Scene<'_>,
    layer: usize,
    batch: &[usize],
    (size, ascent): (usize, Ascent),
    streams: &mut [Stream],
) -> Result<Vec<Filter>, ExplainError> {
    let plane = Plane::new(size);
    let mut canvases: Vec<Canvas> =
        streams.iter_mut().map(|stream| Canvas::new(size, stream)).collect();
    let mut losses: Vec<Vec<f64>> = vec![Vec::new(); batch.len()];
    for step in 1..=ascent.steps {
        scene.interrupt.check()?;
        let moves: Vec<[usize; 2]> = streams.iter_mut().map(|s| moved(s, ascent.jitter)).collect();
        let mut images: Vec<Vec<f32>> =
            canvases.iter().map(|canvas| plane.image(&canvas.waves)).collect();
        images.iter_mut().zip(&moves).for_each(|(image, by)| roll(image, size, *by));
        let (current, gradients) = gradients(scene.network, layer, batch, &images.concat(), size)?;
        losses.iter_mut().zip(current).for_each(|(losses, loss)| losses.push(loss));
        let gradients = gradients.chunks_exact(3 * size * size);
        for ((canvas, gradient), (image, [down, right])) in
            canvases.iter_mut().zip(gradients).zip(images.iter_mut().zip(moves))
        {
            let mut gradient = gradient.to_vec();
            take_variation(&mut gradient, image, size, ascent.total_variation);
            let back = [size - down % size, size - right % size];
            roll(&mut gradient, size, back);
            roll(image, size, back);
            canvas.climb(&plane.gradient(&gradient, image), step, ascent.step_size);
        }
    }
    let finished = canvases.iter().map(|canvas| plane.image(&canvas.waves));
    Ok(batch
        .iter()
        .zip(finished.zip(losses))
        .map(|(filter, (image, losses))| Filter { filter: *filter, rgb: levels(&image), losses })
        .collect())
}

/// `[3, size, size]` to `[size, size, 3]`, as it is.
fn levels(image: &[f32]) -> Vec<u8> {
    let area = image.len() / 3;
    let level = |channel: usize, place: usize| image[channel * area + place].round() as u8;
    (0..area).flat_map(|place| [0, 1, 2].map(|channel| level(channel, place))).collect()
}

impl Canvas {
    fn new(size: usize, stream: &mut Stream) -> Self {
        let mut draw = || START * stream.normal() as f32;
        let waves: Vec<Wave> = (0..3 * size * size).map(|_| Wave::new(draw(), draw())).collect();
        let none = vec![Wave::new(0.0, 0.0); waves.len()];
        Self { waves, mean: none.clone(), square: none }
    }

    /// One step of Adam uphill, real and imaginary parts each on their own.
    fn climb(&mut self, gradient: &[Wave], step: usize, rate: f32) {
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let rate = rate * (1.0 - BETA[1].powi(step)).sqrt() / (1.0 - BETA[0].powi(step));
        let memory = self.mean.iter_mut().zip(&mut self.square);
        for ((wave, gradient), (mean, square)) in self.waves.iter_mut().zip(gradient).zip(memory) {
            let up = |value: &mut f32, gradient: f32, mean: &mut f32, square: &mut f32| {
                *mean += (gradient - *mean) * (1.0 - BETA[0]);
                *square += (gradient * gradient - *square) * (1.0 - BETA[1]);
                *value += rate * *mean / (square.sqrt() + EPSILON);
            };
            up(&mut wave.re, gradient.re, &mut mean.re, &mut square.re);
            up(&mut wave.im, gradient.im, &mut mean.im, &mut square.im);
        }
    }
}

impl Plane {
    fn new(size: usize) -> Self {
        let mut planner = FftPlanner::new();
        let side = size as f32;
        let frequency = |place: usize| place.min(size - place) as f32 / side;
        let scale = (0..size * size).map(|place| {
            let (y, x) = (frequency(place / size), frequency(place % size));
            // lucid: √(w h) / max(frequency, 1 / max(w, h)), its inverse transform divided by w h, the
            // whole by 4.
            1.0 / (y * y + x * x).sqrt().max(1.0 / side) / side / 4.0
        });
        Self {
            size,
            scale: scale.collect(),
            forward: planner.plan_fft_forward(size),
            inverse: planner.plan_fft_inverse(size),
        }
    }

    /// Rows, then columns.
    fn transform(&self, fft: &dyn Fft<f32>, plane: &mut [Wave]) {
        plane.chunks_exact_mut(self.size).for_each(|row| fft.process(row));
        self.transpose(plane);
        plane.chunks_exact_mut(self.size).for_each(|row| fft.process(row));
        self.transpose(plane);
    }

    fn transpose(&self, plane: &mut [Wave]) {
        for y in 0..self.size {
            for x in 0..y {
                plane.swap(y * self.size + x, x * self.size + y);
            }
        }
    }

    /// The picture of some amplitudes, `[3, size, size]`, 0 to 255.
    fn image(&self, waves: &[Wave]) -> Vec<f32> {
        let area = self.size * self.size;
        let mut colours = Vec::with_capacity(waves.len());
        for channel in waves.chunks_exact(area) {
            let mut plane: Vec<Wave> =
                channel.iter().zip(&self.scale).map(|(wave, scale)| wave * scale).collect();
            self.transform(&*self.inverse, &mut plane);
            colours.extend(plane.iter().map(|value| value.re));
        }
        let mut image = vec![0.0; waves.len()];
        for place in 0..area {
            for (channel, mix) in COLOURS.iter().enumerate() {
                let sum: f32 = (0..3).map(|c| mix[c] / LONGEST * colours[c * area + place]).sum();
                image[channel * area + place] = 255.0 / (1.0 + (-sum).exp());
            }
        }
        image
    }

    /// From the gradient by the picture to that by the amplitudes.
    fn gradient(&self, by_picture: &[f32], image: &[f32]) -> Vec<Wave> {
        let area = self.size * self.size;
        // Through the sigmoid: 255 σ (1 - σ).
        let inner: Vec<f32> = by_picture
            .iter()
            .zip(image)
            .map(|(gradient, level)| gradient * level * (1.0 - level / 255.0))
            .collect();
        let mut gradient = Vec::with_capacity(by_picture.len());
        for colour in 0..3 {
            let mut plane: Vec<Wave> = (0..area)
                .map(|place| {
                    let mixed = |(channel, mix): (usize, &[f32; 3])| {
                        mix[colour] / LONGEST * inner[channel * area + place]
                    };
                    Wave::new(COLOURS.iter().enumerate().map(mixed).sum(), 0.0)
                })
                .collect();
            // The adjoint of the real part of the inverse transform.
            self.transform(&*self.forward, &mut plane);
            gradient.extend(plane.iter().zip(&self.scale).map(|(wave, scale)| wave * scale));
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_random::{Key, Purpose};

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let plane = Plane::new(6);
        let mut canvas = Canvas::new(6, &mut Key::new(3, Purpose::Picture).stream());
        canvas.waves.iter_mut().for_each(|wave| *wave *= 100.0);
        // The score: a weighted sum of the picture.
        let weights: Vec<f32> =
            (0..108).map(|place| ((place * 7 % 13) as f32 - 6.0) / 6.0).collect();
        let score = |waves: &[Wave]| -> f64 {
            let image = plane.image(waves);
            image.iter().zip(&weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let gradient = plane.gradient(&weights, &plane.image(&canvas.waves));
        for place in [0, 1, 8, 21, 40, 77, 107] {
            for imaginary in [false, true] {
                let moved = |by: f32| {
                    let mut waves = canvas.waves.clone();
                    let part = if imaginary { &mut waves[place].im } else { &mut waves[place].re };
                    *part += by;
                    score(&waves)
                };
                let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let found = if imaginary { gradient[place].im } else { gradient[place].re };
                let off = (f64::from(found) - numeric).abs();
                assert!(off < 2e-2 * (1.0 + numeric.abs()), "{place}: {found} and {numeric}");
            }
        }
    }

    #[test]
    fn the_longest_column_is_that_of_the_colours() {
        let length =
            |column: usize| COLOURS.iter().map(|row| row[column].powi(2)).sum::<f32>().sqrt();
        let longest = (0..3).map(length).fold(0.0, f32::max);
        assert!((longest - LONGEST).abs() < 1e-5, "{longest}");
    }
}
