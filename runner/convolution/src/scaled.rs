//! Filters times a factor for each output, as a normalization behind a convolution has them, and the
//! gradients of both.

use rayon::prelude::*;

use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::values::WIDTH;

/// Writes `kernel`, `[out, …]`, times `scale`, `[out]`, to `out`.
///
/// # Panics
///
/// Where a slice is shorter than the others say.
pub fn scaled(kernel: &[f32], scale: &[f32], out: &mut [f32]) {
    let row = kernel.len() / scale.len();
    let rows = out.par_chunks_exact_mut(row).zip(kernel.par_chunks_exact(row)).zip(scale);
    rows.for_each(|((out, kernel), scale)| {
        out.iter_mut().zip(kernel).for_each(|(out, value)| *out = value * scale);
    });
}

/// Turns the gradient of scaled filters into that of the filters, `[out, …]`, and writes that of the
/// factors, `[out]`.
///
/// # Panics
///
/// Where a slice is shorter than the others say.
pub fn scale_back(kernel: &[f32], scale: &[f32], gradient: &mut [f32], of_scale: &mut [f32]) {
    scale_back_on(Isa::best(), (kernel, scale), (gradient, of_scale));
}

/// The same on an instruction set.
pub(crate) fn scale_back_on(
    isa: Isa,
    (kernel, scale): (&[f32], &[f32]),
    (gradient, of_scale): (&mut [f32], &mut [f32]),
) {
    with_lanes(isa, Back { kernel, scale, gradient, of_scale });
}

struct Back<'a> {
    kernel: &'a [f32],
    scale: &'a [f32],
    gradient: &'a mut [f32],
    of_scale: &'a mut [f32],
}

impl RunLanes for Back<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let row = self.kernel.len() / self.scale.len();
        let rows = self.gradient.par_chunks_exact_mut(row).zip(self.kernel.par_chunks_exact(row));
        let rows = rows.zip(self.of_scale.par_iter_mut().zip(self.scale));
        rows.for_each(|((gradient, kernel), (of_scale, scale))| {
            *of_scale = lanes.vectorize(Row { kernel, scale: *scale, gradient });
        });
    }
}

/// One filter; what comes out is the gradient of its factor.
struct Row<'a> {
    kernel: &'a [f32],
    scale: f32,
    gradient: &'a mut [f32],
}

impl Work for Row<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let scale = lanes.splat(self.scale);
        let (gradients, rest) = self.gradient.as_chunks_mut::<WIDTH>();
        let (kernels, last) = self.kernel.as_chunks::<WIDTH>();
        let mut total = lanes.splat(0.0);
        for (gradient, kernel) in gradients.iter_mut().zip(kernels) {
            let value = lanes.read(gradient);
            total = lanes.mul_add(value, lanes.read(kernel), total);
            lanes.write(lanes.mul(value, scale), gradient);
        }
        let mut parts = [0.0; WIDTH];
        lanes.write(total, &mut parts);
        let mut sum: f32 = parts.iter().sum();
        for (gradient, kernel) in rest.iter_mut().zip(last) {
            sum += *gradient * kernel;
            *gradient *= self.scale;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_for_each_filter_by_hand() {
        // Seventeen values per filter: one more than are computed together.
        let kernel: Vec<f32> = (0..34).map(|index| index as f32).collect();
        let mut out = vec![0.0; 34];
        scaled(&kernel, &[2.0, -1.0], &mut out);
        assert_eq!((out[0], out[16], out[17], out[33]), (0.0, 32.0, -17.0, -33.0));
        let (mut gradient, mut of_scale) = (vec![1.0; 34], [9.0; 2]);
        gradient[33] = 3.0;
        scale_back(&kernel, &[2.0, -1.0], &mut gradient, &mut of_scale);
        // 0 + … + 16, and 17 + … + 33 with twice 33 more.
        assert_eq!(of_scale, [136.0, 425.0 + 66.0]);
        assert_eq!((gradient[0], gradient[16], gradient[17], gradient[33]), (2.0, 2.0, -1.0, -3.0));
    }
}
