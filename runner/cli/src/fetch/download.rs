//! Downloads that resume: a part file beside the target, checked, then renamed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_learn::Interrupt;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::Checksum;
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
}

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
        file.lock().map_err(write_error)?;
        if self.to.exists() {
            // Removed by whoever finished first, or by us now.
            let _ = std::fs::remove_file(&part);
            return Ok(());
        }
        let is_whole = self.checksum.check(&part).map_err(write_error)?.is_ok();
        if !is_whole {
            self.receive(&mut file, interrupt)?;
        }
        file.sync_all().map_err(write_error)?;
        if let Err(reason) = self.checksum.check(&part).map_err(write_error)? {
            std::fs::remove_file(&part).map_err(write_error)?;
            return Err(DownloadError::Checksum { url: self.url.to_owned(), reason });
        }
        std::fs::rename(&part, self.to).map_err(write_error)
    }

    fn receive(&self, file: &mut File, interrupt: &Interrupt) -> Result<(), DownloadError> {
        let there = file.metadata().map_or(0, |meta| meta.len());
        let (response, from) = self.ask(there)?;
        let total = length(&response).map(|length| length + from);
        let name = self.to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bar = progress::bytes(&name, total);
        bar.set_position(from);
        file.set_len(from).map_err(|error| self.write_error(self.to, &error))?;
        file.seek(SeekFrom::Start(from)).map_err(|error| self.write_error(self.to, &error))?;
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut written = from;
        loop {
            if interrupt.is_requested() {
                return Err(DownloadError::Interrupted);
            }
            let count = body.read(&mut buffer).map_err(|error| self.broke_off(written, &error))?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(|error| self.write_error(self.to, &error))?;
            written += count as u64;
            bar.set_position(written);
        }
        bar.finish_and_clear();
        match total {
            Some(total) if written < total => {
                Err(self.broke_off(written, &std::io::Error::other("the connection closed early")))
            }
            _ => Ok(()),
        }
    }

    /// Asks for everything behind `there`; the offset at which the answer starts.
    fn ask(&self, there: u64) -> Result<(Response<Body>, u64), DownloadError> {
        if there > 0 {
            let range = format!("bytes={there}-");
            let response = self.get(Some(&range))?;
            if response.status() == 206 && starts_at(&response) == Some(there) {
                return Ok((response, there));
            }
        }
        let response = self.get(None)?;
        match response.status().as_u16() {
            200 => Ok((response, 0)),
            status => Err(self.unreachable(format!("the server answers {status}"))),
        }
    }

    fn get(&self, range: Option<&str>) -> Result<Response<Body>, DownloadError> {
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.get(self.url).header("Accept-Encoding", "identity");
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        request.call().map_err(|error| self.unreachable(error.to_string()))
    }

    fn unreachable(&self, reason: String) -> DownloadError {
        DownloadError::Unreachable { url: self.url.to_owned(), reason }
    }

    fn broke_off(&self, bytes: u64, error: &std::io::Error) -> DownloadError {
        DownloadError::BrokeOff { url: self.url.to_owned(), bytes, reason: error.to_string() }
    }

    fn write_error(&self, path: &Path, error: &std::io::Error) -> DownloadError {
        DownloadError::Write { path: path.to_path_buf(), reason: error.to_string() }
    }
}

/// `weights.h5` to `weights.h5.part`.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

fn length(response: &Response<Body>) -> Option<u64> {
    response.headers().get("content-length")?.to_str().ok()?.parse().ok()
}

/// `bytes 500-999/1000` starts at 500.
fn starts_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;

    type Failed = Box<dyn std::error::Error>;

    /// How the server on loopback behaves, one connection each.
    #[derive(Clone, Copy)]
    enum Answer {
        Whole,
        /// Honours ranges, sends this many bytes, and hangs up.
        BreaksAfter(usize),
        IgnoresRange,
        NotFound,
    }

    fn content() -> Vec<u8> {
        (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect()
    }

    /// The ranges that were asked for.
    type Ranges = Vec<Option<u64>>;

    /// Serves the answers one after the other, at the address that comes back.
    fn serve(answers: Vec<Answer>) -> Result<(String, JoinHandle<Ranges>), Failed> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/file.bin", listener.local_addr()?);
        let server = std::thread::spawn(move || {
            let mut ranges = Vec::new();
            for answer in answers {
                if let Ok((stream, _)) = listener.accept() {
                    ranges.push(respond(stream, answer));
                }
            }
            ranges
        });
        Ok((url, server))
    }

    fn respond(mut stream: TcpStream, answer: Answer) -> Option<u64> {
        let mut range = None;
        let lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
        for line in lines.take_while(|line| !line.is_empty()) {
            if let Some(from) = line.to_lowercase().strip_prefix("range: bytes=") {
                range = from.trim_end_matches('-').parse().ok();
            }
        }
        let all = content();
        let from = match answer {
            Answer::Whole | Answer::BreaksAfter(_) => range.unwrap_or(0) as usize,
            Answer::IgnoresRange | Answer::NotFound => 0,
        };
        let status = match (answer, from) {
            (Answer::NotFound, _) => "404 Not Found".to_owned(),
            (_, 0) => "200 OK".to_owned(),
            (_, from) => format!("206 Partial Content\r\nContent-Range: bytes {from}-99999/100000"),
        };
        let end = match answer {
            Answer::BreaksAfter(count) => from + count,
            _ => all.len(),
        };
        let length = all.len() - from;
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&all[from..end]));
        range
    }

    fn md5() -> Checksum {
        // md5 of the 100,000 bytes n · 7 mod 251, by Python's hashlib.
        Checksum::Md5("c260642229888763c0fa2a4843f50a36")
    }

    #[test]
    fn goes_on_where_it_broke_off() -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let to = folder.path().join("file.bin");
        let (url, server) = serve(vec![Answer::BreaksAfter(40_000), Answer::Whole])?;
        let download = Download { url: &url, checksum: md5(), to: &to };
        let broke_off = download.fetch(&Interrupt::default());
        assert!(
            matches!(broke_off, Err(DownloadError::BrokeOff { bytes: 40_000, .. })),
            "{broke_off:?}"
        );
        assert!(!to.exists());
        download.fetch(&Interrupt::default())?;
        assert_eq!(std::fs::read(&to)?, content());
        assert_eq!(server.join().map_err(|_| "the server panicked")?, [None, Some(40_000)]);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "no part file is left");
        Ok(())
    }

    #[test]
    fn starts_again_where_the_server_knows_no_ranges() -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let to = folder.path().join("file.bin");
        std::fs::write(part_of(&to), b"something else")?;
        let (url, server) = serve(vec![Answer::IgnoresRange, Answer::IgnoresRange])?;
        Download { url: &url, checksum: md5(), to: &to }.fetch(&Interrupt::default())?;
        assert_eq!(std::fs::read(&to)?, content());
        assert_eq!(server.join().map_err(|_| "the server panicked")?, [Some(14), None]);
        Ok(())
    }

    #[test]
    fn a_wrong_file_is_not_kept() -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let to = folder.path().join("file.bin");
        let (url, _server) = serve(vec![Answer::Whole, Answer::NotFound])?;
        let download = Download { url: &url, checksum: Checksum::Length(99_999), to: &to };
        let wrong = download.fetch(&Interrupt::default());
        assert!(matches!(wrong, Err(DownloadError::Checksum { .. })), "{wrong:?}");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        let missing = download.fetch(&Interrupt::default());
        assert!(matches!(missing, Err(DownloadError::Unreachable { .. })), "{missing:?}");
        Ok(())
    }
}
