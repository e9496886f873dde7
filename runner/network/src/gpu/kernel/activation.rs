//! Bias and activation: at the end of a sum, in place over a map, and their gradients.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// A function of each value that is applied with the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// x
    Linear,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
}

/// What happens to a sum before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epilogue {
    /// Whether its channel's bias is added.
    pub bias: bool,
    /// What follows.
    pub function: Function,
}

impl Epilogue {
    /// The sum as it is.
    pub const NONE: Self = Self { bias: false, function: Function::Linear };
}

/// Bias and activation of one sum.
#[cube]
pub(super) fn finish(
    sum: f32,
    bias: &Tensor<f32>,
    channel: usize,
    #[comptime] epilogue: Epilogue,
) -> f32 {
    let mut value = sum;
    if comptime!(epilogue.bias) {
        value += bias[channel];
    }
    if comptime!(epilogue.function != Function::Linear) {
        value = max(value, 0.0f32);
    }
    if comptime!(epilogue.function == Function::Relu6) {
        value = min(value, 6.0f32);
    }
    value
}

/// Adds up `parts` of `count` values each, with an epilogue; the channel changes fastest.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(crate) fn add_parts<O: Numeric>(
    partial: &Tensor<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<O>,
    parts: usize,
    count: usize,
    channels: usize,
    #[comptime] epilogue: Epilogue,
    #[define(O)] _type: ElemType,
) {
    let index = ABSOLUTE_POS;
    if index >= count {
        terminate!();
    }
    let mut sum = 0.0f32;
    for part in 0..parts {
        sum += partial[part * count + index];
    }
    out[index] = O::cast_from(finish(sum, bias, index % channels, epilogue));
}

/// Bias and activation over maps or rows, in place; the channel changes fastest.
#[cube(launch, address_type = "dynamic")]
pub(crate) fn in_place<O: Numeric>(
    values: &mut Tensor<O>,
    bias: &Tensor<f32>,
    count: usize,
    channels: usize,
    #[comptime] epilogue: Epilogue,
    #[define(O)] _type: ElemType,
) {
    let index = ABSOLUTE_POS;
    if index >= count {
        terminate!();
    }
    let value = f32::cast_from(values[index]);
    values[index] = O::cast_from(finish(value, bias, index % channels, epilogue));
}

/// Channels that one cube of [`backward`] works on.
pub(crate) const CHANNELS: usize = 32;
/// Places that it works on at the same time.
pub(crate) const PLACES: usize = 8;

/// The gradient before the activation, and sums of it over some places for each channel. The gradient
/// `[image, channel, row, column]` comes with any strides; the output, and what is written, has the
/// channel changing fastest.
#[cube(launch, address_type = "dynamic")]
#[allow(clippy::too_many_arguments, clippy::too_many_lines)]
pub(crate) fn backward<G: Numeric, O: Numeric>(
    gradient: &Tensor<G>,
    output: &Tensor<O>,
    masked: &mut Tensor<O>,
    sums: &mut Tensor<f32>,
    places: usize,
    channels: usize,
    height: usize,
    width: usize,
    part: usize,
    #[comptime] function: Function,
    #[define(G, O)] _types: [ElemType; 2],
) {
    let lane = UNIT_POS as usize / CHANNELS;
    let tiles = channels.div_ceil(CHANNELS);
    let tile = CUBE_POS % tiles;
    let chunk = CUBE_POS / tiles;
    let channel = tile * CHANNELS + UNIT_POS as usize % CHANNELS;
    let begin = chunk * part;
    if begin >= places {
        terminate!();
    }
    let end = min(begin + part, places);
    let mut sum = 0.0f32;
    if channel < channels {
        let mut place = begin + lane;
        while place < end {
            let line = place / width;
            let offset = (line / height) * gradient.stride(0)
                + channel * gradient.stride(1)
                + (line % height) * gradient.stride(2)
                + (place % width) * gradient.stride(3);
            let mut value = f32::cast_from(gradient[offset]);
            let index = place * channels + channel;
            if comptime!(function != Function::Linear) {
                let out = f32::cast_from(output[index]);
                let mut passes = out > 0.0f32;
                if comptime!(function == Function::Relu6) {
                    passes = passes && out < 6.0f32;
                }
                value = select(passes, value, 0.0f32);
                masked[index] = O::cast_from(value);
            }
            sum += value;
            place += PLACES;
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(CHANNELS * PLACES));
    shared[UNIT_POS as usize] = sum;
    sync_cube();
    if lane == 0 && channel < channels {
        let mut total = 0.0f32;
        for other in 0..PLACES {
            total += shared[other * CHANNELS + UNIT_POS as usize];
        }
        sums[chunk * channels + channel] = total;
    }
}
