//! The whole way from photo files to features, against Keras's.

use runner_data::Interrupt;
use runner_data::scan::scan;
use runner_experiment::listing::{Listed, Split, Target};
use runner_experiment::plan::Dataset;
use runner_experiment::section::dataset::{FeaturePrecision, OnBadImage, Preprocessing};
use runner_learn::features::{Extractor, RESIDENT_BYTES};
use runner_network::Flow;
use runner_network::parameter::read;

use super::activations::base;
use crate::support::fixtures::{self, Reference};

/// How many of the reference's photos are looked at.
const PHOTOS: usize = 12;

/// As the reference reads its photos.
fn dataset() -> Dataset {
    Dataset {
        image_size: [150, 150],
        preprocessing: Preprocessing::Rescale,
        on_bad_image: OnBadImage::Fail,
        feature_precision: FeaturePrecision::F32,
        ..Dataset::default()
    }
}

#[test]
fn parity_features_of_photos_within_one_percent_of_the_largest() {
    let Some(folder) = fixtures::folder("features") else {
        return;
    };
    let reference = Reference::open(&folder, "head_training.safetensors");
    let length = reference.shape("features")[1];
    let expected = reference.floats("features");
    let photos = fixtures::photos(&folder);
    let files: Vec<_> =
        reference.list("images").iter().take(PHOTOS).map(|name| photos.join(name)).collect();
    let images = files.iter().map(|path| Listed::new(path.clone(), Target::Class(0))).collect();
    let classes = vec!["any".to_owned()];
    let split = Split { name: "train", folder: String::new(), classes, images };
    let interrupt = Interrupt::default();
    let scanned = scan(&[split], &interrupt, &mut |_| {}).unwrap().remove(0);
    let network = base(&folder, [150, 150]);
    let dataset = dataset();
    let (prefix, cache) = (network.layers.len(), None);
    let extractor = Extractor {
        network: &network,
        prefix,
        dataset: &dataset,
        cache,
        source: None,
        view: None,
        resident_bytes: RESIDENT_BYTES,
        interrupt: &interrupt,
    };
    let features = extractor.extract(&scanned, &mut |_| {}).unwrap();
    // In the reference's order.
    let place = |file| features.paths.iter().position(|path| path == file).unwrap();
    let all: Vec<usize> = files.iter().map(place).collect();
    let values = features.gather(&all).unwrap();
    let Flow::Map(map) = Flow::batch(values, PHOTOS, features.shape, &network.compute) else {
        panic!("a feature map")
    };
    let ours = read(map.permute([0, 2, 3, 1])).unwrap();
    let theirs = &expected[..PHOTOS * length];
    let largest = theirs.iter().fold(0.0_f32, |m, v| m.max(*v));
    let worst = ours.iter().zip(theirs).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    println!("largest difference {worst:e} of {largest:e}");
    assert!(worst < 0.01 * largest);
}
