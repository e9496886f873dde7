//! Curves in a terminal: one metric of one run, training and validation by epoch.

use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Style};
use ratatui_core::symbols::Marker;
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span};
use ratatui_widgets::block::Block;
use ratatui_widgets::chart::{Axis, Chart, Dataset, GraphType};
use runner_results::live::LiveRun;

use super::draw::Metric;

/// Epochs from which the first ones no longer decide how far a loss reaches.
const SETTLED: usize = 10;

/// Draws the curves of a run.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    run: &LiveRun,
    metric: Metric,
    colours: bool,
) {
    // Where there are no colours, the form of the line tells them apart.
    let styles = match colours {
        true => [(Marker::Braille, Color::Cyan), (Marker::Braille, Color::Yellow)],
        false => [(Marker::Dot, Color::Reset), (Marker::Braille, Color::Reset)],
    };
    let [train, validation] = [0, 1].map(|side| points(run, metric, side));
    let block = Block::bordered().title(title(metric, styles));
    let Some([low, high]) = range(metric, &[&train, &validation]) else {
        return frame.render_widget(block, area);
    };
    let lines = [&train, &validation].into_iter().zip(styles);
    let datasets = lines.map(|(points, (marker, colour))| {
        let line = Dataset::default().data(points).marker(marker).graph_type(GraphType::Line);
        line.style(Style::new().fg(colour))
    });
    let last = run.epochs.len().max(2);
    let middle = last.div_ceil(2);
    let steps = match last > 2 {
        true => vec![1, middle, last],
        false => vec![1, last],
    };
    let across =
        Axis::default().bounds([1.0, last as f64]).labels(steps.iter().map(ToString::to_string));
    let values = [low, f64::midpoint(low, high), high].map(|value| label(value, high - low));
    let up = Axis::default().bounds([low, high]).labels(values);
    let chart = Chart::new(datasets.collect()).block(block).x_axis(across).y_axis(up);
    frame.render_widget(chart.legend_position(None), area);
}

/// The metric, and what the lines are: in the frame, where no curve is hidden by it.
fn title(metric: Metric, styles: [(Marker, Color); 2]) -> Line<'static> {
    let mut spans = vec![Span::raw(format!(" {}: ", metric.word()))];
    for (name, (marker, colour)) in ["train", "validation"].into_iter().zip(styles) {
        let line = if marker == Marker::Dot { "•••" } else { "⠒⠒⠒" };
        spans.push(Span::styled(format!("{line} {name} "), Style::new().fg(colour)));
    }
    Line::from(spans)
}

/// Epoch and value, those that are finite.
fn points(run: &LiveRun, metric: Metric, side: usize) -> Vec<(f64, f64)> {
    let values = run.epochs.iter().map(|epoch| match metric {
        Metric::Loss => epoch.loss[side],
        Metric::Accuracy => epoch.accuracy[side],
    });
    let points = values.enumerate().map(|(index, value)| ((index + 1) as f64, value));
    points.filter(|(_, value)| value.is_finite()).collect()
}

/// From where to where the values reach. The loss of the first epochs may be many times what comes
/// later: once there are some, the first tenth may reach out of the picture.
fn range(metric: Metric, lines: &[&Vec<(f64, f64)>]) -> Option<[f64; 2]> {
    let last =
        lines.iter().filter_map(|line| line.last()).fold(0.0, |last, point| point.0.max(last));
    let from = match metric == Metric::Loss && last >= SETTLED as f64 {
        true => 1.0 + last / 10.0,
        false => 0.0,
    };
    let values = lines.iter().flat_map(|line| line.iter()).filter(|point| point.0 >= from);
    let values: Vec<f64> = values.map(|point| point.1).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return None;
    }
    let margin = match high > low {
        true => (high - low) * 0.05,
        false => (high.abs() * 0.05).max(0.01),
    };
    // Neither is ever below zero, and an accuracy never above one.
    let most = if metric == Metric::Accuracy { 1.0 } else { f64::INFINITY };
    Some([(low - margin).max(0.0), (high + margin).min(most)])
}

/// A value with as many decimals as tell the axis's values apart.
fn label(value: f64, span: f64) -> String {
    match span {
        _ if value.abs() >= 1e5 => format!("{value:.1e}"),
        span if span >= 10.0 => format!("{value:.0}"),
        span if span >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
