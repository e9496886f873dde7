//! Curves and points, drawn by plotters as PNG and as SVG.

use image::RgbImage;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::register_font;
use runner_experiment::text::visible;

use super::text::FONT;
use crate::ResultsError;

/// Width and height of a picture of curves.
const SIZE: (u32, u32) = (1200, 480);

/// Height and width of a picture of points.
const SQUARE: (u32, u32) = (760, 700);

/// Told apart by everyone (Okabe & Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];

/// Colour number `at`; they repeat.
fn hue(at: usize) -> RGBColor {
    COLOURS[at % COLOURS.len()]
}

/// One figure over the epochs.
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
    /// Above it.
    pub title: String,
    /// What is in it.
    pub lines: Vec<Line>,
    /// Name and first epoch, from 1, of each stage.
    pub stages: Vec<(String, usize)>,
    /// The best epoch, from 1, with its figure.
    pub best: Option<(usize, f64)>,
}

/// The exponential moving average with this weight of the past; the first value is as it is
/// (Chollet's `smooth_curve`).
#[must_use]
pub fn smoothed(values: &[f64], weight: f64) -> Vec<f64> {
    let mut last = None;
    let mut next = |value: &f64| {
        let own = last.map_or(*value, |last: f64| last * weight + value * (1.0 - weight));
        last = Some(own);
        own
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

/// Points in the plane, by class.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// Above it.
    pub title: String,
    /// Of the two axes.
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

/// Something that can be drawn on any backend.
trait Drawing {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), String>;
}

fn rendered(size: (u32, u32), drawing: &impl Drawing) -> Result<(RgbImage, String), ResultsError> {
    // The same bytes every time; that they are a font is known.
    let _ = register_font("sans-serif", FontStyle::Normal, FONT);
    let mut rgb = vec![255; size.0 as usize * size.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area();
        drawing.draw(&area).map_err(ResultsError::Picture)?;
        area.present().map_err(|error| ResultsError::Picture(error.to_string()))?;
    }
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        drawing.draw(&area).map_err(ResultsError::Picture)?;
        area.present().map_err(|error| ResultsError::Picture(error.to_string()))?;
    }
    Ok((super::from_rgb(size.0 as usize, size.1 as usize, rgb), svg))
}

/// Plotters's errors as words.
fn words<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

struct Curves<'a> {
    panels: &'a [Panel],
    smoothing: f64,
}

impl Drawing for Curves<'_> {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), String> {
        area.fill(&WHITE).map_err(words)?;
        let areas = area.split_evenly((1, self.panels.len().max(1)));
        for (panel, area) in self.panels.iter().zip(&areas) {
            panel.draw(area, self.smoothing)?;
        }
        Ok(())
    }
}

impl Panel {
    fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        smoothing: f64,
    ) -> Result<(), String> {
        let (low, high) = ends(self.lines.iter().flat_map(|line| &line.values));
        let epochs = self.lines.iter().map(|line| line.values.len()).max().unwrap_or(1).max(2);
        #[allow(clippy::cast_precision_loss)]
        let last = epochs as f64;
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(52)
            .build_cartesian_2d(1.0..last, low..high)
            .map_err(words)?;
        chart
            .configure_mesh()
            .x_desc("epoch")
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(words)?;
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
            .position(match self.title.contains("loss") {
                true => SeriesLabelPosition::UpperRight,
                false => SeriesLabelPosition::LowerRight,
            })
            .draw()
            .map_err(words)
    }

    /// A line where each stage begins, and its name.
    #[allow(clippy::cast_precision_loss)]
    fn stages<DB: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, DB>,
        (low, high): (f64, f64),
    ) -> Result<(), String> {
        for (at, (name, first)) in self.stages.iter().enumerate() {
            let x = *first as f64;
            if at > 0 {
                let line = [(x - 0.5, low), (x - 0.5, high)];
                let line = DashedLineSeries::new(line, 4, 4, BLACK.mix(0.4).into());
                chart.draw_series(line).map_err(words)?;
            }
            let place = (if at > 0 { x - 0.4 } else { x }, high);
            let style = ("sans-serif", 13).into_font().color(&BLACK.mix(0.6));
            chart
                .draw_series(std::iter::once(Text::new(visible(name).into_owned(), place, style)))
                .map_err(words)?;
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn best<DB: DrawingBackend>(&self, chart: &mut Chart<'_, DB>) -> Result<(), String> {
        let Some((epoch, value)) = self.best else { return Ok(()) };
        let ring = Circle::new((epoch as f64, value), 7, BLACK.stroke_width(2));
        chart
            .draw_series(std::iter::once(ring))
            .map_err(words)?
            .label(format!("lowest validation loss: epoch {epoch}"))
            .legend(|(x, y)| Circle::new((x + 10, y), 5, BLACK.stroke_width(2)));
        Ok(())
    }
}

impl Line {
    /// Points as they are, and the smoothed line through them.
    #[allow(clippy::cast_precision_loss)]
    fn draw<DB: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, DB>,
        smoothing: f64,
    ) -> Result<(), String> {
        let colour = hue(self.colour);
        let at = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(at, value)| (at as f64 + 1.0, *value)).collect()
        };
        let dot = |place| Circle::new(place, 2, colour.mix(0.45).filled());
        chart.draw_series(at(&self.values).into_iter().map(dot)).map_err(words)?;
        let line = LineSeries::new(at(&smoothed(&self.values, smoothing)), colour.stroke_width(2));
        chart
            .draw_series(line)
            .map_err(words)?
            .label(visible(&self.label))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        Ok(())
    }
}

/// The smallest and the largest finite value with a little room around them.
fn ends<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    let ends = |(low, high): (f64, f64), value: &f64| (low.min(*value), high.max(*value));
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.filter(|value| value.is_finite()).fold(start, ends);
    if low > high {
        return (0.0, 1.0);
    }
    let room = ((high - low) * 0.06).max(1e-3);
    (low - room, high + room)
}

impl Drawing for Scatter {
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), String> {
        area.fill(&WHITE).map_err(words)?;
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
            .build_cartesian_2d(left..right, low..high)
            .map_err(words)?;
        chart
            .configure_mesh()
            .x_desc(&self.axes[0])
            .y_desc(&self.axes[1])
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(words)?;
        for (at, (class, points)) in self.classes.iter().enumerate() {
            let colour = hue(at);
            let dot =
                |point: &[f64; 2]| Circle::new((point[0], point[1]), 3, colour.mix(0.55).filled());
            chart
                .draw_series(points.iter().map(dot))
                .map_err(words)?
                .label(visible(class))
                .legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 14))
            .draw()
            .map_err(words)
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
