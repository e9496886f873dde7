//! Bias and activation: where they are not a part of a product, and their gradients.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::kernel::activation::{self as kernel, Epilogue, Function};
use super::launch::{addresses, cubes, element, empty, empty_map, per_value, sizes, view};

/// Adds up the parts `[part, value]` of a product, the channel changing fastest, and writes `out`.
pub(super) fn add_parts(
    partial: CubeTensor,
    bias: &CubeTensor,
    out: CubeTensor,
    channels: usize,
    epilogue: Epilogue,
) -> CubeTensor {
    let [parts, count] = sizes(&partial);
    let (cubes, dim) = per_value(&out.client, count);
    kernel::add_parts::launch(
        &out.client,
        cubes,
        dim,
        partial.into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        parts,
        count,
        channels,
        epilogue,
        element(out.dtype),
    );
    out
}

/// Bias and activation over maps that nobody else holds, the channel changing fastest.
pub(super) fn in_place(map: CubeTensor, bias: &CubeTensor, epilogue: Epilogue) -> CubeTensor {
    if epilogue == Epilogue::NONE {
        return map;
    }
    let [images, channels, height, width] = sizes(&map);
    let count = images * channels * height * width;
    let (cubes, dim) = per_value(&map.client, count);
    kernel::in_place::launch(
        &map.client,
        cubes,
        dim,
        addresses(&[&map]),
        map.clone().into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        count,
        channels,
        epilogue,
        element(map.dtype),
    );
    map
}

/// What the places of one cube of the gradient are at least, and how many cubes there are at most.
const PLACES: usize = 64;
const MOST: usize = 256;

/// The gradient before the activation, in the type of the output, and that of the bias. Both come
/// from one pass, and a second one over a few sums. With no activation the gradient is what it was.
///
/// `[image, channel, row, column]`; the output with the channel changing fastest.
pub(super) fn backward(
    gradient: CubeTensor,
    output: Option<CubeTensor>,
    function: Function,
) -> (CubeTensor, CubeTensor) {
    let [images, channels, height, width] = sizes(&gradient);
    let places = images * height * width;
    let part = places.div_ceil(MOST).max(PLACES);
    let chunks = places.div_ceil(part);
    let output = output.unwrap_or_else(|| gradient.clone());
    let masked = match function {
        Function::Linear => output.clone(),
        _ => empty_map(&gradient, [images, channels, height, width], output.dtype),
    };
    let sums = empty(&gradient, [chunks, channels], DType::F32);
    let (count, dim) = cubes(&gradient.client, chunks * channels.div_ceil(kernel::CHANNELS));
    kernel::backward::launch(
        &gradient.client,
        count,
        dim,
        addresses(&[&gradient, &output, &masked]),
        gradient.clone().into_tensor_arg(),
        output.clone().into_tensor_arg(),
        masked.clone().into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        places,
        channels,
        height,
        width,
        part,
        function,
        [element(gradient.dtype), element(output.dtype)],
    );
    let bias = match chunks {
        1 => view(&sums, [channels], [1]),
        _ => {
            let out = empty(&gradient, [channels], DType::F32);
            let bias = out.clone();
            add_parts(sums, &bias, out, channels, Epilogue::NONE)
        }
    };
    let gradient = if function == Function::Linear { gradient } else { masked };
    (gradient, bias)
}
