//! Maps of several values behind each other, channel after channel.

use rayon::prelude::*;

use crate::shape::Extent;
use crate::values::{Values, WIDTH};

/// Maps of one height and width, each but the last with a multiple of sixteen channels.
pub struct Join {
    output: Extent,
    /// Values of one image of each map.
    sizes: Vec<usize>,
}

impl Join {
    /// From the sizes of the maps; `None` where they do not fit.
    pub fn new(maps: &[Extent]) -> Option<Self> {
        let (last, before) = maps.split_last()?;
        let is_sound = before.iter().all(|map| {
            [map.height, map.width] == [last.height, last.width]
                && map.channels.is_multiple_of(WIDTH)
        });
        let channels = maps.iter().map(|map| map.channels).sum();
        let sizes = maps.iter().map(|map| map.blocks() * map.height * map.width).collect();
        is_sound.then_some(Self { output: Extent { channels, ..*last }, sizes })
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        self.output
    }

    /// Copies some images, on all threads where they share the work.
    pub fn forward(&self, maps: &[&[Values]], is_shared: bool, out: &mut [Values]) {
        let image = self.sizes.iter().sum();
        let run = |(index, mut out): (usize, &mut [Values])| {
            for (map, size) in maps.iter().zip(&self.sizes) {
                let (into, rest) = out.split_at_mut(*size);
                into.copy_from_slice(&map[index * size..][..*size]);
                out = rest;
            }
        };
        if is_shared {
            out.par_chunks_exact_mut(image).enumerate().for_each(run);
        } else {
            out.chunks_exact_mut(image).enumerate().for_each(run);
        }
    }
}
