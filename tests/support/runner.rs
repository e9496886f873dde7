//! Runs the program in a folder of its own, with a cache of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use runner_results::load::{self, LoadedRun};
use runner_results::tables::{self, Record};
use tempfile::TempDir;

/// A folder with an own cache; goes away with its value.
pub struct Place {
    folder: TempDir,
}

/// What a command left.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Trains on generated shapes, small and quickly, on random weights.
pub const SHAPES: &str = r#"
[experiment]
name = "shapes"
seed = 7

[dataset]
train = "data/shapes/train"
validation = "data/shapes/validation"
test = "data/shapes/test"
image_size = [32, 32]

[model]
weights = "random"

[model.head]
hidden = [16]

[[stage]]
name = "head"
epochs = 3
batch_size = 20
optimizer = { name = "adam", learning_rate = 1e-3 }
"#;

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with `shapes.toml` and, of the generated data set, the first pictures of every
    /// class: enough to train on in a second.
    pub fn with_shapes() -> Self {
        let place = Self::new();
        let generated = place.run(&["dataset", "generate", "shapes", "--out", "all"]);
        assert_eq!(generated.code, Some(0), "{generated:?}");
        for (split, pictures) in [("train", 14), ("validation", 5), ("test", 5)] {
            for class in ["circle", "square", "triangle"] {
                let to = place.path(&format!("data/shapes/{split}/{class}"));
                std::fs::create_dir_all(&to).unwrap();
                for at in 0..pictures {
                    let name = format!("{class}.{at:03}.jpg");
                    let from = place.path(&format!("all/{split}/{class}/{name}"));
                    std::fs::rename(from, to.join(name)).unwrap();
                }
            }
        }
        std::fs::remove_dir_all(place.path("all")).unwrap();
        place.write("shapes.toml", SHAPES);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("RUNNER_CACHE", self.path("cache"))
            .env_remove("RUST_LOG")
            .env_remove("RUNNER_CACHE_LIMIT")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        output(&mut self.command(arguments))
    }

    /// Runs to a good end.
    pub fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        output
    }

    /// Starts and goes on.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The runs so far, newest first.
    pub fn runs(&self) -> Vec<LoadedRun> {
        load::runs(&self.path("results"))
    }
}

pub fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let output = Output {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert!(!output.stderr.contains("panicked"), "{output:?}");
    output
}

/// A table without the columns that hold times.
pub fn timeless(folder: &Path, table: &str) -> Vec<Record> {
    let times = [
        "run_id",
        "started_at",
        "finished_at",
        "duration_s",
        "images_per_s",
        "waiting_s",
        "peak_rss_bytes",
    ];
    let mut rows = tables::read(&folder.join(table)).unwrap();
    for row in &mut rows {
        row.retain(|(name, _)| !times.contains(&name.as_str()));
    }
    rows
}
