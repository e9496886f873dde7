//! Decoding and resizing against Pillow.

use runner_data::{decode, preprocess, resize};
use runner_experiment::section::dataset::Preprocessing;

use crate::support::fixtures::{self, Reference};

#[test]
fn parity_decode_and_resize_are_pillows() {
    let Some(folder) = fixtures::folder("images") else {
        return;
    };
    for file in ["activations.safetensors", "finetune_block5.safetensors"] {
        let reference = Reference::open(&folder, file);
        let [_, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
        let pictures = reference.bytes("images");
        for (name, expected) in
            reference.list("images").iter().zip(pictures.chunks_exact(height * width * 3))
        {
            let bytes = decode::read(&fixtures::photos(&folder).join(name)).unwrap();
            let pixels = resize::resize(decode::decode(&bytes).unwrap(), [height, width]).unwrap();
            let worst = pixels.rgb.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert_eq!(worst, Some(0), "{name} differs by so many grey levels");
        }
    }
}

#[test]
fn parity_caffe_input_is_keras_preprocess_input() {
    let Some(folder) = fixtures::folder("caffe_input") else {
        return;
    };
    let reference = Reference::open(&folder, "activations.safetensors");
    let [images, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let pictures = reference.bytes("images");
    let expected = reference.floats("caffe_input");
    let (area, mut compared) = (height * width, 0);
    for (image, rgb) in pictures.chunks_exact(area * 3).enumerate() {
        let pixels = runner_record::Pixels { height, width, rgb: rgb.to_vec() };
        let ours = preprocess::preprocess(&pixels, Preprocessing::Caffe);
        for pixel in 0..area {
            for channel in 0..3 {
                let theirs = expected[(image * area + pixel) * 3 + channel];
                assert!((ours[channel * area + pixel] - theirs).abs() < 1e-4);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, images * area * 3);
}
