//! One file per mistake, and what is said about it, word for word. A table of labels lies beside its
//! experiment.
//!
//! `UPDATE_GOLDEN=1` writes the `.stderr` files anew; read the difference before committing it.

use std::path::{Path, PathBuf};

use crate::support::runner::Place;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/invalid/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    cases.sort();
    cases
}

/// Two classes everywhere; `other` has other ones, `single` one, `hollow` an empty one.
fn place() -> Place {
    let place = Place::new();
    for split in ["train", "validation", "test"] {
        for class in ["cats", "dogs"] {
            place.write(&format!("data/{split}/{class}/a.jpg"), "not looked at by check");
        }
    }
    for file in ["other/cats/a.jpg", "other/dog/a.jpg", "other/birds/a.jpg", "single/cats/a.jpg"] {
        place.write(&format!("data/{file}"), "not looked at by check");
    }
    place.write("data/hollow/cats/a.jpg", "not looked at by check");
    for number in 1..=8 {
        place.write(&format!("photos/{number}.jpg"), "not looked at by check");
    }
    std::fs::create_dir_all(place.path("data/hollow/dogs")).unwrap();
    place
}

#[test]
fn every_mistake_is_explained_as_recorded() {
    let place = place();
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        place.write(&name, std::fs::read(&case).unwrap());
        let table = case.with_extension("csv");
        if let Ok(rows) = std::fs::read(&table) {
            let name = table.file_name().unwrap().to_str().unwrap();
            place.write(&format!("photos/{name}"), rows);
        }
        let output = place.run(&["check", &name]);
        assert_eq!(output.code, Some(2), "{name}: {output:?}");
        let golden = case.with_extension("stderr");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &output.stderr).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected != output.stderr {
            wrong.push(format!("{name}, expected:\n{expected}\nfound:\n{}", output.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
