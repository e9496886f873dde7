//! From pixels to what the network sees: `[3, height, width]`, channel by channel.

use runner_experiment::section::dataset::{CAFFE_MEAN, Preprocessing, TORCH_DEVIATION, TORCH_MEAN};

use runner_record::Pixels;

/// `[height, width, 3]` of RGB bytes to `[3, height, width]` of what `how` says.
#[must_use]
pub fn preprocess(pixels: &Pixels, how: Preprocessing) -> Vec<f32> {
    let rgb: Vec<f32> = pixels.rgb.iter().map(|byte| f32::from(*byte)).collect();
    preprocess_values(&rgb, how)
}

/// As [`preprocess`], from grey levels that need not be whole.
#[must_use]
pub fn preprocess_values(rgb: &[f32], how: Preprocessing) -> Vec<f32> {
    let plane = rgb.len() / 3;
    let mut values = vec![0.0; 3 * plane];
    for (channel, target) in values.chunks_exact_mut(plane.max(1)).enumerate() {
        let source = match how {
            Preprocessing::Caffe => 2 - channel,
            Preprocessing::Rescale
            | Preprocessing::Torchvision
            | Preprocessing::Tensorflow
            | Preprocessing::EfficientnetLite => channel,
        };
        let levels = rgb.iter().skip(source).step_by(3);
        for (value, level) in target.iter_mut().zip(levels) {
            *value = one(*level, channel, how);
        }
    }
    values
}

fn one(byte: f32, channel: usize, how: Preprocessing) -> f32 {
    match how {
        Preprocessing::Rescale => byte / 255.0,
        Preprocessing::Caffe => byte - CAFFE_MEAN[channel],
        Preprocessing::Torchvision => {
            (byte / 255.0 - TORCH_MEAN[channel]) / TORCH_DEVIATION[channel]
        }
        Preprocessing::Tensorflow => byte / 127.5 - 1.0,
        Preprocessing::EfficientnetLite => (byte - 127.0) / 128.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_a_mean_and_a_deviation() {
        let pixels = Pixels { height: 1, width: 1, rgb: vec![255, 3, 51] };
        for how in [
            Preprocessing::Rescale,
            Preprocessing::Caffe,
            Preprocessing::Torchvision,
            Preprocessing::Tensorflow,
            Preprocessing::EfficientnetLite,
        ] {
            let channels = how.channels();
            let mut levels = [255.0, 3.0, 51.0];
            if channels.reversed {
                levels.reverse();
            }
            for (index, found) in preprocess(&pixels, how).into_iter().enumerate() {
                let expected = (levels[index] - channels.mean[index]) / channels.deviation[index];
                assert!((found - expected).abs() < 1e-5, "{how}: {found} and {expected}");
            }
        }
    }

    #[test]
    fn one_pixel_by_hand() {
        let pixels = Pixels { height: 1, width: 1, rgb: vec![255, 0, 51] };
        assert_eq!(preprocess(&pixels, Preprocessing::Rescale), [1.0, 0.0, 0.2]);
        assert_eq!(
            preprocess(&pixels, Preprocessing::Caffe),
            [51.0 - 103.939, -116.779, 255.0 - 123.68]
        );
        let torch = preprocess(&pixels, Preprocessing::Torchvision);
        assert_eq!(preprocess(&pixels, Preprocessing::Tensorflow), [1.0, -1.0, -0.6]);
        assert_eq!(
            preprocess(&pixels, Preprocessing::EfficientnetLite),
            [1.0, -127.0 / 128.0, -0.59375]
        );
        assert!((torch[0] - 2.248_908_3).abs() < 1e-6 && (torch[1] + 2.035_714_4).abs() < 1e-6);
    }
}
