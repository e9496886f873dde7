//! Images on the card against the CPU's, which are the reference.

use std::io::Write;

use runner_data::augment::Recipe;
use runner_data::mixing::{Mix, Mixing};
use runner_data::preprocess::preprocess_values;
use runner_data::{decode, resize};
use runner_experiment::architecture::Shape;
use runner_experiment::plan::{Augmentation, RandAugment};
use runner_experiment::section::augmentation::Fill;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::run::DeviceName;
use runner_random::{Key, Purpose};
use runner_record::Pixels;

use super::{ImagePipeline, ResidentImages};
use crate::device::{self, Compute};
use crate::inference;

/// A graphics card, or a program that acts as one; says so where there is none.
fn card(test: &str) -> Option<Compute> {
    let found = device::select(DeviceName::Vulkan(None))
        .or_else(|_| device::select(DeviceName::Cuda(None)));
    if found.is_err() {
        writeln!(std::io::stderr(), "{test}: skipped, no GPU answers").unwrap();
    }
    found.ok()
}

/// Noise, white, a ramp, a black and white edge, and photos where the reference data are at hand.
fn pictures([height, width]: [usize; 2]) -> Vec<Pixels> {
    let mut stream = Key::new(3, Purpose::Generate).stream();
    let picture = |rgb: Vec<u8>| Pixels { height, width, rgb };
    let each = |level: &dyn Fn(usize, usize) -> [u8; 3]| {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        picture(places.flat_map(|(x, y)| level(x, y)).collect())
    };
    let mut pictures = vec![
        picture((0..height * width * 3).map(|_| stream.below(256) as u8).collect()),
        each(&|_, _| [255; 3]),
        each(&|x, y| [(3 * x) as u8, (5 * y) as u8, (x * y) as u8]),
        each(&|x, _| [if x * 2 < width { 0 } else { 255 }; 3]),
    ];
    pictures.extend(photos([height, width]));
    pictures
}

fn photos(size: [usize; 2]) -> Vec<Pixels> {
    let Some(fixtures) = std::env::var_os("RUNNER_FIXTURES") else { return Vec::new() };
    let folder = std::path::Path::new(&fixtures).join("data/cats_and_dogs_small/validation/cats");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let photo = |path: &std::path::PathBuf| {
        let pixels = decode::decode(&decode::read(path).unwrap()).unwrap();
        resize::resize(pixels, size).unwrap()
    };
    files.iter().take(6).map(photo).collect()
}

/// Fifty draws for the pictures in turn.
fn drawn(settings: &Augmentation, size: [usize; 2], pictures: &[Pixels]) -> Vec<(Recipe, Pixels)> {
    let draw = |sample: usize| {
        let key = Key { sample: sample as u64, ..Key::new(11, Purpose::Augment) };
        let recipe = Recipe::draw(settings, size, &mut key.stream());
        let pixels = recipe.prepare(&pictures[sample % pictures.len()]).into_owned();
        (recipe, pixels)
    };
    (0..50).map(draw).collect()
}

/// From `[3, height, width]` to `[height, width, 3]`.
fn interleaved(planes: &[f32]) -> Vec<f32> {
    let area = planes.len() / 3;
    (0..planes.len()).map(|index| planes[index % 3 * area + index / 3]).collect()
}

/// The largest difference of a grey level, over all draws, between the card and the CPU.
fn difference(settings: &Augmentation, size: [usize; 2], compute: &Compute) -> f32 {
    let pictures = pictures(size);
    let drawn = drawn(settings, size, &pictures);
    let mut pipeline = ImagePipeline::new(size, Preprocessing::Rescale, Some(settings), compute);
    pipeline.work.preprocessing = None;
    let bytes = drawn.iter().flat_map(|(_, pixels)| pixels.rgb.clone()).collect();
    let recipes: Vec<Recipe> = drawn.iter().map(|(recipe, _)| recipe.clone()).collect();
    let card = inference::values(pipeline.batch(bytes, &recipes, None).unwrap()).unwrap();
    let mut most = 0.0_f32;
    for (index, (image, recipe)) in
        card.chunks_exact(size[0] * size[1] * 3).zip(&recipes).enumerate()
    {
        let expected = recipe.apply(&pictures[index % pictures.len()]);
        for (place, (got, expected)) in interleaved(image).iter().zip(expected).enumerate() {
            let difference = (got - expected).abs();
            assert!(
                difference <= 1.0,
                "draw {index}, value {place}: {got} and {expected}, {settings:?}"
            );
            most = most.max(difference);
        }
    }
    most
}

