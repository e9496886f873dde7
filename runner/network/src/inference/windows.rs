//! How filters and pools meet a map.

use runner_convolution::{Activation, Windows};
use runner_experiment::architecture::op::Pooling;
use runner_experiment::architecture::{Layer, Shape};

/// How filters meet a map.
pub(super) struct Filters {
    pub(super) windows: Windows,
    pub(super) depthwise: bool,
    pub(super) activation: Activation,
}

impl Filters {
    /// One pixel and one factor per channel.
    pub(super) fn of_pixels(layer: &Layer) -> Self {
        let windows = windows(layer, [1, 1], 1, |_, _| 0);
        Self { windows, depthwise: true, activation: Activation::Linear }
    }
}

/// The windows of a layer, with these rows above the map and columns to its left.
pub(super) fn windows(
    layer: &Layer,
    size: [usize; 2],
    stride: usize,
    before: impl Fn(usize, usize) -> usize,
) -> Windows {
    let [height, width] = sides(layer.input);
    Windows {
        size,
        stride,
        before: [before(height, 0), before(width, 1)],
        places: sides(layer.output),
    }
}

/// Rows and columns; a vector is a map of one pixel.
fn sides(shape: Shape) -> [usize; 2] {
    match shape {
        Shape::Map { height, width, .. } => [height, width],
        Shape::Vector(_) => [1, 1],
    }
}

/// The windows of a pool that reads this many rows and columns of zeros before a map.
pub(super) fn pooled_windows(layer: &Layer, op: Pooling, zeros: [usize; 2]) -> Windows {
    windows(layer, op.size, op.stride, |size, axis| {
        zeros[axis] + op.padding.amounts(size, op.size[axis], op.stride)[0]
    })
}
