//! Downloads that resume: a part file beside the target, checked, then renamed.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use runner_data::Interrupt;
use runner_experiment::architecture::family::Checksum;

use super::talk::{Heard, talk};
use super::{POLL, check};
use crate::progress;

/// Why a download did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No answer, or the wrong one.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What came back.
        reason: String,
    },
    /// It broke off; what arrived is kept.
    #[error(
        "{url} broke off after {bytes} bytes: {reason}; run the command again to go on from there"
    )]
    BrokeOff {
        /// What was asked for.
        url: String,
        /// How much is there.
        bytes: u64,
        /// What went wrong.
        reason: String,
    },
    /// It is not what was published.
    #[error("{url} is not the published file: {reason}; it was removed")]
    Checksum {
        /// What was asked for.
        url: String,
        /// What differs.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Somebody asked to stop; what arrived is kept.
    #[error("interrupted")]
    Interrupted,
}

/// One file to download.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Where from.
    pub url: &'a str,
    /// What must arrive.
    pub checksum: Checksum,
    /// Where to.
    pub to: &'a Path,
    /// How long a server may say nothing.
    pub patience: Duration,
}

/// How long a server may say nothing, as long as nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// No published file is longer, in bytes; where a server announces no length, it stops here.
const LARGEST: u64 = 2 << 30;

impl Download<'_> {
    /// Downloads, going on where an earlier attempt broke off.
    ///
    /// # Errors
    ///
    /// [`DownloadError`]; a part file stays for the next attempt unless its checksum is wrong.
    pub fn fetch(&self, interrupt: &Interrupt) -> Result<(), DownloadError> {
        let part = part_of(self.to);
        let write_error = |error: std::io::Error| self.write_error(&part, &error);
        if let Some(folder) = part.parent() {
            std::fs::create_dir_all(folder).map_err(write_error)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&part)
            .map_err(write_error)?;
        // Two runs that want the same file: the second waits and finds it whole.
        if !super::wait_for(&file, interrupt).map_err(write_error)? {
            return Err(DownloadError::Interrupted);
        }
        if self.to.exists() {
            // Removed by whoever finished first, or by us now.
            let _ = std::fs::remove_file(&part);
            return Ok(());
        }
        // Without a checksum there is no telling: the server is asked.
        let is_whole = self.checksum != Checksum::Unknown
            && check(self.checksum, &part).map_err(write_error)?.is_ok();
        if !is_whole {
            let received = self.receive(&mut file, interrupt);
            if matches!(received, Err(DownloadError::Checksum { .. })) {
                std::fs::remove_file(&part).map_err(write_error)?;
            }
            received?;
        }
        file.sync_all().map_err(write_error)?;
        if let Err(reason) = check(self.checksum, &part).map_err(write_error)? {
            std::fs::remove_file(&part).map_err(write_error)?;
            return Err(self.wrong(reason));
        }
        std::fs::rename(&part, self.to).map_err(write_error)
    }

    /// Takes what a thread of its own hears from the server, so that neither silence nor a slow
    /// network keeps anybody from stopping.
    fn receive(&self, file: &mut File, interrupt: &Interrupt) -> Result<(), DownloadError> {
        let there = file.metadata().map_err(|error| self.write_error(self.to, &error))?.len();
        let (sender, heard) = mpsc::sync_channel(16);
        let url = self.url.to_owned();
        // It ends with the connection, or with the program where nobody listens any more.
        std::thread::spawn(move || talk(&url, there, &sender));
        let mut arrival = Arrival { download: self, file, bar: None, written: there, total: None };
        let mut last = Instant::now();
        loop {
            if interrupt.is_requested() {
                return Err(DownloadError::Interrupted);
            }
            match heard.recv_timeout(POLL) {
                Ok(Heard::End) => return arrival.end(),
                Ok(message) => arrival.take(message)?,
                Err(RecvTimeoutError::Timeout) if last.elapsed() < self.patience => continue,
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.patience.as_secs();
                    return Err(arrival.silent(&format!("nothing came for {seconds} s")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(arrival.silent("the connection closed early"));
                }
            }
            last = Instant::now();
        }
    }

    fn unreachable(&self, reason: String) -> DownloadError {
        DownloadError::Unreachable { url: self.url.to_owned(), reason }
    }

    fn wrong(&self, reason: String) -> DownloadError {
        DownloadError::Checksum { url: self.url.to_owned(), reason }
    }

    fn write_error(&self, path: &Path, error: &std::io::Error) -> DownloadError {
        DownloadError::Write { path: path.to_path_buf(), reason: error.to_string() }
    }
}

/// A file that is arriving.
struct Arrival<'a> {
    download: &'a Download<'a>,
    file: &'a mut File,
    bar: Option<ProgressBar>,
    written: u64,
    total: Option<u64>,
}

impl Arrival<'_> {
    fn take(&mut self, message: Heard) -> Result<(), DownloadError> {
        match message {
            Heard::Start { from, total } => self.start(from, total),
            Heard::Bytes(bytes) => self.write(&bytes),
            Heard::Unreachable(reason) => Err(self.download.unreachable(reason)),
            Heard::Broke(reason) => Err(self.broke_off(reason)),
            Heard::End => Ok(()),
        }
    }

    fn start(&mut self, from: u64, total: Option<u64>) -> Result<(), DownloadError> {
        let Download { to, checksum, .. } = *self.download;
        let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bar = progress::bytes(&name, total);
        bar.set_position(from);
        self.bar = Some(bar);
        self.written = from;
        // What is published counts, not what a server announces.
        self.total = match checksum {
            Checksum::Length(bytes) => Some(bytes),
            _ => total,
        };
        let failed = |error: std::io::Error| self.download.write_error(to, &error);
        self.file.set_len(from).map_err(failed)?;
        self.file.seek(SeekFrom::Start(from)).map(drop).map_err(failed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let after = self.written + bytes.len() as u64;
        let most = self.total.unwrap_or(LARGEST);
        if after > most {
            return Err(self.download.wrong(format!("it is longer than {most} bytes")));
        }
        let failed = |error: std::io::Error| self.download.write_error(self.download.to, &error);
        self.file.write_all(bytes).map_err(failed)?;
        self.written = after;
        if let Some(bar) = &self.bar {
            bar.set_position(after);
        }
        Ok(())
    }

    fn end(self) -> Result<(), DownloadError> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        match self.total {
            Some(total) if self.written < total => {
                Err(self.broke_off("the connection closed early".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Nothing more comes: before the first byte there is no such server, after it the download
    /// broke off.
    fn silent(&self, reason: &str) -> DownloadError {
        match self.bar {
            None => self.download.unreachable(reason.to_owned()),
            Some(_) => self.broke_off(reason.to_owned()),
        }
    }

    fn broke_off(&self, reason: String) -> DownloadError {
        let (url, bytes) = (self.download.url.to_owned(), self.written);
        DownloadError::BrokeOff { url, bytes, reason }
    }
}

/// `weights.h5` to `weights.h5.part`.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
