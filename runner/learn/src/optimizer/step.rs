//! What every optimizer does before its formula: clipping, and weight decay that is not part of it.

/// What happens to one parameter before the formula has its turn, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Factor of the gradient.
    pub(super) scale: f32,
    /// The gradient's values are cut off at this, either way.
    pub(super) limit: f32,
    /// Share of the parameter that is taken off.
    pub(super) decay: f32,
}