const NONE: fn() -> Augmentation = Augmentation::default;

/// What the CPU computes bit for bit the same: all that moves pixels, and levels as bytes.
fn exact() -> Vec<Augmentation> {
    let turned = Augmentation {
        rotation: 40.0,
        width_shift: 0.2,
        height_shift: 0.2,
        shear: 20.0,
        zoom: [0.7, 1.4],
        ..NONE()
    };
    let filled = |fill| Augmentation { fill, ..turned.clone() };
    vec![
        NONE(),
        Augmentation { rotation: 90.0, ..NONE() },
        Augmentation { width_shift: 0.3, ..NONE() },
        Augmentation { height_shift: 0.3, ..NONE() },
        Augmentation { shear: 30.0, ..NONE() },
        Augmentation { zoom: [0.5, 1.5], ..NONE() },
        Augmentation { horizontal_flip: true, ..NONE() },
        Augmentation { vertical_flip: true, ..NONE() },
        Augmentation { brightness: Some([0.3, 3.0]), ..NONE() },
        Augmentation { channel_shift: 60.0, ..NONE() },
        Augmentation { random_resized_crop: Some([0.1, 1.0]), ..NONE() },
        Augmentation { randaugment: Some(RandAugment { operations: 2, magnitude: 9.0 }), ..NONE() },
        filled(Fill::Nearest),
        filled(Fill::Constant),
        filled(Fill::Reflect),
        filled(Fill::Wrap),
        Augmentation {
            horizontal_flip: true,
            vertical_flip: true,
            brightness: Some([0.5, 2.0]),
            channel_shift: 40.0,
            random_resized_crop: Some([0.3, 1.0]),
            ..filled(Fill::Nearest)
        },
    ]
}

/// Everything at once.
fn everything() -> Augmentation {
    Augmentation {
        contrast: Some([0.5, 1.5]),
        saturation: Some([0.5, 1.5]),
        hue: 0.3,
        erasing: 0.7,
        randaugment: Some(RandAugment { operations: 2, magnitude: 9.0 }),
        ..exact().pop().unwrap_or_default()
    }
}

#[test]
fn warps_flips_and_bytes_are_the_cpus_bit_for_bit() {
    let Some(compute) = card("images on the card") else { return };
    for settings in exact() {
        for size in [[32, 32], [37, 51]] {
            assert_eq!(difference(&settings, size, &compute), 0.0, "{settings:?}");
        }
    }
    let turned = Augmentation { rotation: 40.0, brightness: Some([0.5, 2.0]), ..NONE() };
    assert_eq!(difference(&turned, [64, 64], &compute), 0.0);
}

#[test]
fn colours_differ_from_the_cpus_by_far_less_than_a_level() {
    let Some(compute) = card("colours on the card") else { return };
    let each = [
        Augmentation { contrast: Some([0.2, 2.0]), ..NONE() },
        Augmentation { saturation: Some([0.0, 3.0]), ..NONE() },
        Augmentation { hue: 0.5, ..NONE() },
        Augmentation { erasing: 1.0, ..NONE() },
        everything(),
    ];
    for settings in each {
        for size in [[32, 32], [37, 51]] {
            let most = difference(&settings, size, &compute);
            assert!(most < 0.01, "{most}, {settings:?}");
        }
    }
}

