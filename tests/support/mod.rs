//! What the tests share.

pub mod fixtures;
pub mod many;
pub mod runner;
