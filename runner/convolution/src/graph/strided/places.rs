//! Where the values of tiles lie in memory: for each factor of a filter, all values that it is
//! multiplied by.

use std::ops::Range;

use super::axis::{FACTORS, OUTER, OUTPUTS, has_point};
use crate::shape::Extent;

/// Tiles along one axis.
#[derive(Debug, Clone, Copy)]
pub struct Tiles {
    /// Outputs along this axis.
    pub outputs: usize,
    /// Number of tiles.
    pub count: usize,
}

impl Tiles {
    fn new(outputs: usize) -> Self {
        Self { outputs, count: outputs.div_ceil(OUTPUTS) }
    }

    /// Outputs of a tile.
    #[inline(always)]
    pub fn of(&self, tile: usize) -> usize {
        OUTPUTS.min(self.outputs - tile * OUTPUTS)
    }

    /// Values that a factor along this axis is multiplied by.
    #[inline(always)]
    fn values(&self, factor: usize) -> usize {
        if factor == OUTER {
            self.outputs
        } else {
            self.count - usize::from(!has_point(self.of(self.count - 1), factor))
        }
    }

    /// The same for the first tiles.
    #[inline(always)]
    fn before(&self, factor: usize, tile: usize) -> usize {
        if factor == OUTER { tile * OUTPUTS } else { tile }
    }
}

/// Strips of tiles, numbered over all images, and where their values lie:
/// `[factor][row of tiles or outputs][column of tiles or outputs]`.
#[derive(Debug, Clone)]
pub struct Places {
    /// Which strips.
    strips: Range<usize>,
    down: Tiles,
    /// The tiles of a strip.
    pub across: Tiles,
    /// The first value of each factor, and behind the last.
    starts: [usize; FACTORS * FACTORS + 1],
}

/// One strip.
#[derive(Debug, Clone, Copy)]
pub struct Strip {
    /// The image that it belongs to.
    pub image: usize,
    /// Its first row of outputs in the image.
    pub top: usize,
    /// Its rows of outputs.
    pub rows: usize,
    /// Rows of values before it among those that are computed together, for each factor.
    before: [usize; FACTORS],
}

impl Places {
    /// Of some strips of maps of outputs of this size.
    pub fn new(output: Extent, strips: Range<usize>) -> Self {
        let (down, across) = (Tiles::new(output.height), Tiles::new(output.width));
        let starts = [0; FACTORS * FACTORS + 1];
        let mut places = Self { strips, down, across, starts };
        for factor in 0..FACTORS * FACTORS {
            // Odd, because values a power of two apart share few lines of the cache.
            places.starts[factor + 1] = places.starts[factor] + (places.count(factor) | 1);
        }
        places
    }

    /// Number of values that a factor is multiplied by.
    pub fn count(&self, factor: usize) -> usize {
        let (y, x) = (factor / FACTORS, factor % FACTORS);
        let rows = self.before(y, self.strips.end) - self.before(y, self.strips.start);
        rows * self.across.values(x)
    }

    /// The first value of a factor; behind the last one, the number of all values.
    pub fn start(&self, factor: usize) -> usize {
        self.starts[factor]
    }

    /// Number of all values.
    pub fn len(&self) -> usize {
        self.starts[FACTORS * FACTORS]
    }

    /// The strips.
    pub fn each(&self) -> impl Iterator<Item = Strip> {
        (0..self.strips.len()).map(|number| self.strip(number))
    }

    /// The strip at an index among these.
    pub fn strip(&self, number: usize) -> Strip {
        let index = self.strips.start + number;
        let (image, tile) = (index / self.down.count, index % self.down.count);
        let before = |y| self.before(y, index) - self.before(y, self.strips.start);
        Strip {
            image,
            top: tile * OUTPUTS,
            rows: self.down.of(tile),
            before: std::array::from_fn(before),
        }
    }

    /// Rows of values before a strip, in all images.
    fn before(&self, y: usize, strip: usize) -> usize {
        let (image, tile) = (strip / self.down.count, strip % self.down.count);
        image * self.down.values(y) + self.down.before(y, tile)
    }

    /// Where the values of a row of a strip begin, for each column of a filter's factors. The rows are
    /// those of the points, then those of its outputs.
    #[inline(always)]
    pub fn row(&self, strip: &Strip, y: usize) -> [usize; FACTORS] {
        let factor = y.min(OUTER);
        let row = strip.before[factor] + y - factor;
        std::array::from_fn(|x| self.starts[factor * FACTORS + x] + row * self.across.values(x))
    }
}

impl Strip {
    /// Its rows: those of its points, and those of its outputs behind all points.
    #[inline(always)]
    pub fn each_row(self) -> impl Iterator<Item = usize> {
        let is_there = move |y: &usize| *y >= OUTER || has_point(self.rows, *y);
        (0..OUTER + self.rows).filter(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_own_place() {
        for width in 1..=9 {
            let output = Extent { channels: 1, height: 7, width };
            let places = Places::new(output, 1..5);
            let mut taken = vec![0; places.len()];
            for strip in places.each() {
                for y in strip.each_row() {
                    for (x, start) in places.row(&strip, y).into_iter().enumerate() {
                        let row = &mut taken[start..start + places.across.values(x)];
                        row.iter_mut().for_each(|count| *count += 1);
                    }
                }
            }
            assert!(taken.iter().all(|count| *count <= 1));
            let all: usize = (0..FACTORS * FACTORS).map(|factor| places.count(factor)).sum();
            assert_eq!(taken.iter().sum::<usize>(), all);
            // The last row of the first image, two of the second, the first of the third: seven
            // outputs and two tiles take nine products of the outer taps and seven of the others.
            let found: Vec<_> = places.each().map(|it| (it.image, it.top, it.rows)).collect();
            assert_eq!(found, [(0, 4, 3), (1, 0, 4), (1, 4, 3), (2, 0, 4)]);
            assert_eq!(all, 2 * 16 * (2 * width + width.div_ceil(4)));
        }
    }
}
