//! Colours, as torchvision's `ColorJitter` changes them: a blend of the
//! image with what it would be at factor 0. Grey levels `[height, width, 3]`, 0 to 255.

/// Weights of red, green and blue in the grey of ITU-R BT.601.
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

fn grey(pixel: &[f32; 3]) -> f32 {
    pixel.iter().zip(GREY).map(|(level, weight)| level * weight).sum()
}

fn blend(level: f32, other: f32, factor: f64) -> f32 {
    let factor = factor as f32;
    (level * factor + other * (1.0 - factor)).clamp(0.0, 255.0)
}

/// Factor 0 is the mean grey everywhere.
pub(super) fn contrast(levels: &mut [f32], factor: f64) {
    let pixels = levels.as_chunks::<3>().0;
    let count = pixels.len().max(1) as f64;
    let sum: f64 = pixels.iter().map(|pixel| f64::from(grey(pixel))).sum();
    let mean = (sum / count) as f32;
    levels.iter_mut().for_each(|level| *level = blend(*level, mean, factor));
}

/// Factor 0 is grey.
pub(super) fn saturation(levels: &mut [f32], factor: f64) {
    for pixel in levels.as_chunks_mut::<3>().0 {
        let grey = grey(pixel);
        pixel.iter_mut().for_each(|level| *level = blend(*level, grey, factor));
    }
}

/// Turns every colour by this share of the circle.
pub(super) fn hue(levels: &mut [f32], turn: f64) {
    let turn = turn as f32 * 6.0;
    for pixel in levels.as_chunks_mut::<3>().0 {
        let [r, g, b] = *pixel;
        let (top, low) = (r.max(g).max(b), r.min(g).min(b));
        let chroma = top - low;
        if chroma <= 0.0 {
            continue;
        }
        let sixth = if top == r {
            (g - b) / chroma
        } else if top == g {
            (b - r) / chroma + 2.0
        } else {
            (r - g) / chroma + 4.0
        };
        let hue = (sixth + turn).rem_euclid(6.0);
        // https://en.wikipedia.org/wiki/HSL_and_HSV: f(n) = V - V S max(0, min(k, 4 - k, 1))
        *pixel = [5.0_f32, 3.0, 1.0].map(|n| {
            let k = (n + hue).rem_euclid(6.0);
            top - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: [f32; 6] = [200.0, 100.0, 50.0, 10.0, 20.0, 30.0];

    fn changed(change: impl Fn(&mut [f32])) -> Vec<f32> {
        let mut levels = PIXELS;
        change(&mut levels);
        levels.to_vec()
    }

    fn assert_near(got: &[f32], expected: &[f32]) {
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-3, "{got} and {expected}");
        }
    }

    #[test]
    fn blends_by_hand() {
        // Greys 124.2 and 18.15, mean 71.175.
        assert_near(&changed(|l| contrast(l, 0.5))[..3], &[135.5875, 85.5875, 60.5875]);
        assert_near(&changed(|l| saturation(l, 0.5))[..3], &[162.1, 112.1, 87.1]);
    }

    #[test]
    fn a_third_of_the_circle_moves_the_channels() {
        assert_near(&changed(|l| hue(l, 1.0 / 3.0))[..3], &[50.0, 200.0, 100.0]);
        assert_near(&changed(|l| hue(l, 0.0)), &PIXELS);
        assert_near(&changed(|l| hue(l, -1.0)), &PIXELS);
    }
}
