//! Logs: to stderr by `-v` or `RUST_LOG`, and to `log.jsonl` of the run once there is one.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::terminal;

/// The log of the run that is under way.
static RUN_LOG: Mutex<Option<File>> = Mutex::new(None);

/// Installs both outputs.
pub fn start(verbose: u8, quiet: bool) {
    let default = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "runner=info,runner_learn=info,runner_explain=info,warn",
        (_, 2) => "runner=debug,runner_learn=debug,runner_explain=debug,info",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let to_terminal = fmt::layer()
        .with_writer(|| Lines { buffer: Vec::new(), target: Target::Stderr })
        .with_ansi(terminal::colours_on_stderr())
        .with_target(false)
        .with_filter(filter);
    let to_file = fmt::layer().json().with_writer(RunLog).with_filter(LevelFilter::INFO);
    // Fails only where a subscriber is there already, which is this one.
    let _ = tracing_subscriber::registry().with(to_terminal).with(to_file).try_init();
}

/// Sends log lines to the file of a run for as long as it lives.
#[derive(Debug)]
pub struct LogFile(());

impl LogFile {
    /// From now on, log lines go to this file too.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        set(Some(file));
        Ok(Self(()))
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(file: Option<File>) {
    *RUN_LOG.lock().unwrap_or_else(PoisonError::into_inner) = file;
}

struct RunLog;

impl<'a> MakeWriter<'a> for RunLog {
    type Writer = Lines;
    fn make_writer(&'a self) -> Lines {
        Lines { buffer: Vec::new(), target: Target::File }
    }
}

enum Target {
    Stderr,
    File,
}

/// Collects one log line and passes it on whole.
struct Lines {
    buffer: Vec<u8>,
    target: Target,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        match self.target {
            Target::Stderr => terminal::raw(String::from_utf8_lossy(&self.buffer).trim_end()),
            Target::File => {
                let mut file = RUN_LOG.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(file) = file.as_mut() {
                    // A log that cannot be written must not end a run.
                    let _ = file.write_all(&self.buffer);
                }
            }
        }
    }
}
