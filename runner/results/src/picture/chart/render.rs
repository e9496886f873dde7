//! What all charts share: colours, the range of an axis, and both backends.

use std::error::Error;

use image::RgbImage;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::ResultsError;
use crate::picture::from_rgb;
use crate::picture::text::FONT;

/// Why plotters could not draw.
pub(super) type DrawError = Box<dyn Error + Send + Sync>;

/// Colours that colour-blind readers can tell apart (Okabe & Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// The colour of a line or class; they repeat.
pub(super) fn hue(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// Something that can be drawn on any backend.
pub(super) trait Drawing {
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        area: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawError>;
}

/// The drawing as an image and as SVG.
pub(super) fn rendered(
    size: (u32, u32),
    drawing: &impl Drawing,
) -> Result<(RgbImage, String), ResultsError> {
    // It cannot fail: the bytes are those of a font.
    let _ = register_font("sans-serif", FontStyle::Normal, FONT);
    let mut rgb = vec![255; size.0 as usize * size.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area();
        drawing.draw(&area).map_err(ResultsError::Picture)?;
        area.present().map_err(|error| ResultsError::Picture(error.into()))?;
    }
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        drawing.draw(&area).map_err(ResultsError::Picture)?;
        area.present().map_err(|error| ResultsError::Picture(error.into()))?;
    }
    Ok((from_rgb(size.0 as usize, size.1 as usize, rgb), svg))
}

/// The smallest and the largest finite value with a little room around them.
pub(super) fn ends<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let ends = |(low, high): (f64, f64), value: &f64| (low.min(*value), high.max(*value));
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.filter(|value| value.is_finite()).fold(start, ends);
    if low > high {
        return (0.0, 1.0);
    }
    let room = ((high - low) * 0.06).max(1e-3);
    (low - room, high + room)
}
