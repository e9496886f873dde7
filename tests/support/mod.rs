//! What the tests share.

pub mod fixtures;
pub mod formula;
pub mod many;
pub mod runner;
