//! What the tests share.

pub mod coloured;
pub mod fixtures;
pub mod formula;
pub mod many;
pub mod runner;
