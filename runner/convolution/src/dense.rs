//! Fully connected layers: few images, and a kernel far larger than everything else.
//!
//! Reading the kernel from memory is what limits such a product, so each pass goes through it
//! once, in the kernel's own order. Values are always summed in the same order, whatever the
//! number of images or threads.

use rayon::prelude::*;

use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::values::WIDTH;

/// Inputs that are summed by one thread; the sums of such parts are added afterwards.
const PART: usize = 512;

/// Inputs that are summed together: as many as have rows of the kernel that fit in the
/// first-level cache.
const ROWS: usize = 64;

/// A fully connected layer without bias.
#[derive(Debug, Clone, Copy)]
pub struct Dense {
    /// Number of inputs per image.
    pub inputs: usize,
    /// Number of outputs per image, a multiple of sixteen.
    pub outputs: usize,
    /// The instruction set to compute with.
    pub isa: Isa,
}

type Wide = [f32; WIDTH];

impl Dense {
    /// With this processor's best instruction set.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, isa: Isa::best() }
    }

    /// Whether a layer of this size can be computed: `outputs` is a multiple of sixteen,
    /// and neither is zero.
    #[must_use]
    pub fn takes(inputs: usize, outputs: usize) -> bool {
        inputs > 0 && outputs > 0 && outputs.is_multiple_of(WIDTH)
    }

    /// Multiplies `input`, `[image, in]`, by `kernel`, `[in, out]`; `out` is `[image,
    /// out]`.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn forward(&self, input: &[f32], kernel: &[f32], out: &mut [f32]) {
        with_lanes(self.isa, Forward { dense: *self, input, kernel, out });
    }

    /// The gradient of the kernel, `[in, out]`, from the output's `gradient`, `[image,
    /// out]`: the sum over images of input times gradient.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the sizes say.
    pub fn kernel_gradient(&self, input: &[f32], gradient: &[f32], out: &mut [f32]) {
        with_lanes(self.isa, Gradient { dense: *self, input, gradient, out });
    }
}

struct Forward<'a> {
    dense: Dense,
    input: &'a [f32],
    kernel: &'a [f32],
    out: &'a mut [f32],
}

impl RunLanes for Forward<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Dense { inputs, outputs, .. } = self.dense;
        let parts = inputs.div_ceil(PART);
        let mut sums = vec![0.0; parts * self.out.len()];
        sums.par_chunks_exact_mut(self.out.len()).enumerate().for_each(|(part, sums)| {
            let first = part * PART;
            let kernel = &self.kernel[first * outputs..inputs.min(first + PART) * outputs];
            for (chunk, kernel) in kernel.chunks(ROWS * outputs).enumerate() {
                let product = Product {
                    left: &self.input[first + chunk * ROWS..],
                    row: inputs,
                    inner: 1,
                    right: kernel.as_chunks::<WIDTH>().0,
                    stride: outputs / WIDTH,
                    steps: kernel.len() / outputs,
                    accumulate: chunk > 0,
                };
                lanes.vectorize(Task { product, out: sums.as_chunks_mut::<WIDTH>().0 });
            }
        });
        self.out.fill(0.0);
        for part in sums.chunks_exact(self.out.len()) {
            self.out.iter_mut().zip(part).for_each(|(out, part)| *out += part);
        }
    }
}

struct Gradient<'a> {
    dense: Dense,
    input: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl RunLanes for Gradient<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Dense { inputs, outputs, .. } = self.dense;
        let images = self.gradient.len() / outputs;
        self.out.par_chunks_mut(PART * outputs).enumerate().for_each(|(part, out)| {
            let product = Product {
                left: &self.input[part * PART..],
                row: 1,
                inner: inputs,
                right: self.gradient.as_chunks::<WIDTH>().0,
                stride: outputs / WIDTH,
                steps: images,
                accumulate: false,
            };
            lanes.vectorize(Task { product, out: out.as_chunks_mut::<WIDTH>().0 });
        });
    }
}

/// A product, compiled once per instruction set.
struct Task<'a> {
    product: Product<'a>,
    out: &'a mut [Wide],
}

impl Work for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.product.run(lanes, self.out);
    }
}

/// `out[r][c] (+)= Σ left[r × row + k × inner] · right[k][c]` over `steps`.
#[derive(Clone, Copy)]
struct Product<'a> {
    left: &'a [f32],
    row: usize,
    inner: usize,
    right: &'a [Wide],
    /// Length of a row of `right` and of `out`, in blocks of sixteen.
    stride: usize,
    steps: usize,
    /// Adds to the contents of `out`.
    accumulate: bool,
}

