//! Several members at a time: processes of this program that each go through the members and take
//! those that no other one holds.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runner_experiment::Member;

use super::running::Running;
use crate::failure::Failure;
use crate::terminal;

/// Between two looks at the workers.
const POLL: Duration = Duration::from_millis(50);

/// The exit code of a process that was asked to stop.
const INTERRUPTED: i32 = 130;

/// Runs members by one worker per entry of `devices`, each on its device where one is named; comes back
/// when all of them have ended.
pub(super) fn run(
    running: &Running<'_>,
    members: &[&Member],
    until: Option<usize>,
    devices: &[Option<String>],
) -> Result<(), Failure> {
    let mut workers: Vec<Child> = Vec::new();
    for device in devices {
        let device = device.as_ref().or(running.arguments.device.as_ref());
        let command = command(running, members, until, (device, devices.len()));
        match command.and_then(|mut command| command.spawn()) {
            Ok(child) => workers.push(child),
            Err(error) => {
                stop(&workers);
                return Err(Failure::internal(format!("cannot start a worker: {error}")));
            }
        }
    }
    let mut asked = false;
    while !workers.is_empty() {
        if running.session.interrupt.is_requested() && !std::mem::replace(&mut asked, true) {
            stop(&workers);
        }
        workers.retain_mut(|worker| match worker.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                // What went wrong with members was said, and is in their tables.
                if status.code().is_none() {
                    terminal::warning(&format!("a worker was killed: {status}"));
                }
                asked |= status.code() == Some(INTERRUPTED);
                false
            }
            Err(_) => false,
        });
        std::thread::sleep(POLL);
    }
    match asked {
        true => Err(runner_learn::LearnError::Interrupted.into()),
        false => Ok(()),
    }
}

/// The command of a worker: this one's arguments, and which members.
fn command(
    running: &Running<'_>,
    members: &[&Member],
    until: Option<usize>,
    (device, jobs): (Option<&String>, usize),
) -> std::io::Result<Command> {
    let arguments = running.arguments;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--quiet").arg("run").arg(&arguments.file);
    for change in &arguments.set {
        command.arg("--set").arg(change.to_string());
    }
    if let Some(device) = device {
        command.arg("--device").arg(device);
    }
    command.arg("--results").arg(&arguments.results.results);
    command.arg("--worker").arg(running.began.timestamp_millis().to_string());
    for member in members {
        command.arg("--member").arg(member.number.to_string());
    }
    if let Some(until) = until {
        command.arg("--until").arg(until.to_string());
    }
    let flags = [("--offline", arguments.offline), ("--force", arguments.sweep.force)];
    command.args(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| flag));
    // Together they use the cores once.
    if std::env::var_os(THREADS).is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env(THREADS, (cores / jobs).max(1).to_string());
    }
    command.stdin(Stdio::null());
    Ok(command)
}

/// How many threads a process computes with.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Asks workers to save and stop.
fn stop(workers: &[Child]) {
    for worker in workers {
        signal(worker);
    }
}

#[allow(unsafe_code)]
fn signal(worker: &Child) {
    let Ok(id) = libc::pid_t::try_from(worker.id()) else { return };
    // SAFETY: the process is a child that has not been waited for, so its number is still its own.
    unsafe {
        libc::kill(id, libc::SIGTERM);
    }
}
