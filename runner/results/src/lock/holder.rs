//! Who holds the lock of a run, for machines that cannot see it.
//!
//! Many file systems that machines share do not pass locks on. So the file of a lock says on which
//! machine its process is, and is touched once a minute: where that is another machine than this one,
//! and not long ago, the process counts as alive.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Between two touches.
const BEAT: Duration = Duration::from_secs(60);

/// A process that did not touch its file for so long is gone. Machines that share a file system may
/// see its times a minute late.
const SILENCE: Duration = Duration::from_secs(180);

/// More than any holder writes.
const LONGEST: u64 = 1000;

/// A process, by its machine and by the task of a queue that it does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    machine: String,
    /// Job and task of Slurm's, which never runs one task twice at a time; else empty.
    task: String,
}

impl Holder {
    /// This process.
    fn ours() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let job = variable("SLURM_ARRAY_JOB_ID");
        let task = match job.is_empty() {
            true => variable("SLURM_JOB_ID"),
            false => format!("{job}_{}", variable("SLURM_ARRAY_TASK_ID")),
        };
        // Two machines may have one name, but were never started as one.
        let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self { machine: machine.unwrap_or_default().trim().to_owned(), task }
    }

    /// As it stands in the file.
    fn text(&self) -> String {
        format!("machine {}\ntask {}\nprocess {}\n", self.machine, self.task, std::process::id())
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Some(Self { machine: field("machine")?.to_owned(), task: field("task")?.to_owned() })
    }

    /// Whether this one, who was heard of so long ago, may be at work where `ours` cannot see it.
    fn is_elsewhere(&self, ours: &Self, silent: Duration) -> bool {
        let is_known = !self.machine.is_empty() && !ours.machine.is_empty();
        let is_earlier_start_of_ours = !self.task.is_empty() && self.task == ours.task;
        is_known && self.machine != ours.machine && !is_earlier_start_of_ours && silent < SILENCE
    }
}

/// Whether the process that wrote this file works on another machine.
pub(super) fn is_elsewhere(file: &File) -> bool {
    let mut text = String::new();
    if file.take(LONGEST).read_to_string(&mut text).is_err() {
        return false;
    }
    let Some(holder) = Holder::parse(&text) else { return false };
    let Ok(touched) = file.metadata().and_then(|about| about.modified()) else { return false };
    // The clock of the other machine may be ahead.
    let silent = SystemTime::now().duration_since(touched).unwrap_or_else(|ahead| ahead.duration());
    holder.is_elsewhere(&Holder::ours(), silent)
}

/// The same by the name of the file; no file is nobody.
pub(super) fn works_elsewhere(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| is_elsewhere(&file))
}

/// Touches the file of a lock until it is dropped.
#[derive(Debug)]
pub(super) struct Beat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beat {
    /// Writes who holds the lock, now and every minute. Where that fails, machines that cannot see the
    /// lock know nothing of its process; nobody else misses anything.
    pub(super) fn start(file: &File) -> Self {
        let none = Self { stop: None, thread: None };
        let Ok(mut file) = file.try_clone() else { return none };
        let text = Holder::ours().text();
        if write(&mut file, &text).is_err() {
            return none;
        }
        let (stop, stopped) = channel::<()>();
        let beat = move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // Written, not touched: then the time is that of the file server.
                if write(&mut file, &text).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("lock".to_owned()).spawn(beat).ok();
        Self { stop: Some(stop), thread }
    }
}

fn write(file: &mut File, text: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.stop.take();
        // The lock is that of every copy of the open file: it is let go of once the thread has ended.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_counts_while_it_is_heard_of() {
        let holder = |machine: &str, task: &str| Holder {
            machine: machine.to_owned(),
            task: task.to_owned(),
        };
        let [soon, late] = [10, 600].map(Duration::from_secs);
        let other = holder("a", "");
        assert!(other.is_elsewhere(&holder("b", ""), soon));
        assert!(!other.is_elsewhere(&holder("b", ""), late));
        assert!(!other.is_elsewhere(&holder("a", ""), soon), "here the lock itself is seen");
        assert!(!other.is_elsewhere(&holder("", ""), soon));
        // Slurm queued the task again: its first start is gone.
        let [first, second, others] = [holder("a", "7_1"), holder("b", "7_1"), holder("b", "7_2")];
        assert!(!first.is_elsewhere(&second, soon) && first.is_elsewhere(&others, soon));
        assert_eq!(Holder::parse(&first.text()), Some(first));
        assert_eq!(Holder::parse(""), None);
    }
}
