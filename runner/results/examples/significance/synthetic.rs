//! A model with known effects of seeds, images and both: how often equal settings are told apart.
//!
//! A seed is right on an image where ability + ease of the image + effect of the setting on the image +
//! effect of the seed + effect of both is above zero; all are normal, and no setting is better.

use runner_random::{Key, Purpose, Stream};
use runner_results::significance::{Outcome, compare};

/// Pairs of groups for one number; its standard error at 5 % is 0.2 points.
const PAIRS: u64 = 10_000;
const IMAGES: [usize; 2] = [200, 1_000];
/// Of A and of B.
const SEEDS: [[usize; 2]; 6] = [[2, 2], [3, 3], [5, 5], [10, 10], [2, 5], [1, 5]];
/// Of a seed with an image, where the ease of images has deviation 1.
const BOTH: f64 = 0.4;
/// Accuracy of about 89 %.
const ABILITY: f64 = 1.23;

/// Prints one line for each pair of effects.
pub fn print() {
    println!("\nsynthetic settings without a difference, 10,000 pairs: either one better");
    for images in IMAGES {
        println!("  {images} images");
        print_for(images);
    }
}

fn print_for(images: usize) {
    for (seed, setting) in
        [(0.0, 0.0), (0.03, 0.0), (0.1, 0.0), (0.0, 0.4), (0.05, 0.4), (0.1, 0.8)]
    {
        let rates: Vec<String> = SEEDS
            .into_iter()
            .map(|seeds| {
                let rate = 100.0 * rate(images, seeds, seed, setting);
                format!("{} and {} seeds {rate:.1} %", seeds[0], seeds[1])
            })
            .collect();
        println!(
            "    effect of seeds {seed}, of settings on images {setting}: {}",
            rates.join(", ")
        );
    }
}

fn rate(images: usize, seeds: [usize; 2], seed_effect: f64, setting_effect: f64) -> f64 {
    let told = |pair: u64| {
        let key = Key { sample: pair, ..Key::new(seeds[0] as u64, Purpose::Resample) };
        let mut stream = key.stream();
        let ease: Vec<f64> = (0..images).map(|_| stream.normal()).collect();
        let a = side(&mut stream, &ease, seeds[0], seed_effect, setting_effect);
        let b = side(&mut stream, &ease, seeds[1], seed_effect, setting_effect);
        compare(&a, &b, None).is_some_and(|found| found.outcome() != Outcome::CannotTell)
    };
    (0..PAIRS).filter(|pair| told(*pair)).count() as f64 / PAIRS as f64
}

fn side(
    stream: &mut Stream,
    ease: &[f64],
    seeds: usize,
    seed_effect: f64,
    setting_effect: f64,
) -> Vec<Vec<bool>> {
    let scale = (1.0 + BOTH * BOTH + seed_effect.powi(2) + setting_effect.powi(2)).sqrt();
    let images: Vec<f64> =
        ease.iter().map(|ease| scale * ABILITY + ease + setting_effect * stream.normal()).collect();
    (0..seeds)
        .map(|_| {
            let seed = scale * seed_effect * stream.normal();
            images.iter().map(|image| image + seed + BOTH * stream.normal() > 0.0).collect()
        })
        .collect()
}
