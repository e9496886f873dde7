//! RandAugment (Cubuk et al. 2019) as `torchvision.transforms.RandAugment` has it: its fourteen
//! operations and strengths, nearest neighbours, black where the image does not reach.

use runner_experiment::plan::RandAugment;

use super::pillow;
use runner_random::Stream;
use runner_record::Pixels;

/// What can be drawn.
const OPERATIONS: [Operation; 14] = [
    Operation::Identity,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Colour,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::AutoContrast,
    Operation::Equalize,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Colour,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

/// One operation that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    operation: Operation,
    magnitude: f64,
    sign: f64,
}

/// As many operations as the rule says.
pub(super) fn draw(rule: RandAugment, stream: &mut Stream) -> Vec<Step> {
    let one = |_| {
        let operation = OPERATIONS[stream.below(OPERATIONS.len() as u64) as usize];
        let sign = if stream.uniform() < 0.5 { -1.0 } else { 1.0 };
        Step { operation, magnitude: rule.magnitude, sign }
    };
    (0..rule.operations).map(one).collect()
}

/// One operation after the other.
pub(super) fn apply(pixels: &Pixels, steps: &[Step]) -> Pixels {
    steps.iter().fold(pixels.clone(), |pixels, step| {
        operate(&pixels, step.operation, step.magnitude, step.sign)
    })
}

/// `magnitude` is from 0 to 30; `sign` counts where both ways make sense.
fn operate(pixels: &Pixels, operation: Operation, magnitude: f64, sign: f64) -> Pixels {
    let shear = sign * 0.3 * magnitude / 30.0;
    // Whole pixels: 150 of 331 at the most.
    let shift = |length: usize| sign * (150.0 * length as f64 * magnitude / 9930.0).trunc();
    let factor = (1.0 + sign * f64::from((0.9 * magnitude / 30.0) as f32)) as f32;
    let moved = |x: f64, y: f64| pillow::transform(pixels, [[1.0, 0.0, -x], [0.0, 1.0, -y]]);
    match operation {
        Operation::Identity => pixels.clone(),
        // About the top left corner, as in torchvision and in AutoAugment.
        Operation::ShearX => pillow::transform(pixels, [[1.0, shear, 0.0], [0.0, 1.0, 0.0]]),
        Operation::ShearY => pillow::transform(pixels, [[1.0, 0.0, 0.0], [shear, 1.0, 0.0]]),
        Operation::TranslateX => moved(shift(pixels.width), 0.0),
        Operation::TranslateY => moved(0.0, shift(pixels.height)),
        Operation::Rotate => pillow::rotate(pixels, sign * magnitude),
        Operation::Brightness => pillow::brightness(pixels, factor),
        Operation::Colour => pillow::colour(pixels, factor),
        Operation::Contrast => pillow::contrast(pixels, factor),
        Operation::Sharpness => pillow::sharpness(pixels, factor),
        Operation::Posterize => pillow::posterize(pixels, 8 - (magnitude / 7.5).round() as u32),
        Operation::Solarize => pillow::solarize(pixels, 255.0 - 8.5 * magnitude),
        Operation::AutoContrast => pillow::auto_contrast(pixels),
        Operation::Equalize => pillow::equalize(pixels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Pixels {
        Pixels { height: 1, width: 331, rgb: (0..331).flat_map(|x| [(x % 256) as u8; 3]).collect() }
    }

    #[test]
    fn strengths_are_torchvisions() {
        let shown = |operation, magnitude, sign, x: usize| {
            operate(&ramp(), operation, magnitude, sign).rgb[3 * x]
        };
        // Magnitude 11 of 331 columns: 55 to the right; then 55 to the left, and black.
        assert_eq!(shown(Operation::TranslateX, 11.0, 1.0, 60), 5);
        assert_eq!(shown(Operation::TranslateX, 11.0, -1.0, 60), 115);
        assert_eq!(shown(Operation::TranslateX, 11.0, 1.0, 54), 0);
        // Magnitude 9: a threshold of 178.5, seven bits, a factor of 1.27 or 0.73.
        assert_eq!([178, 179].map(|x| shown(Operation::Solarize, 9.0, 1.0, x)), [178, 76]);
        assert_eq!(shown(Operation::Posterize, 9.0, 1.0, 101), 100);
        assert_eq!(shown(Operation::Brightness, 9.0, 1.0, 100), 127);
        assert_eq!(shown(Operation::Brightness, 9.0, -1.0, 100), 73);
        assert_eq!(operate(&ramp(), Operation::Rotate, 0.0, 1.0), ramp());
    }
}
