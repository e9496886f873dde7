//! Which column of a table is which.

use crate::diagnostic::Diagnostics;
use crate::section::columns::{Columns, ColumnsSection};
use crate::section::dataset::DatasetSection;
use crate::section::task::Task;
use crate::sheet::{Cell, Sheet};
use crate::suggest::{closest, join};
use crate::value::{Located, Plain};

/// So many columns are listed.
const LISTED: usize = 12;

/// Places of columns.
pub(super) struct Found {
    pub(super) image: usize,
    /// Place and name of each.
    pub(super) labels: Vec<(usize, String)>,
    pub(super) split: Option<usize>,
    pub(super) group: Option<usize>,
    pub(super) weight: Option<usize>,
}

/// The column that `dataset.split.group` names, where it is one of the table's.
pub(super) fn group(section: &DatasetSection, sheet: &Sheet) -> Option<String> {
    let group = &section.split.as_ref()?.value.group.as_ref()?.value;
    sheet.column(group).map(|_| group.clone())
}

/// The columns of a table; `None` where one is missing.
pub(super) fn find(
    section: &DatasetSection,
    table: &Located<String>,
    sheet: &Sheet,
    diagnostics: &mut Diagnostics,
) -> Option<Found> {
    if is_one_column(table, sheet, diagnostics) {
        return None;
    }
    let given = section.columns.as_ref();
    let names: Columns = given.map(Plain::plain).unwrap_or_default();
    let empty = ColumnsSection::default();
    let spans = given.map_or(&empty, |given| &given.value);
    let mut search = Search { sheet, table, diagnostics };
    let span = |key: &Option<Located<String>>| key.as_ref().map(|key| key.span.clone());
    let image = search.required("image", &names.image, span(&spans.image));
    let label_span = spans.label.as_ref().map(|label| label.span.clone());
    let labels: Vec<Option<(usize, String)>> = names
        .label
        .iter()
        .map(|name| Some((search.required("label", name, label_span.clone())?, name.clone())))
        .collect();
    let split = search.optional("split", names.split.as_deref(), span(&spans.split));
    let named = group(section, sheet).or(names.group);
    let group = search.optional("group", named.as_deref(), span(&spans.group));
    let weight = search.optional("weight", names.weight.as_deref(), span(&spans.weight));
    if section.task() == Task::Classification && names.label.len() > 1 {
        let span = label_span.unwrap_or(table.span.clone());
        diagnostics
            .error(span, "dataset.columns.label", "an image has one class, in one column")
            .help("`task = \"multilabel\"` or `task = \"regression\"` take several columns");
    }
    let are_columns = names.label.len() > 1 || section.task() == Task::Regression;
    if let Some(classes) = section.classes.as_ref().filter(|_| are_columns) {
        diagnostics
            .error(
                classes.span.clone(),
                "dataset.classes",
                "`classes` names what stands in one column of labels",
            )
            .help("leave it out: the columns have names of their own");
    }
    let labels: Option<Vec<_>> = labels.into_iter().collect();
    Some(Found { image: image?, labels: labels?, split: split?, group: group?, weight: weight? })
}

/// Whether all cells of a text file are in one column, as with a separator that is none.
fn is_one_column(table: &Located<String>, sheet: &Sheet, diagnostics: &mut Diagnostics) -> bool {
    let [column] = sheet.columns.as_slice() else { return false };
    let name = table.value.to_lowercase();
    if !name.ends_with(".csv") && !name.ends_with(".tsv") {
        return false;
    }
    diagnostics
        .error(
            table.span.clone(),
            "dataset.table",
            format!("the table `{}` has one column only, `{column}`", table.value),
        )
        .label("needs two: images and labels")
        .help("what stands between cells is a comma, a semicolon or a tab");
    true
}

struct Search<'a> {
    sheet: &'a Sheet,
    table: &'a Located<String>,
    diagnostics: &'a mut Diagnostics,
}

impl Search<'_> {
    fn required(
        &mut self,
        key: &str,
        name: &str,
        span: Option<std::ops::Range<usize>>,
    ) -> Option<usize> {
        let found = self.sheet.column(name);
        if found.is_none() {
            let is_given = span.is_some();
            let meant = self.meant(name);
            let help = match is_given {
                true => meant,
                false => format!("{meant}\n`columns = {{ {key} = \"…\" }}` says what it is called"),
            };
            self.diagnostics
                .error(
                    span.unwrap_or(self.table.span.clone()),
                    format!("dataset.columns.{key}"),
                    format!("the table `{}` has no column `{name}`", self.table.value),
                )
                .help(help);
        }
        found
    }

    fn meant(&self, name: &str) -> String {
        let columns = || self.sheet.columns.iter().map(String::as_str);
        if let Some(close) = closest(name, columns()) {
            return format!("did you mean `{close}`?");
        }
        let more = match self.sheet.columns.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(", … and {more} more"),
        };
        format!("it has these, by its first line: {}{more}", join(columns().take(LISTED)))
    }

    /// The column that was named, or the one that is called like the key, where there is one with something
    /// in it.
    fn optional(
        &mut self,
        key: &str,
        name: Option<&str>,
        span: Option<std::ops::Range<usize>>,
    ) -> Option<Option<usize>> {
        match name {
            Some(name) => self.required(key, name, span).map(Some),
            None => {
                let has =
                    |place: &usize| self.sheet.rows.iter().any(|row| row[*place] != Cell::Empty);
                Some(self.sheet.column(key).filter(has))
            }
        }
    }
}
