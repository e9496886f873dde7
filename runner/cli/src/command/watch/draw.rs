//! What the board looks like, from the runs it shows.

use std::collections::HashMap;
use std::time::SystemTime;

use ratatui_core::layout::{Constraint, Layout, Rect};
use ratatui_core::style::{Color, Modifier, Style};
use ratatui_core::terminal::Frame;
use ratatui_core::text::{Line, Span, Text};
use ratatui_widgets::block::Block;
use ratatui_widgets::clear::Clear;
use ratatui_widgets::paragraph::Paragraph;
use ratatui_widgets::table::{Row, Table, TableState};
use runner_experiment::text::visible;
use runner_results::live::LiveRun;

use super::chart;

/// What the curves show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Loss,
    Accuracy,
}

impl Metric {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Loss => Self::Accuracy,
            Self::Accuracy => Self::Loss,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }
}

/// What is shown.
pub(super) struct View<'a> {
    pub(super) results: &'a str,
    pub(super) runs: &'a [&'a LiveRun],
    /// Whether the runs are merely the newest.
    pub(super) idle: bool,
    pub(super) now: SystemTime,
    pub(super) metric: Metric,
    pub(super) help: bool,
    pub(super) colours: bool,
}

/// A run in words, one per column.
pub(super) struct Texts {
    pub(super) status: String,
    pub(super) stage: String,
    pub(super) epoch: String,
    pub(super) loss: String,
    pub(super) accuracy: String,
    pub(super) best: String,
    pub(super) time: String,
    pub(super) left: String,
}

impl Texts {
    pub(super) fn of(run: &LiveRun, now: SystemTime) -> Self {
        let (stage, epoch, of) = run.progress();
        let last = run.epochs.last();
        let number =
            |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
        Self {
            status: run.status().to_owned(),
            stage: stage.to_owned(),
            epoch: if of > 0 { format!("{epoch}/{of}") } else { String::new() },
            loss: number(last.map(|epoch| epoch.loss[1])),
            // Numbers have none.
            accuracy: number(last.map(|epoch| epoch.accuracy[1]).filter(|share| !share.is_nan())),
            best: run.best().map_or(String::new(), |(number, _)| number.to_string()),
            time: run.elapsed(now).map_or(String::new(), duration),
            left: run.left(now).map_or(String::new(), duration),
        }
    }

    /// As [`COLUMNS`] has them, fit for a terminal.
    fn columns(self) -> [String; 8] {
        let Self { status, stage, epoch, loss, accuracy, best, time, left } = self;
        [status, stage, epoch, loss, accuracy, best, time, left]
            .map(|text| visible(&text).into_owned())
    }
}

/// A duration in five characters: `42s`, `12m`, `3h05m`, `2d07h`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    let (minutes, hours) = (whole / 60, whole / 3600);
    match whole {
        0..120 => format!("{whole}s"),
        120..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{}d{:02}h", hours / 24, hours % 24),
    }
}

/// Lines that the list of runs has at least.
const LIST: u16 = 1;

/// Columns from which loss and accuracy stand side by side.
const WIDE: u16 = 100;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View<'_>, table: &mut TableState) {
    let area = frame.area();
    let runs = u16::try_from(view.runs.len()).unwrap_or(u16::MAX);
    // The header too; the curves get what remains, at least half.
    let list = runs.clamp(LIST, LIST.max(area.height.saturating_sub(5) / 3)) + 1;
    let parts = [1, list, 3].map(Constraint::Length);
    let parts = [&parts[..], &[Constraint::Min(0), Constraint::Length(1)]].concat();
    let [title, list, about, curves, footer] = Layout::vertical(parts).areas(area);
    frame.render_widget(heading(view), title);
    frame.render_stateful_widget(runs_table(view, list.width), list, table);
    if let Some(run) = table.selected().and_then(|selected| view.runs.get(selected)) {
        frame.render_widget(Paragraph::new(details(run, view)), about);
        draw_curves(frame, curves, run, view);
    }
    let keys = "↑↓ select   tab loss or accuracy   ? help   q leave";
    frame.render_widget(Line::styled(keys, Modifier::DIM), footer);
    if view.help {
        help(frame, area);
    }
}

