//! torchvision's `RandomResizedCrop`.

use runner_random::Stream;

/// Nothing cut away.
pub(super) const WHOLE: [f64; 4] = [0.0, 0.0, 1.0, 1.0];

/// How often a crop is drawn before the middle of the image is shown.
const ATTEMPTS: usize = 10;

/// The narrowest and the widest crop: width by height.
const RATIOS: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];

/// torchvision's `RandomResizedCrop`: an area between these shares, 3:4 to 4:3, anywhere.
pub(super) fn crop(shares: [f64; 2], size: [usize; 2], stream: &mut Stream) -> [f64; 4] {
    let [height, width] = size.map(|side| side as f64);
    for _ in 0..ATTEMPTS {
        let area = stream.between(shares) * height * width;
        let ratio = stream.between(RATIOS.map(f64::ln)).exp();
        let (tall, wide) = ((area / ratio).sqrt() / height, (area * ratio).sqrt() / width);
        if tall <= 1.0 && wide <= 1.0 {
            let (top, left) =
                (stream.between([0.0, 1.0 - tall]), stream.between([0.0, 1.0 - wide]));
            return [top, left, tall, wide];
        }
    }
    central(height, width)
}

/// Where no crop fits, the largest in the middle with the nearest of the ratios, in whole pixels.
fn central(height: f64, width: f64) -> [f64; 4] {
    let ratio = width / height;
    let (tall, wide) = if ratio < RATIOS[0] {
        ((width / RATIOS[0]).round_ties_even(), width)
    } else if ratio > RATIOS[1] {
        (height, (height * RATIOS[1]).round_ties_even())
    } else {
        return WHOLE;
    };
    let (top, left) = (((height - tall) / 2.0).floor(), ((width - wide) / 2.0).floor());
    [top / height, left / width, tall / height, wide / width]
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_random::{Key, Purpose};

    #[test]
    fn where_no_crop_fits_it_is_torchvisions_central_one() {
        // torchvision 0.29.2, RandomResizedCrop.get_params with scale (2, 3): top, left, height,
        // width.
        let cases = [
            ([40, 200], [0.0, 73.0, 40.0, 53.0]),
            ([200, 40], [73.0, 0.0, 53.0, 40.0]),
            ([100, 110], [0.0, 0.0, 100.0, 110.0]),
            ([41, 200], [0.0, 72.0, 41.0, 55.0]),
            ([31, 20], [2.0, 0.0, 27.0, 20.0]),
            ([33, 9], [10.0, 0.0, 12.0, 9.0]),
        ];
        for (size, expected) in cases {
            let mut stream = Key::new(1, Purpose::Augment).stream();
            let [top, left, tall, wide] = crop([2.0, 3.0], size, &mut stream);
            let [height, width] = size.map(|side| side as f64);
            let found = [top * height, left * width, tall * height, wide * width].map(f64::round);
            assert_eq!(found, expected, "{size:?}");
        }
    }
}
