//! A conversation with a server on loopback: pauses, breaks, wrong sizes, wrong files.

use super::*;
use std::io::Read;
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
    /// Says nothing at all.
    Silent,
    /// Announces nothing.
    SendsMore,
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
        _ => 0,
    };
    if matches!(answer, Answer::Silent) {
        // The connection stays open until the other side gives up.
        let _ = stream.read(&mut [0; 16]);
        return range;
    }
    let status = match (answer, from) {
        (Answer::NotFound, _) => "404 Not Found".to_owned(),
        (_, 0) => "200 OK".to_owned(),
        (_, from) => format!("206 Partial Content\r\nContent-Range: bytes {from}-99999/100000"),
    };
    let end = match answer {
        Answer::BreaksAfter(count) => from + count,
        _ => all.len(),
    };
    let length = match answer {
        Answer::SendsMore => None,
        _ => Some(all.len() - from),
    };
    let length = length.map_or(String::new(), |length| format!("Content-Length: {length}\r\n"));
    let head = format!("HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n");
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
    let download = Download { url: &url, checksum: md5(), to: &to, patience: PATIENCE };
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
    Download { url: &url, checksum: md5(), to: &to, patience: PATIENCE }
        .fetch(&Interrupt::default())?;
    assert_eq!(std::fs::read(&to)?, content());
    assert_eq!(server.join().map_err(|_| "the server panicked")?, [Some(14), None]);
    Ok(())
}

#[test]
fn a_server_that_says_nothing_is_given_up_and_can_be_interrupted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("file.bin");
    let (url, _server) = serve(vec![Answer::Silent, Answer::Silent])?;
    let patience = Duration::from_millis(300);
    let download = Download { url: &url, checksum: md5(), to: &to, patience };
    let silent = download.fetch(&Interrupt::default());
    assert!(matches!(silent, Err(DownloadError::Unreachable { .. })), "{silent:?}");
    let interrupt = Interrupt::default();
    let clone = interrupt.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        clone.request();
    });
    let start = Instant::now();
    let stopped = Download { patience: PATIENCE, ..download }.fetch(&interrupt);
    assert!(matches!(stopped, Err(DownloadError::Interrupted)), "{stopped:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    Ok(())
}

#[test]
fn waiting_for_another_process_can_be_interrupted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("file.bin");
    let other = File::create(part_of(&to))?;
    other.lock()?;
    let interrupt = Interrupt::default();
    interrupt.request();
    let download = Download { url: "", checksum: md5(), to: &to, patience: PATIENCE };
    let stopped = download.fetch(&interrupt);
    assert!(matches!(stopped, Err(DownloadError::Interrupted)), "{stopped:?}");
    Ok(())
}

#[test]
fn more_than_was_published_is_not_written() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("file.bin");
    let (url, _server) = serve(vec![Answer::SendsMore])?;
    let checksum = Checksum::Length(50_000);
    let download = Download { url: &url, checksum, to: &to, patience: PATIENCE };
    let received = download.fetch(&Interrupt::default());
    assert!(matches!(received, Err(DownloadError::Checksum { .. })), "{received:?}");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}

#[test]
fn a_wrong_file_is_not_kept() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let to = folder.path().join("file.bin");
    let (url, _server) = serve(vec![Answer::Whole, Answer::NotFound])?;
    let download =
        Download { url: &url, checksum: Checksum::Length(99_999), to: &to, patience: PATIENCE };
    let wrong = download.fetch(&Interrupt::default());
    assert!(matches!(wrong, Err(DownloadError::Checksum { .. })), "{wrong:?}");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    let missing = download.fetch(&Interrupt::default());
    assert!(matches!(missing, Err(DownloadError::Unreachable { .. })), "{missing:?}");
    Ok(())
}