fn draw_curves(frame: &mut Frame<'_>, area: Rect, run: &LiveRun, view: &View<'_>) {
    if area.width < WIDE {
        return chart::draw(frame, area, run, view.metric, view.colours);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
    chart::draw(frame, left, run, Metric::Loss, view.colours);
    chart::draw(frame, right, run, Metric::Accuracy, view.colours);
}

fn heading(view: &View<'_>) -> Line<'static> {
    let running = view.runs.iter().filter(|run| run.is_running()).count();
    let ended = view.runs.len() - running;
    let said = match (view.idle, running, ended) {
        (true, _, 0) => "there are no runs yet".to_owned(),
        (true, ..) => "no run is running; the newest".to_owned(),
        (_, running, 0) => format!("{running} running"),
        (_, 0, ended) => format!("{ended} ended"),
        (_, running, ended) => format!("{running} running, {ended} ended"),
    };
    let place = format!("{}: ", visible(view.results));
    Line::from(vec![Span::styled(place, Modifier::BOLD), Span::raw(said)])
}

/// Columns in the order of [`Texts`]: title, and columns of the terminal from which it is shown.
const COLUMNS: [(&str, u16); 8] = [
    ("status", 0),
    ("stage", 90),
    ("epoch", 0),
    ("loss", 0),
    ("accuracy", 0),
    ("best", 105),
    ("time", 105),
    ("left", 0),
];

fn runs_table<'a>(view: &View<'a>, width: u16) -> Table<'a> {
    let indices: Vec<usize> = (0..COLUMNS.len()).filter(|i| COLUMNS[*i].1 <= width).collect();
    let names = names(view.runs);
    let texts: Vec<[String; 8]> =
        view.runs.iter().map(|run| Texts::of(run, view.now).columns()).collect();
    let widest = |texts: &mut dyn Iterator<Item = &str>| {
        let widest = texts.map(|text| Line::raw(text).width()).max().unwrap_or(0);
        u16::try_from(widest).unwrap_or(u16::MAX)
    };
    let name = names.iter().map(String::as_str).chain(["run"]);
    let name = widest(&mut { name }).min(width / 4);
    let mut widths = vec![Constraint::Fill(1), Constraint::Length(name)];
    widths.extend(indices.iter().map(|index| {
        let texts = texts.iter().map(|texts| texts[*index].as_str());
        Constraint::Length(widest(&mut texts.chain([COLUMNS[*index].0])))
    }));
    let titles = indices.iter().map(|index| cell(*index, COLUMNS[*index].0.to_owned()));
    let header = ["experiment", "run"].map(Text::from).into_iter().chain(titles);
    let rows = view.runs.iter().zip(names).zip(&texts).map(|((run, name), texts)| {
        let colour = if view.colours { status_colour(&texts[0]) } else { Color::Reset };
        let texts = indices.iter().map(|index| {
            let text = cell(*index, texts[*index].clone());
            if *index == 0 { text.style(Style::new().fg(colour)) } else { text }
        });
        let names = [visible(&run.experiment).into_owned(), name].map(Text::from);
        Row::new(names.into_iter().chain(texts).collect::<Vec<_>>())
    });
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    Table::new(rows.collect::<Vec<_>>(), widths)
        .header(Row::new(header.collect::<Vec<_>>()).style(Modifier::BOLD))
        .column_spacing(if width < WIDE { 1 } else { 2 })
        .row_highlight_style(chosen)
}

/// Words to the left, numbers to the right.
fn cell(index: usize, text: String) -> Text<'static> {
    match COLUMNS[index].0 {
        "status" | "stage" => Text::from(text),
        _ => Text::from(text).right_aligned(),
    }
}

/// What tells each run from the others: of a sweep the changed parameters, else the end of its id, and
/// where several runs of one plan have the same end, its start. `runner show` takes both.
fn names(runs: &[&LiveRun]) -> Vec<String> {
    let end = |run: &LiveRun| run.id.rsplit('-').next().unwrap_or_default().to_owned();
    let mut ends: HashMap<String, usize> = HashMap::new();
    for run in runs {
        *ends.entry(end(run)).or_default() += 1;
    }
    let name = |run: &&LiveRun| match (run.get("member").as_str(), ends.get(&end(run))) {
        (Some(member), _) => visible(member).into_owned(),
        (None, Some(1)) => visible(&end(run)).into_owned(),
        _ => visible(run.id.split('.').next().unwrap_or(&run.id)).into_owned(),
    };
    runs.iter().map(name).collect()
}

fn status_colour(status: &str) -> Color {
    match status {
        "running" => Color::Cyan,
        "finished" => Color::Green,
        "failed" | "unreadable" => Color::Red,
        _ => Color::Yellow,
    }
}

fn details(run: &LiveRun, view: &View<'_>) -> Text<'static> {
    let texts = Texts::of(run, view.now);
    let named = run.get("member").as_str().map_or(String::new(), |member| format!("  {member}"));
    let first = format!("{}  {}{named}", run.experiment, run.id);
    let mut said = vec![match texts.stage.is_empty() {
        true => format!("{}, no epoch yet", texts.status),
        false => format!("{}, stage {}, epoch {}", texts.status, texts.stage, texts.epoch),
    }];
    said.extend((!texts.time.is_empty()).then(|| format!("after {}", texts.time)));
    said.extend((!texts.left.is_empty()).then(|| format!("about {} left", texts.left)));
    let third = match (run.get("error").as_str(), run.best()) {
        (Some(error), _) => error.lines().next().unwrap_or_default().to_owned(),
        (None, Some((epoch, best))) => {
            let (loss, accuracy) = (best.loss[1], best.accuracy[1]);
            let tested = run.get("test_accuracy").as_f64();
            let tested =
                tested.map_or(String::new(), |share| format!("; test accuracy {share:.4}"));
            // Numbers have no accuracy.
            let share = match accuracy.is_nan() {
                true => String::new(),
                false => format!(", accuracy {accuracy:.4}"),
            };
            format!("best validation: epoch {epoch}, loss {loss:.4}{share}{tested}")
        }
        (None, None) => String::new(),
    };
    let lines = [first, said.join(", "), third].map(|line| Line::from(visible(&line).into_owned()));
    Text::from(lines.to_vec())
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let lines = [
        "↑ ↓ j k         the run before, the next one",
        "page up, down   ten at once",
        "home end g G    the first, the last",
        "tab             loss or accuracy",
        "q Esc Ctrl-C    leave; runs go on",
    ];
    let [width, height] = [50, 7];
    let (width, height) = (area.width.min(width), area.height.min(height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let place = Rect { x, y, width, height };
    frame.render_widget(Clear, place);
    let text = Text::from(lines.map(Line::from).to_vec());
    frame.render_widget(Paragraph::new(text).block(Block::bordered().title(" keys ")), place);
}
