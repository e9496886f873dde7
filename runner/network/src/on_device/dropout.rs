//! Which units are dropped, drawn on the GPU: ChaCha8 streams, bit for bit those of the host.
//!
//! The key of a stream is a hash of what it is for, which takes the host a microsecond per image;
//! the stream itself, a number per unit, is what takes time.

use burn::tensor::{Device, Tensor};

use super::with_gpu;
use crate::error::NetworkError;

/// The mask of a batch on the device, flat: 0 with probability `rate`, else 1 / (1 - `rate`).
/// `seeds` are those of the streams, one per image, of `length` values each.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs.
pub fn mask(
    seeds: &[[u8; 32]],
    length: usize,
    rate: f64,
    device: &Device,
) -> Result<Tensor<1>, NetworkError> {
    with_gpu!((seeds, length, rate, device) { kernel::mask(seeds, length, rate, device) })
}

#[cfg(feature = "gpu")]
mod kernel {
    use burn::cubecl;
    use burn::tensor::{Device, Tensor};
    use cubecl::prelude::*;

    use crate::error::NetworkError;
    use crate::gpu::launch::per_value;
    use crate::on_device::cube::{cube, room, tensor, words};

    /// Words of a block of the cipher.
    const BLOCK: usize = 16;

    pub(super) fn mask(
        seeds: &[[u8; 32]],
        length: usize,
        rate: f64,
        device: &Device,
    ) -> Result<Tensor<1>, NetworkError> {
        let out = room(&cube(Tensor::<1>::empty([1], device))?, [seeds.len() * length]);
        let keys: Vec<u32> = seeds
            .iter()
            .flat_map(|seed| seed.as_chunks::<4>().0)
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let blocks = length.div_ceil(BLOCK);
        let client = out.client.clone();
        let (count, dim) = per_value(&client, seeds.len() * blocks);
        if seeds.len() * length > 0 {
            draw::launch(
                &client,
                count,
                dim,
                words(&client, &keys),
                out.clone().into_buffer_arg(),
                seeds.len(),
                length,
                rate as f32,
                (1.0 / (1.0 - rate)) as f32,
            );
        }
        Ok(tensor(out))
    }

    /// One block of one image's stream per unit.
    #[cube(launch)]
    fn draw(keys: &[u32], out: &mut [f32], images: usize, length: usize, rate: f32, scale: f32) {
        let blocks = length.div_ceil(BLOCK);
        if ABSOLUTE_POS >= images * blocks {
            terminate!();
        }
        let image = ABSOLUTE_POS / blocks;
        let block = ABSOLUTE_POS % blocks;
        let mut start = Array::<u32>::new(BLOCK);
        // "expand 32-byte k"
        start[0] = 0x6170_7865u32;
        start[1] = 0x3320_646eu32;
        start[2] = 0x7962_2d32u32;
        start[3] = 0x6b20_6574u32;
        #[unroll]
        for word in 0..8usize {
            start[4 + word] = keys[image * 8 + word];
        }
        start[12] = block as u32;
        start[13] = 0u32;
        start[14] = 0u32;
        start[15] = 0u32;
        let mut state = Array::<u32>::new(BLOCK);
        #[unroll]
        for word in 0..BLOCK {
            state[word] = start[word];
        }
        for _ in 0..4u32 {
            double_round(&mut state);
        }
        #[unroll]
        for word in 0..BLOCK {
            let place = block * BLOCK + word;
            if place < length {
                let bits = (state[word] + start[word]) >> 8u32;
                let uniform = f32::cast_from(bits) / 16_777_216.0f32;
                out[image * length + place] = select(uniform < rate, 0.0f32, scale);
            }
        }
    }

    #[cube]
    fn double_round(state: &mut Array<u32>) {
        quarter(state, 0usize, 4usize, 8usize, 12usize);
        quarter(state, 1usize, 5usize, 9usize, 13usize);
        quarter(state, 2usize, 6usize, 10usize, 14usize);
        quarter(state, 3usize, 7usize, 11usize, 15usize);
        quarter(state, 0usize, 5usize, 10usize, 15usize);
        quarter(state, 1usize, 6usize, 11usize, 12usize);
        quarter(state, 2usize, 7usize, 8usize, 13usize);
        quarter(state, 3usize, 4usize, 9usize, 14usize);
    }

    #[cube]
    fn quarter(
        state: &mut Array<u32>,
        #[comptime] a: usize,
        #[comptime] b: usize,
        #[comptime] c: usize,
        #[comptime] d: usize,
    ) {
        state[a] = state[a] + state[b];
        state[d] = rotated(state[d] ^ state[a], 16u32);
        state[c] = state[c] + state[d];
        state[b] = rotated(state[b] ^ state[c], 12u32);
        state[a] = state[a] + state[b];
        state[d] = rotated(state[d] ^ state[a], 8u32);
        state[c] = state[c] + state[d];
        state[b] = rotated(state[b] ^ state[c], 7u32);
    }

    #[cube]
    fn rotated(word: u32, #[comptime] bits: u32) -> u32 {
        (word << bits) | (word >> comptime!(32 - bits))
    }
}
