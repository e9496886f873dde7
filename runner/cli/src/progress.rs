//! Progress: bars with rate and time left on a terminal, a line now and then off it.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
    TermLike,
};
use runner_record::{Event, Phase};

use crate::terminal;

/// Bars are drawn on a terminal alone.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| {
    MultiProgress::with_draw_target(match has_bars() {
        true => {
            ProgressDrawTarget::term_like_with_hz(Box::new(Screen(Term::buffered_stderr())), 20)
        }
        false => ProgressDrawTarget::hidden(),
    })
});

fn has_bars() -> bool {
    !terminal::is_quiet() && std::io::stderr().is_terminal()
}

/// A terminal that may go away: what is drawn then is lost, and the run goes on.
#[derive(Debug)]
struct Screen(Term);

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.0.size().1
    }
    fn height(&self) -> u16 {
        self.0.size().0
    }
    fn move_cursor_up(&self, lines: usize) -> std::io::Result<()> {
        self.0.move_cursor_up(lines).or(Ok(()))
    }
    fn move_cursor_down(&self, lines: usize) -> std::io::Result<()> {
        self.0.move_cursor_down(lines).or(Ok(()))
    }
    fn move_cursor_right(&self, columns: usize) -> std::io::Result<()> {
        self.0.move_cursor_right(columns).or(Ok(()))
    }
    fn move_cursor_left(&self, columns: usize) -> std::io::Result<()> {
        self.0.move_cursor_left(columns).or(Ok(()))
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.0.write_line(text).or(Ok(()))
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.0.write_str(text).or(Ok(()))
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.0.clear_line().or(Ok(()))
    }
    fn flush(&self) -> std::io::Result<()> {
        self.0.flush().or(Ok(()))
    }
}

/// Off a terminal, a long phase says where it is this often.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Runs `print` while no bar is drawn.
pub fn suspended(print: impl FnOnce()) {
    BARS.suspend(print);
}

/// A bar that counts bytes, for downloads; draws nothing off a terminal.
pub fn bytes(message: &str, total: Option<u64>) -> ProgressBar {
    let bar =
        new_bar(total.unwrap_or(0), "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_message(message.to_owned());
    bar
}

fn new_bar(total: u64, template: &str) -> ProgressBar {
    if !has_bars() {
        return ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
            // A bar that cannot be drawn must not end a run.
            let _ = write!(text, "{:.1}/s", state.per_sec());
        })
        .progress_chars("━╸ ");
    BARS.add(ProgressBar::new(total).with_style(style))
}

/// The counters of a run.
#[derive(Default)]
pub struct Counters {
    open: HashMap<Phase, Counter>,
}

struct Counter {
    bar: ProgressBar,
    start: Instant,
    first: usize,
    last_line: Instant,
}

impl Counters {
    /// Moves a counter; one that is at its end goes away.
    pub fn set(&mut self, phase: &Phase, done: usize, total: usize) {
        let counter =
            self.open.entry(phase.clone()).or_insert_with(|| Counter::new(phase, done, total));
        counter.bar.set_position(done as u64);
        counter.line(phase, done, total);
        if done >= total
            && let Some(counter) = self.open.remove(phase)
        {
            counter.bar.finish_and_clear();
            BARS.remove(&counter.bar);
        }
    }

    /// Moves the counter of the passes that make kernels ready, which says how many were launched: that is
    /// not known before.
    pub fn kernels(&mut self, event: &Event) {
        let Event::Kernels { of, passes: [done, total], launched, compiled, seconds } = event
        else {
            return;
        };
        let phase = Phase::Kernels(of.clone());
        self.set(&phase, *done, *total);
        if let Some(counter) = self.open.get(&phase).filter(|_| *launched > 0) {
            counter.bar.set_message(format!("{}: {launched}", name(&phase)));
        }
        if done == total {
            tracing::info!(of, launched, compiled, seconds, "kernels");
            say_kernels(of, [*launched, *compiled], *seconds);
        }
    }

    /// Takes every bar away, at the end of a run.
    pub fn clear(&mut self) {
        for (_, counter) in self.open.drain() {
            counter.bar.finish_and_clear();
        }
    }
}

impl Counter {
    fn new(phase: &Phase, done: usize, total: usize) -> Self {
        let bar = new_bar(total as u64, "{msg:24} {wide_bar} {pos}/{len} {rate:>9} {eta:>4} left");
        bar.set_message(name(phase));
        bar.set_position(done as u64);
        bar.reset_eta();
        let now = Instant::now();
        Self { bar, start: now, first: done, last_line: now }
    }

    /// Epochs have a line of their own when they end.
    fn line(&mut self, phase: &Phase, done: usize, total: usize) {
        let due = self.last_line.elapsed() >= LINE_EVERY;
        if !due || !self.bar.is_hidden() || done >= total || matches!(phase, Phase::Epoch { .. }) {
            return;
        }
        self.last_line = Instant::now();
        let rate = (done - self.first) as f64 / self.start.elapsed().as_secs_f64();
        let left = Duration::from_secs_f64(((total - done) as f64 / rate.max(1e-9)).min(1e9));
        terminal::note(&format!(
            "{}: {done} of {total}, {rate:.1}/s, {} left",
            name(phase),
            HumanDuration(left)
        ));
    }
}

fn name(phase: &Phase) -> String {
    match phase {
        Phase::Scan => "reading images".to_owned(),
        Phase::Kernels(of) => format!("kernels for {of}, compiled once"),
        Phase::Cached(split) => format!("cached {split}"),
        Phase::Features(split) => format!("features of {split}"),
        Phase::Epoch { stage, epoch, epochs } => format!("{stage} epoch {epoch}/{epochs}"),
        Phase::Evaluate(split) => format!("predicting {split}"),
        Phase::Predict => "predicting".to_owned(),
        Phase::Job(job) => job.clone(),
    }
}

/// Below this nobody had to wait for kernels, in seconds.
const MOMENT: f64 = 1.0;

/// Says that kernels were compiled, or that it took a while to get them ready, which some drivers do in
/// every process.
fn say_kernels(of: &str, [launched, compiled]: [usize; 2], seconds: f64) {
    if compiled > 0 {
        let kernels = if compiled == 1 { "kernel" } else { "kernels" };
        terminal::note(&format!(
            "compiled {compiled} {kernels} for this GPU, once, for {of}: {seconds:.1} s"
        ));
    } else if seconds >= MOMENT {
        terminal::note(&format!("{launched} kernels for {of} are ready: {seconds:.1} s"));
    }
}
