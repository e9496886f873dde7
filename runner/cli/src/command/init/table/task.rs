//! What can be learned from the cells of labels.

use std::collections::BTreeSet;

use runner_experiment::section::task::Task;
use runner_experiment::sheet::{Cell, Sheet, number};

use super::cells::{are_flags, listed, numbers, texts};
use crate::failure::Failure;

/// More whole numbers than these are measured, not classes.
const MOST_CLASSES: usize = 30;

/// What stands between several labels of an image where nothing else is said.
const SEPARATOR: char = '|';

/// What the cells can teach.
pub(super) fn task(name: &str, sheet: &Sheet, labels: &[String]) -> Result<Task, Failure> {
    let places: Vec<usize> = labels.iter().filter_map(|label| sheet.column(label)).collect();
    check_numbers(name, sheet, &places)?;
    if let [place] = places[..] {
        let is_list = sheet.rows.iter().any(|row| matches!(row[place], Cell::List(_)));
        let is_several = texts(sheet, place).any(|text| text.contains(SEPARATOR));
        return Ok(match () {
            () if is_list || is_several => Task::Multilabel,
            () if are_measured(sheet, place) => Task::Regression,
            () => Task::Classification,
        });
    }
    match () {
        () if places.iter().all(|place| are_flags(sheet, *place)) => Ok(Task::Multilabel),
        () if places.iter().all(|place| numbers(sheet, *place).is_some()) => Ok(Task::Regression),
        () => Err(Failure::usage(format!(
            "{} of {name} are neither all 0 or 1 nor all numbers; several columns are either labels \
             that an image has or has not, or numbers",
            listed(labels.iter())
        ))),
    }
}

/// Numbers in a form that would be taken for names: in lists, or with a comma.
fn check_numbers(name: &str, sheet: &Sheet, places: &[usize]) -> Result<(), Failure> {
    for place in places.iter().copied() {
        let column = &sheet.columns[place];
        let members = sheet.rows.iter().filter_map(|row| match &row[place] {
            Cell::List(members) => Some(members),
            Cell::Empty | Cell::Text(_) => None,
        });
        let different: BTreeSet<&String> = members.flatten().collect();
        if different.len() > MOST_CLASSES && different.iter().all(|text| number(text).is_some()) {
            return Err(Failure::usage(format!(
                "the column `{column}` of {name} has lists of numbers; give each number a column of its \
                 own, and name these: `--label x --label y`"
            )));
        }
        let is_fraction =
            |text: &str| text.contains(',') && number(&text.replacen(',', ".", 1)).is_some();
        if let Some(comma) = texts(sheet, place).find(|text| is_fraction(text))
            && texts(sheet, place).all(|text| number(text).is_some() || is_fraction(text))
        {
            return Err(Failure::usage(format!(
                "the column `{column}` of {name} has `{comma}`; numbers are written with a point"
            )));
        }
    }
    Ok(())
}

/// Numbers with fractions, or more whole numbers than there are classes.
fn are_measured(sheet: &Sheet, column: usize) -> bool {
    let Some(numbers) = numbers(sheet, column) else { return false };
    let different: BTreeSet<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    numbers.iter().any(|number| number.fract() != 0.0) || different.len() > MOST_CLASSES
}

#[cfg(test)]
mod tests {
    use super::super::columns::label_columns;
    use super::*;

    fn sheet(columns: &[&str], rows: &[&[&str]]) -> Sheet {
        let cell = |text: &&str| match *text {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        };
        Sheet {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }
    }

    fn learned(columns: &[&str], rows: &[&[&str]]) -> Result<(Vec<String>, Task), String> {
        let sheet = sheet(columns, rows);
        let labels =
            label_columns("t.csv", &sheet, ("image", &[])).map_err(|failure| failure.message())?;
        let task = task("t.csv", &sheet, &labels).map_err(|failure| failure.message())?;
        Ok((labels, task))
    }

    #[test]
    fn what_is_learned_follows_from_the_cells() {
        let one = |cells: &[&[&str]]| learned(&["image", "Category"], cells).map(|found| found.1);
        assert_eq!(one(&[&["a", "cat"], &["b", "dog"]]), Ok(Task::Classification));
        assert_eq!(one(&[&["a", "3"], &["b", "7"]]), Ok(Task::Classification));
        assert_eq!(one(&[&["a", "3.5"], &["b", "7"]]), Ok(Task::Regression));
        assert_eq!(one(&[&["a", "red|round"], &["b", ""]]), Ok(Task::Multilabel));
        let (labels, task) = learned(
            &["image", "red", "round", "split", "weight"],
            &[&["a", "0", "1", "train", "2"], &["b", "1", "1", "test", "3"]],
        )
        .unwrap();
        assert_eq!((labels, task), (vec!["red".to_owned(), "round".to_owned()], Task::Multilabel));
        let said = learned(&["image", "age", "name"], &[&["a", "3", "x"]]).unwrap_err();
        assert!(said.contains("`age`, `name`? Name it: `--label age`"), "{said}");
        let said = one(&[&["a", "0,5"], &["b", "2"]]).unwrap_err();
        assert!(said.contains("has `0,5`; numbers are written with a point"), "{said}");
        assert_eq!(one(&[&["a", "0,5"], &["b", "x"]]), Ok(Task::Classification));
    }
}
