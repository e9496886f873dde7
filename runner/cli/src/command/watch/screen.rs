//! The terminal while a board is on it: raw, on its other screen, and as it was when the board goes.
//!
//! Ratatui's own backend selects features of crates that Burn shares, and would have all of it built
//! again: this one does with what is there.

use std::fs::File;
use std::io::{self, BufWriter, Read, Stdout, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use crossterm::style::{Attribute, Print, SetAttribute, SetBackgroundColor, SetForegroundColor};
use crossterm::terminal::{
    Clear, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue, style, terminal};
use ratatui_core::backend::{Backend, ClearType, WindowSize};
use ratatui_core::buffer::Cell;
use ratatui_core::layout::{Position, Size};
use ratatui_core::style::{Color, Modifier};

use super::keys::{self, Key};

/// How long the rest of a sequence may take: more is the key Escape.
const SEQUENCE: Duration = Duration::from_millis(100);

/// The terminal's screen. Whatever ends it, a panic too, the terminal is as it was.
pub(super) struct Screen {
    out: BufWriter<Stdout>,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let mut screen = Self { out: BufWriter::new(io::stdout()) };
        execute!(screen.out, EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that went away has nothing to be put right.
        let _ =
            execute!(self.out, SetAttribute(Attribute::Reset), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// The keyboard of a raw terminal.
pub(super) struct Keyboard {
    input: File,
    /// The start of a sequence.
    rest: Vec<u8>,
}

impl Keyboard {
    /// Reads from standard input.
    pub(super) fn open() -> io::Result<Self> {
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { input, rest: Vec::new() })
    }

    /// The keys that were pressed, waiting for the first no longer than this. A terminal that went
    /// away asks to leave.
    pub(super) fn keys(&mut self, wait: Duration) -> io::Result<Vec<Key>> {
        let wait = if self.rest.is_empty() { wait } else { SEQUENCE };
        if !is_readable(&self.input, wait) {
            let rest = std::mem::take(&mut self.rest);
            return Ok(keys::alone(&rest).into_iter().collect());
        }
        let mut bytes = [0; 256];
        let read = match self.input.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
            read => read.unwrap_or(0),
        };
        if read == 0 {
            return Ok(vec![Key::Leave]);
        }
        self.rest.extend_from_slice(&bytes[..read]);
        let (keys, parsed) = keys::parse(&self.rest);
        self.rest.drain(..parsed);
        Ok(keys)
    }
}

/// Whether something can be read, waiting no longer than this; a signal ends the wait.
#[allow(unsafe_code)]
fn is_readable(file: &File, wait: Duration) -> bool {
    let mut asked = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one structure is passed, which outlives the call, and the file is open.
    unsafe { libc::poll(&raw mut asked, 1, wait) > 0 }
}

impl Backend for Screen {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut last: Option<(u16, u16)> = None;
        let mut look = (Color::Reset, Color::Reset, Modifier::empty());
        for (x, y, cell) in content {
            if last.is_none_or(|(before, line)| (before + 1, line) != (x, y)) {
                queue!(self.out, cursor::MoveTo(x, y))?;
            }
            last = Some((x, y));
            let wanted = (cell.fg, cell.bg, cell.modifier);
            if wanted != look {
                self.look(wanted)?;
                look = wanted;
            }
            queue!(self.out, Print(cell.symbol()))?;
        }
        queue!(self.out, SetAttribute(Attribute::Reset))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        execute!(self.out, cursor::Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        execute!(self.out, cursor::Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // The whole screen is drawn: nothing asks where the cursor was.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        execute!(self.out, cursor::MoveTo(x, y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        execute!(
            self.out,
            Clear(match region {
                ClearType::All => terminal::ClearType::All,
                ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
                ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
                ClearType::CurrentLine => terminal::ClearType::CurrentLine,
                ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
            })
        )
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = terminal::size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Screen {
    fn look(&mut self, (front, back, modifier): (Color, Color, Modifier)) -> io::Result<()> {
        queue!(self.out, SetAttribute(Attribute::Reset))?;
        for (has, attribute) in [
            (Modifier::BOLD, Attribute::Bold),
            (Modifier::DIM, Attribute::Dim),
            (Modifier::REVERSED, Attribute::Reverse),
        ] {
            if modifier.contains(has) {
                queue!(self.out, SetAttribute(attribute))?;
            }
        }
        if (front, back) == (Color::Reset, Color::Reset) {
            return Ok(());
        }
        queue!(self.out, SetForegroundColor(colour(front)), SetBackgroundColor(colour(back)))
    }
}

/// The colours of the board.
fn colour(colour: Color) -> style::Color {
    match colour {
        Color::Red => style::Color::DarkRed,
        Color::Green => style::Color::DarkGreen,
        Color::Yellow => style::Color::DarkYellow,
        Color::Blue => style::Color::DarkBlue,
        Color::Magenta => style::Color::DarkMagenta,
        Color::Cyan => style::Color::DarkCyan,
        _ => style::Color::Reset,
    }
}
