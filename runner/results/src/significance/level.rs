//! When a difference counts as shown.

/// How often two equal settings may be told apart: 5 %, both directions together.
pub const LEVEL: f64 = 0.05;

/// What can be said about two settings A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A is better than B.
    ABetter,
    /// B is better than A.
    BBetter,
    /// Neither is shown.
    CannotTell,
}

impl Outcome {
    /// Of a difference B - A whose 95 % interval is known, and the p-value of its test.
    pub(super) fn of(difference: f64, p_value: f64, interval: [f64; 2]) -> Self {
        let [low, high] = interval;
        if p_value < LEVEL && difference > 0.0 && low > 0.0 {
            Self::BBetter
        } else if p_value < LEVEL && difference < 0.0 && high < 0.0 {
            Self::ABetter
        } else {
            Self::CannotTell
        }
    }
}