impl Product<'_> {
    /// Computes as many rows as `out` has room for, in groups that fit into the registers.
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L, out: &mut [Wide]) {
        let count = out.len() / self.stride;
        let parts = count.div_ceil(L::ROWS);
        let mut done = 0;
        for part in 0..parts {
            let size = (count - done).div_ceil(parts - part);
            let rows = Self { left: &self.left[done * self.row..], ..self };
            rows.columns(lanes, size, &mut out[done * self.stride..]);
            done += size;
        }
    }

    #[inline(always)]
    fn columns<L: Lanes>(self, lanes: L, size: usize, out: &mut [Wide]) {
        let mut column = 0;
        while column < self.stride {
            if L::COLUMNS == 2 && column + 2 <= self.stride {
                self.rows::<L, 2>(lanes, size, column, out);
                column += 2;
            } else {
                self.rows::<L, 1>(lanes, size, column, out);
                column += 1;
            }
        }
    }

    #[inline(always)]
    fn rows<L: Lanes, const N: usize>(
        self,
        lanes: L,
        size: usize,
        column: usize,
        out: &mut [Wide],
    ) {
        macro_rules! sizes {
            ($($size:literal)*) => {
                match size {
                    $($size if $size <= L::ROWS => self.kernel::<L, $size, N>(lanes, column, out),)*
                    _ => {}
                }
            };
        }
        sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    /// Computes `R` rows of `N` blocks of sixteen, with all sums in registers.
    #[inline(always)]
    fn kernel<L: Lanes, const R: usize, const N: usize>(
        self,
        lanes: L,
        column: usize,
        out: &mut [Wide],
    ) {
        let mut sums = [[lanes.splat(0.0); N]; R];
        if self.accumulate {
            for r in 0..R {
                for n in 0..N {
                    sums[r][n] = lanes.read(&out[r * self.stride + column + n]);
                }
            }
        }
        for step in 0..self.steps {
            let mut right = [lanes.splat(0.0); N];
            for n in 0..N {
                right[n] = lanes.read(&self.right[step * self.stride + column + n]);
            }
            for r in 0..R {
                let left = lanes.splat(self.left[r * self.row + step * self.inner]);
                for n in 0..N {
                    sums[r][n] = lanes.mul_add(left, right[n], sums[r][n]);
                }
            }
        }
        for r in 0..R {
            for n in 0..N {
                lanes.write(sums[r][n], &mut out[r * self.stride + column + n]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 65_536.0 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn equals_sums_in_double_precision_on_every_instruction_set() {
        for isa in Isa::available() {
            for (images, inputs, outputs) in [(1, 3, 16), (20, 1100, 48), (7, 64, 32)] {
                let dense = Dense { inputs, outputs, isa };
                let (input, kernel) = (numbers(images * inputs, 1), numbers(inputs * outputs, 2));
                let gradient = numbers(images * outputs, 3);
                let mut out = vec![9.0; images * outputs];
                let mut kernel_gradient = vec![9.0; inputs * outputs];
                dense.forward(&input, &kernel, &mut out);
                dense.kernel_gradient(&input, &gradient, &mut kernel_gradient);
                let dot = |pairs: &mut dyn Iterator<Item = (f32, f32)>| -> f64 {
                    pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
                };
                for (index, got) in out.iter().enumerate() {
                    let (image, o) = (index / outputs, index % outputs);
                    let expected = dot(&mut (0..inputs)
                        .map(|k| (input[image * inputs + k], kernel[k * outputs + o])));
                    assert!((f64::from(*got) - expected).abs() < 1e-5, "{isa:?} {got}");
                }
                for (index, got) in kernel_gradient.iter().enumerate() {
                    let (k, o) = (index / outputs, index % outputs);
                    let expected = dot(&mut (0..images)
                        .map(|b| (input[b * inputs + k], gradient[b * outputs + o])));
                    assert!((f64::from(*got) - expected).abs() < 1e-5, "{isa:?} {got}");
                }
            }
        }
    }

    #[test]
    fn an_image_does_not_depend_on_its_batch() {
        let (inputs, outputs) = (1500, 32);
        let dense = Dense::new(inputs, outputs);
        let (input, kernel) = (numbers(20 * inputs, 1), numbers(inputs * outputs, 2));
        let mut all = vec![0.0; 20 * outputs];
        dense.forward(&input, &kernel, &mut all);
        let mut one = vec![0.0; outputs];
        dense.forward(&input[13 * inputs..14 * inputs], &kernel, &mut one);
        assert_eq!(one, all[13 * outputs..14 * outputs]);
    }
}
