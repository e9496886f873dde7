//! Maps in blocks of channels, which lie as given or are copied.

use std::ops::Deref;

use crate::buffer::{Scratch, scratch};
use crate::reorder::reorder;
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH};

/// Maps in blocks of channels, `[image][block][pixel]`.
pub enum Lines<'a> {
    Given(&'a [Values]),
    Copied(Scratch),
}

impl Deref for Lines<'_> {
    type Target = [Values];

    fn deref(&self) -> &[Values] {
        match self {
            Self::Given(values) => values,
            Self::Copied(values) => values,
        }
    }
}

/// Number of lines of a batch of maps.
pub fn count(extent: Extent, images: usize) -> usize {
    images * extent.values(Layout::Nchw16c) / WIDTH
}

/// Maps of any layout; no copy where they are in blocks, on whole cache lines.
pub fn lines(extent: Extent, images: usize, values: &[f32], layout: Layout) -> Lines<'_> {
    let count = count(extent, images);
    if layout == Layout::Nchw16c
        && let Ok(values) = bytemuck::try_cast_slice(&values[..count * WIDTH])
    {
        return Lines::Given(values);
    }
    let mut out = scratch(count);
    let into: &mut [f32] = bytemuck::cast_slice_mut(&mut out);
    match layout {
        Layout::Nchw16c => into.copy_from_slice(&values[..count * WIDTH]),
        Layout::Nchw => reorder(extent, values, layout, into, Layout::Nchw16c),
    }
    Lines::Copied(out)
}

/// Calls `f` with memory for maps in blocks, which become maps of the layout of `out`.
pub fn fill(
    extent: Extent,
    images: usize,
    (out, layout): (&mut [f32], Layout),
    f: impl FnOnce(&mut [Values]),
) {
    let count = count(extent, images);
    if layout == Layout::Nchw16c
        && let Ok(values) = bytemuck::try_cast_slice_mut(&mut out[..count * WIDTH])
    {
        f(values);
        return;
    }
    let mut values = scratch(count);
    f(&mut values);
    write(extent, &values, (out, layout));
}

/// Copies maps in blocks to a layout.
pub fn write(extent: Extent, values: &[Values], (out, layout): (&mut [f32], Layout)) {
    let values: &[f32] = bytemuck::cast_slice(values);
    match layout {
        Layout::Nchw16c => out[..values.len()].copy_from_slice(values),
        Layout::Nchw => reorder(extent, values, Layout::Nchw16c, out, layout),
    }
}
