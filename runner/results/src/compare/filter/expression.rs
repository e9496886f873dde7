//! What a filter says, and whether it is true.

use std::cmp::Ordering;

use super::tokens::Operator;
use crate::tables::Cell;

/// A number, or text. Both are compared as text with what is no number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) text: String,
    /// `None` where the text is in quotes or no number.
    pub(super) number: Option<f64>,
}

/// A condition on the columns, which have numbers here.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(usize, Operator, Value),
    In(usize, Vec<Value>),
}

impl Expression {
    pub(super) fn is_true(&self, cell: &dyn Fn(usize) -> Cell) -> bool {
        match self {
            Self::Any(conditions) => conditions.iter().any(|condition| condition.is_true(cell)),
            Self::All(conditions) => conditions.iter().all(|condition| condition.is_true(cell)),
            Self::Not(condition) => !condition.is_true(cell),
            Self::Compare(column, operator, value) => compare(&cell(*column), *operator, value),
            Self::In(column, values) => {
                let cell = cell(*column);
                values.iter().any(|value| compare(&cell, Operator::Equal, value))
            }
        }
    }
}

/// Of a list one item has to fit; none may be the one that it must not be.
fn compare(cell: &Cell, operator: Operator, value: &Value) -> bool {
    match (cell, operator) {
        (Cell::List(items), Operator::NotEqual) => {
            !items.iter().any(|item| compare(item, Operator::Equal, value))
        }
        (Cell::List(items), _) => items.iter().any(|item| compare(item, operator, value)),
        _ => ordering(cell, value, operator).is_some_and(|ordering| operator.accepts(ordering)),
    }
}

/// `None` where there is nothing to compare, or no order between a number and a word.
fn ordering(cell: &Cell, value: &Value, operator: Operator) -> Option<Ordering> {
    let number = match cell {
        Cell::Null => return None,
        Cell::Text(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let text = match cell {
        // As precise as it is.
        Cell::Float(number) => number.to_string(),
        other => other.to_string(),
    };
    match (number, value.number) {
        // What is not a number is neither larger nor smaller nor the same.
        (Some(a), Some(b)) => a.partial_cmp(&b),
        (None, Some(_)) if !operator.is_equality() && !matches!(cell, Cell::Time(_)) => None,
        _ => Some(text.as_str().cmp(value.text.as_str())),
    }
}
