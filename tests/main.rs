//! The end-to-end suite: one binary. It runs the program as a user would, and checks numbers
//! against reference values where they are at hand (`RUNNER_FIXTURES`).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::print_stdout)]
// The test harness hides what `eprintln!` says in a passing test.
#![allow(clippy::explicit_write)]

mod alike;
mod avif;
mod backbone_jobs;
mod backbones;
mod commands;
mod compare;
mod damage;
mod devices;
mod diff;
mod division;
mod export;
mod family;
mod generated;
mod images;
mod init;
mod invalid;
mod labels;
mod longer;
mod model_file;
mod on_gpu;
mod parity;
mod pictures;
mod report;
mod resume;
mod run;
mod scores;
mod shared;
mod stopping;
mod submit;
mod support;
mod suspects;
mod sweep;
mod tables;
mod trust;
mod watch;
mod weights;
