//! Points in the plane, by class.

use image::RgbImage;
use plotters::coord::Shift;
use plotters::prelude::*;
use runner_experiment::text::visible;

use super::render::{DrawError, Drawing, ends, hue, rendered};
use crate::ResultsError;

/// Height and width of a picture of points.
const SQUARE: (u32, u32) = (760, 700);

/// Points in the plane, by class.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// The text above it.
    pub title: String,
    /// Labels of the two axes.
    pub axes: [String; 2],
    /// Name and points of each class.
    pub classes: Vec<(String, Vec<[f64; 2]>)>,
}

/// Points in the plane, as an image and as SVG.
///
/// # Errors
///
/// [`ResultsError::Picture`].
pub fn scatter(scatter: &Scatter) -> Result<(RgbImage, String), ResultsError> {
    rendered(SQUARE, scatter)
}

impl Drawing for Scatter {
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        area: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawError> {
        area.fill(&WHITE)?;
        let along = |axis: usize| {
            let points = self.classes.iter().flat_map(|(_, points)| points);
            ends(points.map(|point| &point[axis]))
        };
        let ((left, right), (low, high)) = (along(0), along(1));
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d(left..right, low..high)?;
        chart
            .configure_mesh()
            .x_desc(&self.axes[0])
            .y_desc(&self.axes[1])
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", 13))
            .draw()?;
        for (index, (class, points)) in self.classes.iter().enumerate() {
            let colour = hue(index);
            let dot =
                |point: &[f64; 2]| Circle::new((point[0], point[1]), 3, colour.mix(0.55).filled());
            chart
                .draw_series(points.iter().map(dot))?
                .label(visible(class))
                .legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            .draw()?;
        Ok(())
    }
}
