//! What a run says while it works, as plain data: events, and the rows of tables.
//!
//! The ground floor: whoever computes makes these, whoever writes or draws takes them. Nothing here
//! knows a tensor, a table format or the terminal.

pub mod epoch;
pub mod event;
pub mod image;
pub mod layer;
pub mod prediction;
pub mod visual;

pub use epoch::{EarlyStop, EpochRecord, Reason};
pub use event::{Event, Phase};
pub use image::{BadImage, Duplicate, Pixels, Place, ValueRange};
pub use layer::LayerRecord;
pub use prediction::Prediction;
pub use visual::{Activations, Embedding, Filter, Heatmap, LayerFilters, Plane, Score};
