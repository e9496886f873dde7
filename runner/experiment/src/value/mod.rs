//! From located nodes to typed values: every type names itself, checks its own range, and says
//! what it wanted when it got something else.
//!
//! | module | what |
//! |---|---|
//! | `located` | a value with its place |
//! | `from_node` | what may stand in the file |
//! | `plain` | what stands in the plan for it |
//! | `number`, `range` | numbers with a range |
//! | `choice` | one word of a list |
//! | `table` | tables, read key by key |
//! | `section` | declares a table of the file and of the plan |
//! | `tagged` | declares a table whose keys depend on one of them |
//! | `table_schema` | the JSON Schema of a table |

pub(crate) mod choice;
mod from_node;
mod located;
mod number;
mod plain;
mod range;
pub(crate) mod section;
mod table;
mod table_schema;
pub(crate) mod tagged;

pub(crate) use choice::{choice, unknown_word};
pub use from_node::FromNode;
pub(crate) use from_node::wrong_type;
pub use located::Located;
pub use number::{
    BelowOne, Count, Fraction, Magnitude, NonNegative, Positive, Seed, Share, Size, Whole,
};
pub use plain::Plain;
pub use range::{Factors, Shares, Zoom};
pub use section::WriteKeys;
pub(crate) use section::{
    describe_key, differ, expected, file_type, plan_type, plan_value, read_key, section, write_key,
    write_table,
};
pub use table::{Table, TableReader};
pub use table_schema::TableSchema;
pub(crate) use tagged::{fix_tag, note_defaults, read_tag, tagged, tagged_example};
