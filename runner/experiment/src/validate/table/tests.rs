//! Rows that are right, and every kind of wrong one.

use super::*;
use crate::listing::Target;
use crate::sheet::{Cell, Sheet};

/// A table of texts, in place of a file: columns in the first line, `;` between cells.
fn read_text(path: &Path) -> Result<Sheet, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let cells = |line: &str| line.split(';').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines();
    let columns = cells(lines.next().unwrap_or_default());
    let cell = |text: String| if text.is_empty() { Cell::Empty } else { Cell::Text(text) };
    let rows = lines.map(|line| cells(line).into_iter().map(cell).collect()).collect();
    Ok(Sheet { columns, rows })
}

/// Loads an experiment on a table with these rows; the images `a.png` to `f.png` are there.
fn load(keys: &str, rows: &str) -> Result<crate::Checked, String> {
    sheet::register(read_text);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for name in ["a", "b", "c", "d", "e", "f"] {
        std::fs::write(folder.path().join(format!("{name}.png")), "x")
            .map_err(|e| e.to_string())?;
    }
    let table = folder.path().join("labels.csv");
    std::fs::write(&table, rows).map_err(|error| error.to_string())?;
    let text = format!(
        "[experiment]\nname = \"x\"\n[dataset]\ntable = '{}'\n{keys}\n[[stage]]\nname = \"head\"\n\
         epochs = 1\noptimizer = {{ name = \"sgd\", learning_rate = 0.1 }}\n",
        table.display()
    );
    crate::load_text("x.toml", &text, &[]).map_err(|error| match error {
        crate::LoadError::Invalid { diagnostics, .. } => diagnostics
            .iter()
            .map(|d| format!("{}: {}\n", d.message, d.help.clone().unwrap_or_default()))
            .collect(),
        other => other.to_string(),
    })
}

#[test]
fn rows_become_the_images_of_their_splits() -> Result<(), String> {
    let rows = "image;label;split;group;weight\na.png;dog;train;p1;2\nb.png;cat;train;;1\n\
                c.png;cat;val;;0.5\nd.png;dog;test;;1";
    let checked = load("", rows)?;
    assert_eq!(checked.classes, ["cat", "dog"]);
    let names: Vec<&str> = checked.splits.iter().map(|split| split.name).collect();
    assert_eq!(names, ["train", "validation", "test"]);
    let first = &checked.splits[0].images[0];
    assert_eq!((&first.target, first.weight), (&Target::Class(1), 2.0));
    assert_eq!(first.group.as_deref(), Some("p1"));
    assert!(checked.plan.dataset.is_some_and(|dataset| !dataset.is_divided()));
    Ok(())
}

#[test]
fn without_a_column_of_splits_images_are_divided() -> Result<(), String> {
    let rows = "file;kind\na.png;x\nb.png;y\nc.png;x\nd.png;y\ne.png;x\nf.png;y";
    let checked = load("columns = { image = \"file\", label = \"kind\" }", rows)?;
    assert_eq!(checked.splits.len(), 1);
    assert!(checked.plan.dataset.is_some_and(|dataset| dataset.is_divided()));
    Ok(())
}

#[test]
fn a_group_is_a_column_or_an_expression() -> Result<(), String> {
    let rows =
        "image;label;patient\na.png;x;1\nb.png;y;1\nc.png;x;2\nd.png;y;2\ne.png;x;3\nf.png;y;3";
    let checked = load("split = { group = \"patient\" }", rows)?;
    assert_eq!(checked.splits[0].images[2].group.as_deref(), Some("2"));
    let dataset = checked.plan.dataset.unwrap_or_default();
    assert_eq!(dataset.split.and_then(|split| split.group), None);
    assert_eq!(dataset.columns.and_then(|columns| columns.group).as_deref(), Some("patient"));
    let checked = load("split = { group = '([a-c])' }", rows)?;
    let split = checked.plan.dataset.and_then(|dataset| dataset.split);
    assert_eq!(split.and_then(|split| split.group).as_deref(), Some("([a-c])"));
    Ok(())
}

