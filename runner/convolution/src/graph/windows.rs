//! Windows that slide over a map, and what of each lies inside.

use std::ops::Range;

use crate::shape::Extent;

/// Windows that slide over a map. What lies outside of it is zero for a convolution, and counts for
/// nothing in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Rows and columns of a window.
    pub size: [usize; 2],
    /// Pixels from one window to the next, in both directions.
    pub stride: usize,
    /// Rows above the map and columns to its left that the first window covers.
    pub before: [usize; 2],
    /// Rows and columns of windows.
    pub places: [usize; 2],
}

impl Windows {
    /// Whether each window is the pixel at its own place.
    pub(crate) fn is_pointwise(&self, input: Extent) -> bool {
        self.size == [1, 1]
            && self.stride == 1
            && self.before == [0, 0]
            && self.places == [input.height, input.width]
    }

    /// Number of pixels of a window.
    pub(crate) fn taps(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// The first row or column of the window at `place`, and which of its rows or columns lie
    /// inside of a map with `length` of them; the sum of both is not negative.
    #[inline(always)]
    pub(crate) fn inside(&self, axis: usize, place: usize, length: usize) -> (isize, Range<usize>) {
        let first = (place * self.stride) as isize - self.before[axis] as isize;
        let from = (-first).clamp(0, self.size[axis] as isize);
        let to = (length as isize - first).clamp(from, self.size[axis] as isize);
        (first, from as usize..to as usize)
    }

    /// Of the places from `some.start` to `some.end` of one row, those whose windows have this column of
    /// theirs inside of a map of this width; and where that is for the first of them.
    #[inline(always)]
    pub(crate) fn reached(
        &self,
        column: usize,
        width: usize,
        some: Range<usize>,
    ) -> (Range<usize>, usize) {
        let before = self.before[1];
        let from = before.saturating_sub(column).div_ceil(self.stride).clamp(some.start, some.end);
        let to = (width + before).saturating_sub(column).div_ceil(self.stride);
        let to = to.clamp(from, some.end);
        // Nothing is read where the range is empty.
        (from..to, (from * self.stride + column).saturating_sub(before))
    }

    /// The columns whose windows lie inside of a map of this width from left to right.
    pub(crate) fn whole_columns(&self, width: usize) -> Range<usize> {
        let from = self.before[1].div_ceil(self.stride).min(self.places[1]);
        let room = (width + self.before[1]).checked_sub(self.size[1]);
        let to = room.map_or(from, |room| room / self.stride + 1);
        from..to.clamp(from, self.places[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_in_the_middle() {
        // 3 wide, every other pixel, one column of zeros to the left: 7 columns hold windows at -1,
        // 1, 3 and 5, the first and last of which reach over the edge.
        let windows = Windows { size: [3, 3], stride: 2, before: [1, 1], places: [4, 4] };
        assert_eq!(windows.whole_columns(7), 1..3);
        // Their left columns lie at -1, 1, 3 and 5, their right ones at 1, 3, 5 and 7.
        assert_eq!(windows.reached(0, 7, 0..4), (1..4, 1));
        assert_eq!(windows.reached(2, 7, 0..4), (0..3, 1));
        assert_eq!(windows.reached(1, 7, 2..3), (2..3, 4));
        assert_eq!(windows.inside(1, 0, 7), (-1, 1..3));
        assert_eq!(windows.inside(1, 3, 7), (5, 0..2));
        let wide = Windows { size: [5, 5], stride: 1, before: [2, 2], places: [2, 2] };
        assert_eq!(wide.whole_columns(2), 2..2);
    }
}
