//! A formula as a list of operations.

/// What an operation computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a b
    Multiply,
    /// a / b
    Divide,
    /// a plus a number.
    AddNumber,
    /// a times a number.
    MultiplyNumber,
    /// -a
    Negate,
    /// √a
    Root,
    /// a²
    Square,
    /// -1, 0 or 1.
    Sign,
}

/// One operation; its result is the next register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What is computed.
    pub operation: Operation,
    /// The register a.
    pub first: usize,
    /// The register b, or the place of the number; 0 where there is neither.
    pub second: usize,
}

/// A formula. The first registers are the parameter, its gradient, and the slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program {
    /// In their order.
    pub instructions: Vec<Instruction>,
    /// How many numbers they use.
    pub numbers: usize,
    /// The register that is subtracted from the parameter.
    pub step: usize,
    /// The registers that the slots become.
    pub state: Vec<usize>,
}
