//! What a server says to a request for the rest of a file, message by message.

use std::io::Read;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

/// What a server says.
pub enum Heard {
    /// Bytes come, from this offset on and up to this length where that is known.
    Start { from: u64, total: Option<u64> },
    /// Some of them.
    Bytes(Vec<u8>),
    /// No answer, or the wrong one.
    Unreachable(String),
    /// The connection broke.
    Broke(String),
    /// That was all.
    End,
}

/// Asks for everything behind `there` and passes on what comes; stops where nobody listens.
pub fn talk(url: &str, there: u64, sender: &SyncSender<Heard>) {
    let (response, from) = match ask(url, there) {
        Ok(found) => found,
        Err(reason) => return drop(sender.send(Heard::Unreachable(reason))),
    };
    let total = length(&response).map(|length| length.saturating_add(from));
    if sender.send(Heard::Start { from, total }).is_err() {
        return;
    }
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let message = match body.read(&mut buffer) {
            Ok(0) => Heard::End,
            Ok(count) => Heard::Bytes(buffer[..count].to_vec()),
            Err(error) => Heard::Broke(error.to_string()),
        };
        let last = !matches!(message, Heard::Bytes(_));
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

/// The answer to a request for everything behind `there`, and the offset at which it starts.
fn ask(url: &str, there: u64) -> Result<(Response<Body>, u64), String> {
    if there > 0 {
        let range = format!("bytes={there}-");
        let response = get(url, Some(&range))?;
        if response.status() == 206 && starts_at(&response) == Some(there) {
            return Ok((response, there));
        }
    }
    let response = get(url, None)?;
    match response.status().as_u16() {
        200 => Ok((response, 0)),
        status => Err(format!("the server answers {status}")),
    }
}

fn get(url: &str, range: Option<&str>) -> Result<Response<Body>, String> {
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent.get(url).header("Accept-Encoding", "identity");
    if let Some(range) = range {
        request = request.header("Range", range);
    }
    request.call().map_err(|error| error.to_string())
}

fn length(response: &Response<Body>) -> Option<u64> {
    response.headers().get("content-length")?.to_str().ok()?.parse().ok()
}

/// `bytes 500-999/1000` starts at 500.
fn starts_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
