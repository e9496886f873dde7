//! What a row of a table is, and how the columns of one are declared.

use polars::prelude::Column;

/// A row of one of the tables.
pub trait Row: Sized {
    /// The name of the file.
    const FILE: &'static str;

    /// The rows as columns.
    fn columns(rows: Vec<Self>) -> Vec<Column>;
}

/// Declares a table of rows that are made here: their struct, and its fields as columns.
macro_rules! table {
    ($(#[$meta:meta])* pub struct $name:ident => $file:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        $crate::tables::row::columns!($name => $file { $($field: $type,)* });
    };
}

/// Declares which fields of a row are columns, in their order.
macro_rules! columns {
    ($name:ty => $file:literal { $($field:ident: $type:ty,)* }) => {
        impl $crate::tables::row::Row for $name {
            const FILE: &'static str = $file;

            fn columns(rows: Vec<Self>) -> Vec<polars::prelude::Column> {
                $(let mut $field = Vec::with_capacity(rows.len());)*
                for row in rows {
                    $($field.push(row.$field);)*
                }
                vec![$(<$type as $crate::tables::ColumnValue>::column(stringify!($field), $field),)*]
            }
        }
    };
}

pub(crate) use {columns, table};
