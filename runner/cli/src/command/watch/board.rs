//! The board: looks at the tables, listens to keys, draws when there is something new.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ratatui_core::terminal::Terminal;
use ratatui_widgets::table::TableState;
use runner_data::Interrupt;
use runner_results::live::{Live, LiveRun};

use super::draw::{self, Metric, View};
use super::keys::Key;
use super::screen::{Keyboard, Screen};
use crate::failure::Failure;
use crate::terminal;

/// Times go on this often, whatever else happens.
const CLOCK: Duration = Duration::from_secs(1);

/// How long it takes to notice a signal or another size of the terminal, at most.
const WAIT: Duration = Duration::from_millis(200);

/// After a look that took long, the next one waits this many times as long: looking takes less than a
/// twentieth of the time.
const REST: u32 = 25;

/// Shows a board until a key or `interrupt` ends it. It takes standard input and output, which must be
/// a terminal.
///
/// # Errors
///
/// A [`Failure`] where a name is wrong or the terminal refuses.
pub(crate) fn board(
    results: &Path,
    names: &[String],
    every: Duration,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let mut board = Board::new(Live::open(results, names)?, results);
    let mut keyboard = Keyboard::open()?;
    let mut screen = Terminal::new(Screen::open()?)?;
    let (mut look, mut draw, mut size) = (Instant::now(), Instant::now(), screen.size()?);
    while !interrupt.is_requested() {
        let now = Instant::now();
        let mut is_due = now >= draw;
        if now >= look {
            is_due |= board.live.look();
            look = now + every.max(now.elapsed() * REST);
        }
        if is_due || screen.size()? != size {
            size = screen.size()?;
            screen.draw(|frame| board.draw(frame))?;
            draw = now + CLOCK;
        }
        let next = look.min(draw).saturating_duration_since(Instant::now());
        for key in keyboard.keys(next.min(WAIT))? {
            if board.press(key) {
                return Ok(());
            }
            draw = now;
        }
    }
    Ok(())
}

struct Board {
    live: Live,
    results: PathBuf,
    /// The folder of the selected run: it stays selected where the order changes.
    selected: Option<PathBuf>,
    table: TableState,
    metric: Metric,
    help: bool,
    colours: bool,
}

impl Board {
    fn new(live: Live, results: &Path) -> Self {
        Self {
            live,
            results: results.to_path_buf(),
            selected: None,
            table: TableState::new(),
            metric: Metric::Loss,
            help: false,
            colours: terminal::wants_colours(),
        }
    }

    fn draw(&mut self, frame: &mut ratatui_core::terminal::Frame<'_>) {
        let runs = self.live.runs();
        self.table.select(position(&runs, self.selected.as_deref()));
        let view = View {
            results: &self.results.display().to_string(),
            runs: &runs,
            idle: self.live.is_idle(),
            now: SystemTime::now(),
            metric: self.metric,
            help: self.help,
            colours: self.colours,
        };
        draw::draw(frame, &view, &mut self.table);
    }

    /// Does what a key asks for; whether that is to leave.
    fn press(&mut self, key: Key) -> bool {
        let runs = self.live.runs();
        let last = runs.len().saturating_sub(1);
        let current = position(&runs, self.selected.as_deref()).unwrap_or(0);
        let target = match key {
            Key::Leave => return true,
            Key::Help => {
                self.help = !self.help;
                return false;
            }
            Key::Switch => {
                self.metric = self.metric.other();
                return false;
            }
            Key::Move(by) => current.saturating_add_signed(by).min(last),
            Key::First => 0,
            Key::Last => last,
        };
        self.selected = runs.get(target).map(|run| run.path.clone());
        false
    }
}

/// Where the selected run is; the first where none is selected or it is gone.
fn position(runs: &[&LiveRun], selected: Option<&Path>) -> Option<usize> {
    let found = runs.iter().position(|run| Some(run.path.as_path()) == selected);
    found.or((!runs.is_empty()).then_some(0))
}
