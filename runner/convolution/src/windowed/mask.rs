//! The derivative of what follows a sum, from what came out of it.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::values::Values;

/// Lines that one thread does at a time.
const PART: usize = 4096;

/// Writes `gradient` where the activation passed its input on, and zeros elsewhere.
pub fn mask(
    isa: Isa,
    activation: Activation,
    (gradient, output): (&[Values], &[Values]),
    out: &mut [Values],
) {
    with_lanes(isa, Mask { activation, gradient, output, out });
}

struct Mask<'a> {
    activation: Activation,
    gradient: &'a [Values],
    output: &'a [Values],
    out: &'a mut [Values],
}

impl RunLanes for Mask<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { activation, gradient, output, out } = self;
        let parts = gradient.par_chunks(PART).zip(output.par_chunks(PART));
        out.par_chunks_mut(PART).zip(parts).for_each(|(out, (gradient, output))| {
            lanes.vectorize(Part(Mask { activation, gradient, output, out }));
        });
    }
}

struct Part<'a>(Mask<'a>);

impl Work for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Mask { activation, gradient, output, out } = self.0;
        let all = out.iter_mut().zip(gradient.iter().zip(output));
        if activation == Activation::Relu6 {
            let most = lanes.splat(6.0);
            for (out, (gradient, output)) in all {
                let output = lanes.load(output);
                let below = lanes.keep(lanes.load(gradient), lanes.sub(most, output));
                lanes.store(lanes.keep(below, output), out);
            }
        } else {
            for (out, (gradient, output)) in all {
                lanes.store(lanes.keep(lanes.load(gradient), lanes.load(output)), out);
            }
        }
    }
}
