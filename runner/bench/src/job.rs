//! What rows are made of.

/// Images per batch.
pub const BATCH: usize = 20;
/// Height and width of an image.
pub const SIDE: usize = 150;

/// Height and width of an image for networks that are published for it.
pub const LARGE_SIDE: usize = 224;

/// Why a row cannot run.
pub type Error = Box<dyn std::error::Error>;

/// One piece of work.
pub struct Row {
    /// Its name in every table.
    pub name: &'static str,
    /// Images that it handles each time.
    pub images: usize,
    /// Prepares it; what comes back does it once.
    pub prepare: fn() -> Result<Job, Error>,
}

/// Does the work of a row once.
pub type Job = Box<dyn FnMut() -> Result<(), Error>>;

/// Reproducible numbers in [0, 1).
pub(crate) fn numbers(count: usize) -> Vec<f32> {
    use runner_random::{Key, Purpose};
    let mut stream = Key::new(0, Purpose::Generate).stream();
    (0..count).map(|_| stream.uniform()).collect()
}
