//! Kernels from the layouts of other programs into this crate's: convolutions `[out, in, rows, columns]`,
//! dense `[in, out]` with rows in the order height, width, channel.

/// `[taps, in, out]` to `[out, in, taps]`.
pub(super) fn transpose(values: &[f32], taps: usize, input: usize, out: usize) -> Vec<f32> {
    let mut result = vec![0.0; values.len()];
    for tap in 0..taps {
        for i in 0..input {
            let row = &values[(tap * input + i) * out..][..out];
            for (o, value) in row.iter().enumerate() {
                result[(o * input + i) * taps + tap] = *value;
            }
        }
    }
    result
}

/// Every kernel of so many taps turned by 180 degrees: Theano's convolution turns it back.
pub(super) fn turn(values: &mut [f32], taps: usize) {
    values.chunks_exact_mut(taps).for_each(<[f32]>::reverse);
}

/// `[taps, in, multiple]` of a depthwise convolution to `[in × multiple, taps]`.
pub(super) fn depthwise(values: &[f32], taps: usize, outputs: usize) -> Vec<f32> {
    let mut result = vec![0.0; values.len()];
    for tap in 0..taps {
        for output in 0..outputs {
            result[output * taps + tap] = values[tap * outputs + output];
        }
    }
    result
}

/// `[out, in]` to `[in, out]`; after a flatten also from channel, height, width to height, width,
/// channel.
pub(super) fn dense_from_torch(
    values: &[f32],
    input: usize,
    out: usize,
    flattened: Option<[usize; 3]>,
) -> Vec<f32> {
    let [height, width, channels] = flattened.unwrap_or([1, 1, input]);
    let mut result = vec![0.0; values.len()];
    for (o, row) in values.chunks_exact(input).enumerate() {
        for (index, value) in row.iter().enumerate() {
            let (channel, pixel) = (index / (height * width), index % (height * width));
            result[(pixel * channels + channel) * out + o] = *value;
        }
    }
    result
}

/// `[in, out]` whose rows are in the order channel, height, width.
pub(super) fn rows_from_channels_first(
    values: &[f32],
    out: usize,
    [height, width, channels]: [usize; 3],
) -> Vec<f32> {
    let mut result = vec![0.0; values.len()];
    for (index, row) in values.chunks_exact(out).enumerate() {
        let (channel, pixel) = (index / (height * width), index % (height * width));
        result[(pixel * channels + channel) * out..][..out].copy_from_slice(row);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_by_hand() {
        // Keras [taps = 1, in = 2, out = 3]: value = 10 in + out.
        let keras = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
        assert_eq!(transpose(&keras, 1, 2, 3), [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
        // Torch [out = 1, channel = 2, height = 1, width = 2]: value = 10 channel + column.
        let torch = [0.0, 1.0, 10.0, 11.0];
        assert_eq!(dense_from_torch(&torch, 4, 1, Some([1, 2, 2])), [0.0, 10.0, 1.0, 11.0]);
        // Theano [channel = 2, height = 1, width = 2][out = 2]: value = 10 channel + column,
        // and 100 more for the second output.
        let theano = [0.0, 100.0, 1.0, 101.0, 10.0, 110.0, 11.0, 111.0];
        let rows = [0.0, 100.0, 10.0, 110.0, 1.0, 101.0, 11.0, 111.0];
        assert_eq!(rows_from_channels_first(&theano, 2, [1, 2, 2]), rows);
        let mut kernel = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        turn(&mut kernel, 9);
        assert_eq!(kernel, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    }
}