#[test]
fn groups_are_as_many_as_splits_at_least() {
    let rows = "image;label;group\na.png;x;1\nb.png;y;1\nc.png;x;2\nd.png;y;2";
    let said = |keys: &str, rows: &str| load(keys, rows).err().unwrap_or_default();
    assert!(
        said("", rows)
            .contains("3 splits need at least 3 groups, and the 4 images are of 2 groups")
    );
    assert_eq!(said("split = { test = 0.0 }", rows), "");
    assert!(said("folds = 2", rows).contains("2 folds need at least 4 groups"));
    let by_name = "split = { group = '([a-b])\\.png' }";
    assert_eq!(said(by_name, "image;label\na.png;x\nb.png;y\nc.png;x\nd.png;y"), "");
    let few = said("", "image;label\na.png;x\nb.png;y");
    assert!(few.contains("3 splits need at least 3 images, and there are 2 images"), "{few}");
}

#[test]
fn every_wrong_row_is_named_at_once() {
    let rows = "image;label;split;weight\na.png;cat;train;1\nb.png;dog;train;1\n\
                nowhere.png;cat;train;1\na.png;dog;train;1\nc.png;;train;1\nd.png;dogg;test;1\n\
                e.png;cat;tset;1\nf.png;cat;validation;-1\n;cat;train;1";
    let said = load("", rows).err().unwrap_or_default();
    for part in [
        "1 row names an image that does not exist",
        "nowhere.png",
        "row 4: `",
        "as row 1",
        "1 row has no label: row 5",
        "row 6: `dogg`; did you mean `dog`?",
        "row 7: `tset`; did you mean `test`?",
        "row 8: `-1`",
        "1 row names no image: row 9",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn an_empty_line_is_no_row_and_a_wrong_row_has_a_label_all_the_same() -> Result<(), String> {
    let rows = "image;label;split\na.png;x;train\n;;\nb.png;y;train\nc.png;x;validation\n;;";
    assert_eq!(load("", rows)?.splits[0].images.len(), 2);
    let rows = "image;label;split\na.png;x;train\ngone.png;y;train\nc.png;y;validation";
    let said = load("", rows).err().unwrap_or_default();
    assert!(said.contains("gone.png") && !said.contains("unknown"), "{said}");
    // As a table from Windows has it, and with what a file name lacks.
    let rows = "image;label;split\n.\\a.png;x;train\nB.PNG;y;train\nc;y;validation";
    let said = load("", rows).err().unwrap_or_default();
    assert!(said.contains("row 2") && said.contains("; there is `b.png`"), "{said}");
    assert!(said.contains("row 3") && said.contains("; there is `c.png`"), "{said}");
    assert!(!said.contains("row 1:"), "{said}");
    Ok(())
}

#[test]
fn labels_and_numbers() -> Result<(), String> {
    let keys = "task = \"multilabel\"\nsplit = { test = 0.0, validation = 0.3 }";
    let rows = "image;label\na.png;red|round\nb.png;\nc.png;round\nd.png;red\ne.png;red\nf.png;red";
    let checked = load(keys, rows)?;
    assert_eq!(checked.classes, ["red", "round"]);
    let targets: Vec<_> = checked.splits[0].images.iter().map(|i| i.target.clone()).collect();
    assert_eq!(targets[0], Target::Labels(vec![true, true]));
    assert_eq!(targets[1], Target::Labels(vec![false, false]));
    let keys = "task = \"multilabel\"\ncolumns = { label = [\"red\", \"round\"] }";
    let rows =
        "image;red;round\na.png;1;no\nb.png;0;1\nc.png;true;1.0\nd.png;0;0\ne.png;1;1\nf.png;2;1";
    let said = load(keys, rows).err().unwrap_or_default();
    assert!(said.contains("neither 0 nor 1: row 6: `red` is `2`"), "{said}");
    let keys = "task = \"regression\"\ncolumns = { label = \"age\" }";
    let rows = "image;age\na.png;1.5\nb.png;2\nc.png;3e1\nd.png;4\ne.png;5\nf.png;6";
    let checked = load(keys, rows)?;
    assert_eq!(checked.splits[0].images[2].target, Target::Values(vec![30.0]));
    assert_eq!(checked.layers.last().map(|layer| layer.output.elements()), Some(1));
    Ok(())
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let said = load("", "path;lable\na.png;x").err().unwrap_or_default();
    assert!(said.contains("has no column `image`"), "{said}");
    assert!(said.contains("did you mean `lable`?"), "{said}");
    let said = load(
        "split = { test = 0.1 }",
        "image;label;split\na.png;x;train\nb.png;y;train\nc.png;x;validation",
    );
    assert!(said.err().unwrap_or_default().contains("are divided already"));
}
