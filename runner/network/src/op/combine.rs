//! Several values into one; a value in another shape.

use burn::tensor::Tensor;

use super::kernels;
use crate::flow::Flow;

/// A function of two maps, value by value, in the type of the first.
fn both(
    a: Tensor<4>,
    b: Tensor<4>,
    f: impl FnOnce(Tensor<4>, Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    // The one with a value for each pixel says the type.
    let dtype = if a.dims()[2..] == [1, 1] { b.dtype() } else { a.dtype() };
    let (a, b) = (kernels::cast(a, dtype), kernels::cast(b, dtype));
    if kernels::is_on_device(&a) {
        return kernels::each(a, |a| f(a, b.permute([0, 2, 3, 1])));
    }
    f(a, b)
}

/// Maps channel after channel.
fn joined(maps: Vec<Tensor<4>>) -> Tensor<4> {
    let dtype = maps[0].dtype();
    if !kernels::is_on_device(&maps[0]) {
        return Tensor::cat(maps, 1);
    }
    let lasting = |map: Tensor<4>| kernels::cast(map, dtype).permute([0, 2, 3, 1]);
    Tensor::cat(maps.into_iter().map(lasting).collect(), 3).permute([0, 3, 1, 2])
}

/// The sum of values of one shape.
pub(super) fn add(first: Flow, others: Vec<Flow>) -> Flow {
    others.into_iter().fold(first, |sum, other| match (sum, other) {
        (Flow::Vector(a), Flow::Vector(b)) => Flow::Vector(a + b),
        (a, b) => Flow::Map(both(pixels(a), pixels(b), |a, b| a + b)),
    })
}

/// The product of values of one shape; a vector counts for every pixel of a map.
pub(super) fn multiply(first: Flow, others: Vec<Flow>) -> Flow {
    others.into_iter().fold(first, |product, other| match (product, other) {
        (Flow::Vector(a), Flow::Vector(b)) => Flow::Vector(a * b),
        (a, b) => Flow::Map(both(pixels(a), pixels(b), |a, b| a * b)),
    })
}

/// Values one behind the other, channel after channel.
pub(super) fn concatenate(first: Flow, others: Vec<Flow>) -> Flow {
    let all: Vec<Flow> = std::iter::once(first).chain(others).collect();
    if all.iter().any(|flow| matches!(flow, Flow::Map(_))) {
        let maps: Vec<Tensor<4>> = all.into_iter().map(pixels).collect();
        return Flow::Map(joined(maps));
    }
    Flow::Vector(Tensor::cat(all.into_iter().map(Flow::rows).collect(), 1))
}

/// Every value of a map in Keras's order: height, width, channel.
pub(super) fn flatten(flow: Flow) -> Flow {
    Flow::Vector(match flow {
        // Of what a GPU has in memory this is a view.
        Flow::Map(map) => kernels::wide(map.permute([0, 2, 3, 1]).flatten(1, 3)),
        Flow::Vector(rows) => rows,
    })
}

/// A vector as a map of one pixel.
pub(super) fn pixels(flow: Flow) -> Tensor<4> {
    match flow {
        Flow::Map(map) => map,
        Flow::Vector(rows) => {
            let [images, channels] = rows.dims();
            rows.reshape([images, channels, 1, 1])
        }
    }
}

/// Zeros around a map.
pub(super) fn pad(flow: Flow, rows: [usize; 2], columns: [usize; 2]) -> Flow {
    let map = pixels(flow);
    let around = [(rows[0], rows[1]), (columns[0], columns[1])];
    if kernels::is_on_device(&map) {
        let room = [[0, 0], rows, columns, [0, 0]].map(|[before, after]| (before, after));
        return Flow::Map(kernels::each(map, |map| map.pad(room, 0.0)));
    }
    Flow::Map(map.pad(around, 0.0))
}
