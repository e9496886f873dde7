//! What the board looks like, as text.

use std::time::{Duration, SystemTime};

use ratatui_core::backend::TestBackend;
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use ratatui_widgets::table::TableState;
use runner_results::live::{LiveEpoch, LiveRun};
use runner_results::tables::Cell;

use super::draw::{self, Metric, View};

/// A minute after the runs started.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_060)
}

fn run(experiment: &str, id: &str, status: &str, epochs: i64) -> LiveRun {
    let mut run = LiveRun::default();
    run.experiment = experiment.to_owned();
    run.id = id.to_owned();
    run.path = id.into();
    run.held = status == "running";
    run.run = vec![
        ("status".to_owned(), Cell::Text(status.to_owned())),
        ("started_at".to_owned(), Cell::Time(1_000_000_000)),
    ];
    run.planned = vec![("head".to_owned(), 30)];
    let epoch = |epoch: i64| LiveEpoch {
        stage: "head".to_owned(),
        epoch,
        loss: [1.0 / epoch as f64, 0.3 + 0.7 / epoch as f64],
        accuracy: [1.0 - 0.5 / epoch as f64, 0.9 - 0.5 / epoch as f64],
        seconds: 2.0,
    };
    run.epochs = (1..=epochs).map(epoch).collect();
    run
}

fn runs() -> Vec<LiveRun> {
    let mut member = run("rates", "20261126T093012.345Z-1f2e3d4c", "running", 20);
    member.run.push(("member".to_owned(), Cell::Text("learning_rate=1e-5, seed=2".to_owned())));
    let mut failed = run("a\u{1b}[31mb", "20261126T093013.000Z-00000002", "failed", 3);
    failed.epochs[2].loss = [f64::NAN; 2];
    failed.run.push(("error".to_owned(), Cell::Text("the loss is not finite\nmore".to_owned())));
    vec![
        member,
        run("feature_extraction", "20261126T093014.000Z-00000003", "running", 0),
        run("feature_extraction", "20261126T093015.000Z-00000003", "finished", 30),
        failed,
    ]
}

fn buffer(size: (u16, u16), runs: &[LiveRun], selected: usize, help: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let runs: Vec<&LiveRun> = runs.iter().collect();
    let idle = runs.is_empty();
    let (metric, colours) = (Metric::Loss, false);
    let view = View { results: "results", runs: &runs, idle, now: now(), metric, help, colours };
    let mut table = TableState::new().with_selected((!idle).then_some(selected));
    terminal.draw(|frame| draw::draw(frame, &view, &mut table)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines = buffer.content.chunks(width).map(|line| {
        let line: String = line.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[test]
fn a_board_of_80_by_24() {
    let shown = text(&buffer((80, 24), &runs(), 0, false));
    let expected = include_str!("board_80x24.txt");
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn what_went_wrong_is_said_and_foreign_text_is_harmless() {
    let shown = text(&buffer((120, 30), &runs(), 3, false));
    assert!(shown.contains("the loss is not finite\n") && !shown.contains('\u{1b}'), "{shown}");
    assert!(shown.contains(r"a\u{1b}[31mb"), "{shown}");
    // Side by side where there is room.
    assert!(shown.contains(" loss: ") && shown.contains(" accuracy: "), "{shown}");
}

#[test]
fn the_selected_run_of_many_is_in_view() {
    let many: Vec<LiveRun> = (0..200)
        .map(|n| run("many", &format!("20261126T093014.000Z-{n:08}"), "running", 5))
        .collect();
    let shown = text(&buffer((80, 24), &many, 150, false));
    assert!(shown.starts_with("results: 200 running\n"), "{shown}");
    assert!(shown.contains("many  20261126T093014.000Z-00000150\n"), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("many    ") && line.contains(" 00000150 ")));
}

#[test]
fn no_size_is_too_small() {
    for size in [(1, 1), (5, 2), (10, 5), (20, 8), (79, 3), (300, 9), (30, 80)] {
        for (runs, help) in [(runs(), false), (runs(), true), (Vec::new(), false)] {
            let buffer = buffer(size, &runs, 0, help);
            assert_eq!(buffer.content.len(), usize::from(size.0) * usize::from(size.1));
        }
    }
    assert!(text(&buffer((80, 24), &[], 0, false)).starts_with("results: there are no runs yet\n"));
}
