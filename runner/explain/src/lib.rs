//! What a network computes, in numbers: nothing is drawn here.
//!
//! | module | what |
//! |---|---|
//! | `run` | a whole run: stages, then its jobs |
//! | `jobs` | the jobs in their order |
//! | `scene` | the network with everything that a job needs to know, and photos |
//! | `backward` | gradients of a score by a feature map or by the photo |
//! | `activations` | what layers answer to a photo |
//! | `filters`, `ascent`, `fourier` | gradient ascent in input space |
//! | `cam` | heatmaps of what a prediction rests on |
//! | `faithfulness` | how well these say it |
//! | `embedding`, `tsne` | images by what the penultimate layer makes of them |
//! | `suspects`, `logistic` | what labels look like to models that were not trained on them |

pub mod activations;
mod ascent;
pub mod backward;
pub mod cam;
pub mod components;
pub mod embedding;
pub mod error;
pub mod faithfulness;
pub mod filters;
pub mod fourier;
pub mod grid;
pub mod jobs;
mod logistic;
pub mod progress;
pub mod run;
pub mod scene;
mod suspects;
pub mod tsne;

pub use error::ExplainError;
pub use scene::Scene;
