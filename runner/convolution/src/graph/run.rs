//! Running a graph: values come, are used, and go.

use std::ops::Range;

use rayon::prelude::*;

use super::gather::Source;
use super::step::How;
use super::{Graph, Placed};
use crate::buffer::{Scratch, scratch};
use crate::reorder::reorder;
use crate::shape::{DIRECT_CHANNELS, Layout};
use crate::stack::prepared::Batch;
use crate::values::{Values, WIDTH};

/// The values that are alive, and the image where it is planar.
struct Alive<'a> {
    values: Vec<Option<Scratch>>,
    image: Option<&'a [f32]>,
}

impl Graph {
    /// Runs all nodes on NCHW maps, and writes NCHW maps.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than `images` maps.
    pub fn forward(&self, images: usize, input: &[f32], out: &mut [f32]) {
        let (from, to) = (self.extents[0].len(), self.output().len());
        let (input, out) = (&input[..images * from], &mut out[..images * to]);
        let early = self.extents[self.early];
        let lines = early.blocks() * early.height * early.width;
        if self.early == 0 {
            self.late(images, self.image(images, input), out);
            return;
        }
        let mut between = scratch(images * lines);
        let is_shared = images < rayon::current_num_threads();
        let batch = Batch { images: 1, total: images };
        let all = between.par_chunks_exact_mut(lines).zip(input.par_chunks_exact(from));
        all.for_each(|(between, input)| {
            let alive = self.image(1, input);
            let last = self.run(0..self.early, self.how(batch, is_shared), alive);
            between.copy_from_slice(&last);
        });
        if self.early == self.steps.len() {
            let values = bytemuck::cast_slice(&between);
            reorder(self.output(), values, Layout::Nchw16c, out, Layout::Nchw);
            return;
        }
        let mut alive = Alive { values: self.none(), image: None };
        alive.values[self.early] = Some(between);
        self.late(images, alive, out);
    }

    fn how(&self, batch: Batch, is_shared: bool) -> How {
        How { batch, is_shared, isa: self.isa }
    }

    fn none(&self) -> Vec<Option<Scratch>> {
        std::iter::repeat_with(|| None).take(self.extents.len()).collect()
    }

    /// The image as the first value, in blocks unless it has few channels.
    fn image<'a>(&self, images: usize, input: &'a [f32]) -> Alive<'a> {
        let extent = self.extents[0];
        let mut values = self.none();
        if extent.channels <= DIRECT_CHANNELS {
            return Alive { values, image: Some(input) };
        }
        let mut blocks = scratch(images * extent.values(Layout::Nchw16c) / WIDTH);
        let into = bytemuck::cast_slice_mut(&mut blocks);
        reorder(extent, input, Layout::Nchw, into, Layout::Nchw16c);
        values[0] = Some(blocks);
        Alive { values, image: None }
    }

    /// Runs the steps behind the early ones on all images, and writes what comes out.
    fn late(&self, images: usize, alive: Alive<'_>, out: &mut [f32]) {
        let batch = Batch { images, total: images };
        let last = self.run(self.early..self.steps.len(), self.how(batch, true), alive);
        let values = bytemuck::cast_slice(&last);
        reorder(self.output(), values, Layout::Nchw16c, out, Layout::Nchw);
    }

    /// Runs some steps and returns the value of the last.
    fn run(&self, steps: Range<usize>, how: How, mut alive: Alive<'_>) -> Scratch {
        let end = steps.end;
        for index in steps {
            let placed = &self.steps[index];
            let mut out = self.room(placed, index, how.batch.images, &mut alive);
            let value = |number: usize| alive.values[number].as_deref();
            let others = placed.others.iter().map(|other| other.and_then(value));
            let others: Vec<Option<&[Values]>> = others.collect();
            let source = match (value(placed.input), alive.image) {
                (Some(values), _) => Source::Blocks(values),
                (None, Some(image)) => Source::Planar(image),
                // A step that works in the memory of its input.
                (None, None) => Source::Blocks(&[]),
            };
            placed.step.run(how, source, &others, &mut out);
            alive.values[index + 1] = Some(out);
            for done in &placed.done {
                alive.values[*done] = None;
            }
        }
        alive.values[end].take().unwrap_or_else(|| scratch(0))
    }

    /// Memory for what comes out of a step: that of its input, where it changes that and nobody
    /// else needs it.
    fn room(&self, placed: &Placed, index: usize, images: usize, alive: &mut Alive<'_>) -> Scratch {
        if placed.step.is_in_place() {
            let is_last =
                placed.done.contains(&placed.input) && !placed.others.contains(&Some(placed.input));
            if is_last && let Some(input) = alive.values[placed.input].take() {
                return input;
            }
        }
        let extent = self.extents[index + 1];
        let mut out = scratch(images * extent.values(Layout::Nchw16c) / WIDTH);
        if placed.step.is_in_place()
            && let Some(input) = &alive.values[placed.input]
        {
            let input: &[Values] = input;
            out.copy_from_slice(input);
        }
        out
    }
}
