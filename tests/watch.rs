//! `runner watch`: what runs, live on a terminal and as a table elsewhere.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use runner_results::lock::RunLock;

use crate::export::make_run;
use crate::support::runner::Place;

#[test]
fn without_a_terminal_it_is_a_table() {
    let place = Place::new();
    let none = place.succeed(&["watch"]);
    assert!(none.stdout.is_empty() && none.stderr.contains("there are no runs"), "{none:?}");
    make_run(&place, "a", "1", "finished");
    let running = make_run(&place, "a", "2", "running");
    // Nobody holds its lock.
    let idle = place.succeed(&["watch"]);
    assert!(idle.stderr.contains("no run is running"), "{idle:?}");
    assert!(idle.stdout.contains("interrupted") && idle.stdout.contains("finished"), "{idle:?}");
    let _lock = RunLock::take(&running).unwrap();
    let live = place.succeed(&["watch"]);
    assert_eq!(live.stdout.lines().count(), 2, "{live:?}");
    let row: Vec<_> = live.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    // Two of two epochs, as stage.a/b.epochs says; the validation loss is 0.1 in both.
    assert_eq!(row[..6], ["2", "a", "running", "a/b", "2/2", "0.1000"], "{live:?}");
    place.write("results/a/3/run.parquet", "damaged");
    assert_eq!(place.succeed(&["watch"]).stdout, live.stdout);
    for wrong in [&["watch", "b"][..], &["watch", "--interval", "0"], &["watch", "--interval", "x"]]
    {
        assert_eq!(place.run(wrong).code, Some(2));
    }
}

/// Under `script`, which gives a program a terminal.
#[test]
fn on_a_terminal_it_draws_and_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    make_run(&place, "a", "1", "finished");
    let runner = env!("CARGO_BIN_EXE_runner");
    let mut script = std::process::Command::new("script");
    script.args([
        "-qec",
        &format!("stty rows 24 cols 80; {runner} watch; echo left with $?"),
        "/dev/null",
    ]);
    script.current_dir(place.path("")).env("TERM", "xterm").env("NO_COLOR", "1");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = script.spawn() else {
        writeln!(std::io::stderr(), "skipped: there is no `script`").unwrap();
        return;
    };
    std::thread::sleep(Duration::from_secs(1));
    child.stdin.take().unwrap().write_all(b"\tq").unwrap();
    let shown = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&shown.stdout);
    for drawn in ["\x1b[?1049h", "newest", "validation", "\x1b[?1049l", "left with 0"] {
        assert!(text.contains(drawn), "`{drawn}` is missing: {text:?}");
    }
    // Colours are not wanted.
    assert!(!text.contains("\x1b[38;5;") && !text.contains("\x1b[48;5;"), "{text:?}");
}