/// The CPU's batch as the network sees it.
fn reference(
    drawn: &[(Recipe, Pixels)],
    pictures: &[Pixels],
    how: Preprocessing,
    mix: Option<&Mix>,
    shape: Shape,
) -> Vec<f32> {
    let images = drawn.iter().enumerate().map(|(index, (recipe, _))| {
        preprocess_values(&recipe.apply(&pictures[index % pictures.len()]), how)
    });
    let mut values: Vec<f32> = images.flatten().collect();
    if let Some(mix) = mix {
        mix.apply(&mut values, shape);
    }
    values
}

#[test]
fn every_preprocessing_and_both_ways_of_mixing() {
    let Some(compute) = card("mixing on the card") else { return };
    let size = [32, 40];
    let shape = Shape::Map { height: 32, width: 40, channels: 3 };
    let settings = everything();
    let pictures = pictures(size);
    let drawn = &drawn(&settings, size, &pictures)[..9];
    let recipes: Vec<Recipe> = drawn.iter().map(|(recipe, _)| recipe.clone()).collect();
    let bytes: Vec<u8> = drawn.iter().flat_map(|(_, pixels)| pixels.rgb.clone()).collect();
    let mixing = [
        Augmentation::default(),
        Augmentation { mixup: Some(0.8), ..NONE() },
        Augmentation { cutmix: Some(1.0), ..NONE() },
    ];
    for (how, scale) in [
        (Preprocessing::Rescale, 255.0),
        (Preprocessing::Caffe, 1.0),
        (Preprocessing::Torchvision, 255.0 * 0.225),
        (Preprocessing::Tensorflow, 127.5),
        (Preprocessing::EfficientnetLite, 128.0),
    ] {
        let pipeline = ImagePipeline::new(size, how, Some(&settings), &compute);
        for mixing in &mixing {
            let mixing = Mixing::new(mixing, Key::new(5, Purpose::Mix));
            let mix = mixing.map(|mixing| mixing.draw(0, drawn.len(), shape));
            let got = pipeline.batch(bytes.clone(), &recipes, mix.as_ref()).unwrap();
            let got = inference::values(got).unwrap();
            let expected = reference(drawn, &pictures, how, mix.as_ref(), shape);
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() * scale < 0.01, "{how:?}: {got} and {expected}");
            }
        }
    }
}

#[test]
fn images_that_stay_on_the_card_give_the_same_batches() {
    let Some(compute) = card("images that stay on the card") else { return };
    // 37 × 51 × 3 is not a multiple of four.
    let size = [37, 51];
    let settings = Augmentation { rotation: 30.0, erasing: 0.5, ..NONE() };
    let pictures = pictures(size);
    let drawn = drawn(&settings, size, &pictures);
    let pipeline = ImagePipeline::new(size, Preprocessing::Caffe, Some(&settings), &compute);
    let mut resident = ResidentImages::new(pipeline.clone(), [50; 2]).unwrap();
    let order = [7, 0, 49, 3, 3];
    let recipes: Vec<Recipe> = order.iter().map(|index| drawn[*index].0.clone()).collect();
    assert!(resident.batch(&order, &recipes, None).is_err(), "nothing is there");
    let bytes = |indices: &[usize]| -> Vec<u8> {
        indices.iter().flat_map(|index| drawn[*index].1.rgb.clone()).collect()
    };
    for new in [vec![3, 49], vec![0, 7]] {
        resident.put(&new, bytes(&new)).unwrap();
    }
    assert!(resident.has(49) && !resident.has(1));
    let values = |flow| inference::values(flow).unwrap();
    let there = values(resident.batch(&order, &recipes, None).unwrap());
    let sent = values(pipeline.batch(bytes(&order), &recipes, None).unwrap());
    assert_eq!(there, sent);
    assert!(resident.put(&[50], bytes(&[0])).is_err(), "there are 50");
    assert!(resident.put(&[1], vec![0; 5]).is_err(), "too few bytes");
    assert!(ResidentImages::new(pipeline, [1, 1 << 20]).is_none(), "more than 1 GiB");
}
