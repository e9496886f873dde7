//! Kernels in CubeCL, which a GPU's driver compiles when they are first launched.

pub(crate) mod activation;
pub(crate) mod arrange;
pub(crate) mod compare;
pub(crate) mod place;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod window;
