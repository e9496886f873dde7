//! Which runs are looked at: `test_accuracy > 0.9 and seed == 1`.

mod expression;
mod parse;
mod tokens;

use super::sheet::Columns;
use crate::ResultsError;
use expression::Expression;

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter(Expression);

impl Filter {
    /// # Errors
    ///
    /// [`ResultsError::Filter`], with the place at fault.
    pub(super) fn parse(text: &str, columns: &impl Columns) -> Result<Self, ResultsError> {
        let find = |name: &str| columns.names().find(name).map_err(|error| error.to_string());
        parse::parse(text, &find).map(Self).map_err(|fault| ResultsError::Filter {
            text: text.to_owned(),
            place: fault.place,
            message: fault.message,
        })
    }

    /// Whether it is true for a row. A missing value makes every comparison false.
    pub(super) fn passes(&self, columns: &impl Columns, row: usize) -> bool {
        self.0.is_true(&|column| columns.cell(row, column))
    }
}
