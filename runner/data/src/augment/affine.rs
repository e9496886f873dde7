//! One affine warp with bilinear sampling, as `scipy.ndimage.affine_transform(order=1)` does it.

use runner_experiment::section::augmentation::Fill;
use runner_record::Pixels;

/// The image behind an affine map: `matrix` leads from a pixel of the result, as x, y, 1, to the
/// place that it shows. Grey levels `[height, width, 3]`.
pub(super) fn affine(pixels: &Pixels, matrix: [[f64; 3]; 2], fill: Fill) -> Vec<f32> {
    let mut rgb = Vec::with_capacity(pixels.rgb.len());
    for y in 0..pixels.height {
        for x in 0..pixels.width {
            let point = matrix.map(|row| row[0] * x as f64 + row[1] * y as f64 + row[2]);
            rgb.extend(sample(pixels, point, fill));
        }
    }
    rgb
}

/// The image at a place between its pixels.
fn sample(pixels: &Pixels, [x, y]: [f64; 2], fill: Fill) -> [f32; 3] {
    let (Some(rows), Some(columns)) =
        (neighbours(y, pixels.height, fill), neighbours(x, pixels.width, fill))
    else {
        return [0.0; 3];
    };
    let mut sum = [0.0; 3];
    for (row, down) in rows {
        for (column, right) in columns {
            let start = (row * pixels.width + column) * 3;
            let weight = (down * right) as f32;
            for (sum, byte) in sum.iter_mut().zip(&pixels.rgb[start..start + 3]) {
                *sum += weight * f32::from(*byte);
            }
        }
    }
    sum
}

/// The two pixels around a place on a line, with their weights; `None` where it shows nothing.
fn neighbours(place: f64, length: usize, fill: Fill) -> Option<[(usize, f64); 2]> {
    let last = (length - 1) as f64;
    let place = match fill {
        Fill::Constant if !(0.0..=last).contains(&place) => return None,
        // The first and the last pixel are one, as in SciPy's `wrap`.
        Fill::Wrap if last > 0.0 && !(0.0..=last).contains(&place) => place.rem_euclid(last),
        _ => place,
    };
    let (first, weight) = (place.floor(), place - place.floor());
    let inside = |index: i64| {
        let length = length as i64;
        let index = match fill {
            Fill::Reflect => {
                let index = index.rem_euclid(2 * length);
                index.min(2 * length - 1 - index)
            }
            _ => index.clamp(0, length - 1),
        };
        index as usize
    };
    let first = first as i64;
    Some([(inside(first), 1.0 - weight), (inside(first + 1), weight)])
}
