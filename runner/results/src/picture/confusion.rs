//! How often each class is taken for each, as a table of colours.

use image::{Rgb, RgbImage, imageops};

use super::grid::PAPER;
use super::text;
use crate::tables::ConfusionRow;

/// Height and width of a cell, at most; many classes make it smaller.
const CELL: u32 = 96;
/// Approximate height and width of a table.
const WHOLE: u32 = 6_000;
/// Cells smaller than this have no text.
const LEGIBLE: u32 = 70;
const SIZE: f32 = 16.0;

/// Rows are the classes that images belong to, columns those that they are taken for. `rows` are
/// those of one split, pair by pair in the order of `classes`.
#[must_use]
pub fn picture(rows: &[ConfusionRow], classes: &[String]) -> RgbImage {
    let count = u32::try_from(classes.len()).unwrap_or(0);
    let left = classes.iter().map(|class| text::width(SIZE, class)).max().unwrap_or(0) + 16;
    let above = 48;
    let side = (WHOLE / count.max(1)).clamp(4, CELL);
    let mut picture =
        RgbImage::from_pixel(left + side * count + 8, above + side * count + 8, PAPER);
    text::write(&mut picture, left, 4, SIZE, "taken for");
    for (index, class) in (0..).zip(classes) {
        if side >= LEGIBLE {
            text::write(&mut picture, left + side * index + 6, above - 22, SIZE, class);
        }
        if side >= text::LINE {
            text::write(&mut picture, 6, above + side * index + side / 2 - 8, SIZE, class);
        }
    }
    for (index, row) in (0..).zip(rows) {
        let (x, y) = (left + side * (index % count.max(1)), above + side * (index / count.max(1)));
        imageops::replace(&mut picture, &cell(row, side), i64::from(x), i64::from(y));
    }
    picture
}

fn cell(row: &ConfusionRow, side: u32) -> RgbImage {
    // From white to a blue that black letters can be read on.
    let less = |most: f64| (255.0 - most * row.share.clamp(0.0, 1.0)) as u8;
    let paper = Rgb([less(150.0), less(90.0), 255]);
    let mut cell = RgbImage::from_pixel(side - 2, side - 2, paper);
    if side < LEGIBLE {
        return cell;
    }
    for (y, line) in [(26, row.images.to_string()), (48, format!("{:.1}%", 100.0 * row.share))] {
        let x = side.saturating_sub(text::width(SIZE, &line)) / 2;
        text::write(&mut cell, x, y, SIZE, &line);
    }
    cell
}
