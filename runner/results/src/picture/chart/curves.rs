//! Metrics over the epochs, one panel each.

use image::RgbImage;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use runner_experiment::text::visible;

use super::render::{DrawError, Drawing, ends, hue, rendered};
use crate::ResultsError;

/// Width and height of a picture of curves.
const SIZE: (u32, u32) = (1200, 480);

/// One metric over the epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is.
    pub label: String,
    /// One value per epoch.
    pub values: Vec<f64>,
    /// Which colour.
    pub colour: usize,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The text above it.
    pub title: String,
    /// What is in it.
    pub lines: Vec<Line>,
    /// Name and first epoch, from 1, of each stage.
    pub stages: Vec<(String, usize)>,
    /// The best epoch, from 1, with its metric.
    pub best: Option<(usize, f64)>,
}

/// The exponential moving average with this weight of the past; the first value is as it is
/// (Chollet's `smooth_curve`).
#[must_use]
pub fn smoothed(values: &[f64], weight: f64) -> Vec<f64> {
    let mut last = None;
    let mut next = |value: &f64| {
        let average = last.map_or(*value, |last: f64| last * weight + value * (1.0 - weight));
        last = Some(average);
        average
    };
    values.iter().map(&mut next).collect()
}

type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Panels side by side, as an image and as SVG.
///
/// # Errors
///
/// [`ResultsError::Picture`].
pub fn curves(panels: &[Panel], smoothing: f64) -> Result<(RgbImage, String), ResultsError> {
    rendered(SIZE, &Curves { panels, smoothing })
}

struct Curves<'a> {
    panels: &'a [Panel],
    smoothing: f64,
}

impl Drawing for Curves<'_> {
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        area: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawError> {
        area.fill(&WHITE)?;
        let areas = area.split_evenly((1, self.panels.len().max(1)));
        for (panel, area) in self.panels.iter().zip(&areas) {
            panel.draw(area, self.smoothing)?;
        }
        Ok(())
    }
}

impl Panel {
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        area: &DrawingArea<DB, Shift>,
        smoothing: f64,
    ) -> Result<(), DrawError> {
        let (low, high) = ends(self.lines.iter().flat_map(|line| &line.values));
        let epochs = self.lines.iter().map(|line| line.values.len()).max().unwrap_or(1).max(2);
        let last = epochs as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(52)
            .build_cartesian_2d(1.0..last, low..high)?;
        chart
            .configure_mesh()
            .x_desc("epoch")
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", 13))
            .draw()?;
        self.stages(&mut chart, (low, high))?;
        for line in &self.lines {
            line.draw(&mut chart, smoothing)?;
        }
        self.best(&mut chart)?;
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            // Away from where the lines end.
            .position(match ["loss", "error"].iter().any(|falls| self.title.contains(falls)) {
                true => SeriesLabelPosition::UpperRight,
                false => SeriesLabelPosition::LowerRight,
            })
            .draw()?;
        Ok(())
    }

    /// A line where each stage begins, and its name.
    fn stages<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        chart: &mut Chart<'_, DB>,
        (low, high): (f64, f64),
    ) -> Result<(), DrawError> {
        for (index, (name, first)) in self.stages.iter().enumerate() {
            let x = *first as f64;
            if index > 0 {
                let line = [(x - 0.5, low), (x - 0.5, high)];
                let line = DashedLineSeries::new(line, 4, 4, BLACK.mix(0.4).into());
                chart.draw_series(line)?;
            }
            let place = (if index > 0 { x - 0.4 } else { x }, high);
            let style = ("sans-serif", 13).into_font().color(&BLACK.mix(0.6));
            chart.draw_series(std::iter::once(Text::new(
                visible(name).into_owned(),
                place,
                style,
            )))?;
        }
        Ok(())
    }

    fn best<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        chart: &mut Chart<'_, DB>,
    ) -> Result<(), DrawError> {
        let Some((epoch, value)) = self.best else { return Ok(()) };
        let ring = Circle::new((epoch as f64, value), 7, BLACK.stroke_width(2));
        chart
            .draw_series(std::iter::once(ring))?
            .label(format!("lowest validation loss: epoch {epoch}"))
            .legend(|(x, y)| Circle::new((x + 10, y), 5, BLACK.stroke_width(2)));
        Ok(())
    }
}

impl Line {
    /// Points as they are, and the smoothed line through them.
    fn draw<DB: DrawingBackend<ErrorType: 'static>>(
        &self,
        chart: &mut Chart<'_, DB>,
        smoothing: f64,
    ) -> Result<(), DrawError> {
        let colour = hue(self.colour);
        let points = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(index, value)| (index as f64 + 1.0, *value)).collect()
        };
        let dot = |place| Circle::new(place, 2, colour.mix(0.45).filled());
        chart.draw_series(points(&self.values).into_iter().map(dot))?;
        let line =
            LineSeries::new(points(&smoothed(&self.values, smoothing)), colour.stroke_width(2));
        chart
            .draw_series(line)?
            .label(visible(&self.label))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooths_by_hand() {
        assert_eq!(smoothed(&[1.0, 2.0, 4.0], 0.5), [1.0, 1.5, 2.75]);
        assert_eq!(smoothed(&[1.0, 2.0], 0.0), [1.0, 2.0]);
    }

    #[test]
    fn a_picture_is_the_same_every_time_and_says_what_it_shows() -> Result<(), ResultsError> {
        let line = |label: &str, colour| Line {
            label: label.to_owned(),
            values: vec![0.5, 0.75, f64::NAN, 0.8],
            colour,
        };
        let panel = Panel {
            title: "accuracy".to_owned(),
            lines: vec![line("training", 0), line("validation", 1)],
            stages: vec![("head".to_owned(), 1), ("block5".to_owned(), 3)],
            best: Some((2, 0.75)),
        };
        let (picture, svg) = curves(std::slice::from_ref(&panel), 0.8)?;
        assert_eq!((picture, svg.clone()), curves(&[panel], 0.8)?);
        for word in ["accuracy", "validation", "block5", "epoch 2"] {
            assert!(svg.contains(word), "{word}");
        }
        Ok(())
    }
}
