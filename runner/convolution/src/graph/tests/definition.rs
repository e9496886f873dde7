//! Nodes straight from their definitions, in double precision.

use super::super::*;

/// A planar map of one image in double precision.
pub type Map = (Extent, Vec<f64>);

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Linear => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Swish => x / (1.0 + (-x).exp()),
        Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        // By the trapezoidal rule over the density.
        Activation::Gelu => {
            let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let step = x / 1000.0;
            let sum: f64 = (0..1000)
                .map(|at| {
                    let start = f64::from(at) * step;
                    (density(start) + density(start + step)) / 2.0 * step
                })
                .sum();
            x * (0.5 + sum)
        }
    }
}

/// A map whose values are those of `f`, by channel, row and column.
fn over(extent: Extent, f: impl Fn(usize, usize, usize) -> f64) -> Map {
    let Extent { channels, height, width } = extent;
    let places = (0..channels * height * width)
        .map(|at| (at / width / height, at / width % height, at % width));
    (extent, places.map(|(channel, y, x)| f(channel, y, x)).collect())
}

/// The size of what comes out of windows.
fn sized(channels: usize, windows: &Windows) -> Extent {
    Extent { channels, height: windows.places[0], width: windows.places[1] }
}

/// The values of one window, `None` outside of the map.
fn seen(
    (extent, values): &Map,
    w: &Windows,
    (channel, y, x): (usize, usize, usize),
) -> Vec<Option<f64>> {
    let first = |place: usize, axis: usize| (place * w.stride) as isize - w.before[axis] as isize;
    let taps = 0..w.size[0] * w.size[1];
    taps.map(|tap| {
        let y = first(y, 0) + (tap / w.size[1]) as isize;
        let x = first(x, 1) + (tap % w.size[1]) as isize;
        let is_inside =
            (0..extent.height as isize).contains(&y) && (0..extent.width as isize).contains(&x);
        is_inside
            .then(|| values[(channel * extent.height + y as usize) * extent.width + x as usize])
    })
    .collect()
}

/// What a node computes.
pub fn expected(values: &[Map], input: usize, node: &Node<'_>) -> Map {
    let map = &values[input];
    let (extent, x) = map;
    match *node {
        Node::Convolution { .. } => convolved(values, map, node),
        Node::Pool(windows, pooled) => over(sized(extent.channels, &windows), |channel, y, x| {
            let inside: Vec<f64> =
                seen(map, &windows, (channel, y, x)).into_iter().flatten().collect();
            let least = match pooled {
                Pooled::LargestPadded if inside.len() < windows.taps() => 0.0,
                _ => f64::NEG_INFINITY,
            };
            match pooled {
                Pooled::Mean => inside.iter().sum::<f64>() / inside.len() as f64,
                Pooled::Largest | Pooled::LargestPadded => {
                    inside.iter().copied().fold(least, f64::max)
                }
            }
        }),
        Node::GlobalAverage => {
            of_maps(map, |values| values.iter().sum::<f64>() / values.len() as f64)
        }
        Node::GlobalMax => {
            of_maps(map, |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        }
        Node::LayerNorm { scale, bias, epsilon } => normalized(map, (scale, bias), epsilon.into()),
        Node::Concatenate(others) => {
            let maps = std::iter::once(input).chain(others.iter().copied());
            let all: Vec<&Map> = maps.map(|value| &values[value]).collect();
            let channels = all.iter().map(|(extent, _)| extent.channels).sum();
            let joined = all.iter().flat_map(|(_, values)| values.iter().copied()).collect();
            (Extent { channels, ..*extent }, joined)
        }
        Node::Each { factors, other, activation } => over(*extent, |channel, y, column| {
            let place = (channel * extent.height + y) * extent.width + column;
            let factor = factors.map_or(1.0, |value| values[value].1[channel]);
            let other = other.map_or(0.0, |value| values[value].1[place]);
            activated(activation, x[place] * factor + other)
        }),
    }
}

fn convolved(values: &[Map], map: &Map, node: &Node<'_>) -> Map {
    let Node::Convolution { kernel, bias, windows, depthwise, residual, activation } = *node else {
        unreachable!("only convolutions come here");
    };
    let out = sized(bias.len(), &windows);
    over(out, |o, y, x| {
        let inputs = if depthwise { o..o + 1 } else { 0..map.0.channels };
        let mut sum = f64::from(bias[o]);
        for (index, channel) in inputs.clone().enumerate() {
            let taps = seen(map, &windows, (channel, y, x));
            let start = (o * inputs.len() + index) * taps.len();
            for (tap, value) in taps.iter().enumerate() {
                sum += f64::from(kernel[start + tap]) * value.unwrap_or(0.0);
            }
        }
        let place = (o * out.height + y) * out.width + x;
        activated(activation, sum + residual.map_or(0.0, |value| values[value].1[place]))
    })
}

/// One value of each channel.
fn of_maps((extent, values): &Map, f: impl Fn(&[f64]) -> f64) -> Map {
    let found = values.chunks(extent.height * extent.width).map(f).collect();
    (Extent { height: 1, width: 1, ..*extent }, found)
}

fn normalized((extent, x): &Map, (scale, bias): (&[f32], &[f32]), epsilon: f64) -> Map {
    over(*extent, |channel, y, column| {
        let at = |channel: usize| x[(channel * extent.height + y) * extent.width + column];
        let count = extent.channels as f64;
        let mean = (0..extent.channels).map(at).sum::<f64>() / count;
        let squares = (0..extent.channels).map(|channel| (at(channel) - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count + epsilon).sqrt();
        (at(channel) - mean) / deviation * f64::from(scale[channel]) + f64::from(bias[channel])
    })
}
