//! Several values into one; a value in another shape.

use burn::tensor::Tensor;

use crate::flow::Flow;

/// The sum of values of one shape.
pub(super) fn add(first: Flow, others: Vec<Flow>) -> Flow {
    others.into_iter().fold(first, |sum, other| match (sum, other) {
        (Flow::Vector(a), Flow::Vector(b)) => Flow::Vector(a + b),
        (a, b) => Flow::Map(pixels(a) + pixels(b)),
    })
}

/// The product of values of one shape; a vector counts for every pixel of a map.
pub(super) fn multiply(first: Flow, others: Vec<Flow>) -> Flow {
    others.into_iter().fold(first, |product, other| match (product, other) {
        (Flow::Vector(a), Flow::Vector(b)) => Flow::Vector(a * b),
        (a, b) => Flow::Map(pixels(a) * pixels(b)),
    })
}

/// Values one behind the other, channel after channel.
pub(super) fn concatenate(first: Flow, others: Vec<Flow>) -> Flow {
    let all: Vec<Flow> = std::iter::once(first).chain(others).collect();
    if all.iter().any(|flow| matches!(flow, Flow::Map(_))) {
        return Flow::Map(Tensor::cat(all.into_iter().map(pixels).collect(), 1));
    }
    Flow::Vector(Tensor::cat(all.into_iter().map(Flow::rows).collect(), 1))
}

/// Every value of a map in Keras's order: height, width, channel.
pub(super) fn flatten(flow: Flow) -> Flow {
    Flow::Vector(match flow {
        Flow::Map(map) => map.permute([0, 2, 3, 1]).flatten(1, 3),
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
    Flow::Map(map.pad(around, 0.0))
}
