//! What a run says while it works, as plain data: events, and the rows of tables.
//!
//! The crates that compute produce these; those that write or draw consume them. Nothing here knows
//! a tensor, a table format or the terminal.

mod epoch;
mod event;
mod image;
mod layer;
mod prediction;
mod split;
mod visual;

pub use epoch::{EarlyStop, EpochRecord, Reason};
pub use event::{Event, Phase};
pub use image::{BadImage, Duplicate, Pixels, Place, ValueRange};
pub use layer::LayerRecord;
pub use prediction::{Answer, Prediction};
pub use split::SplitRecord;
pub use visual::{Activations, Embedding, Filter, Heatmap, LayerFilters, OutOfFold, Plane, Score};
