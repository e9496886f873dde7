//! Curves and points, drawn by plotters as PNG and as SVG.

mod curves;
mod render;
mod scatter;

pub use curves::{Line, Panel, curves, smoothed};
pub use scatter::{Scatter, scatter};
