//! `runner run` on a sweep: its members one after another, or several at a time.
//!
//! What is finished is skipped, what was interrupted goes on, and a member that fails is no reason to
//! stop. Several processes may work on one sweep: each takes the members that no other one holds.

mod cards;
mod halving;
mod member;
mod running;
mod table;
mod workers;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use runner_experiment::{Member, Sweep};
use runner_results::sweep::SweepFolder;

use super::frozen::frozen;
use super::run::arguments::RunArguments;
use super::run::features::features;
use super::run::single::Session;
use crate::failure::Failure;
use crate::terminal;
use halving::Rung;
use member::{Outcome, Pass, State};
use running::Running;

pub(super) fn run(
    session: &Session,
    sweep: &Sweep,
    arguments: &RunArguments,
) -> Result<(), Failure> {
    refuse(sweep, arguments)?;
    let chosen = choose(sweep, &arguments.sweep.member)?;
    let Some(first) = sweep.members.first() else { return Ok(()) };
    let name = &first.checked.plan.experiment.name;
    let folder = SweepFolder::new(&session.results, name, &sweep.id);
    let began = arguments.sweep.worker.and_then(DateTime::from_timestamp_millis);
    let began = began.unwrap_or_else(Utc::now);
    let running = Running { session, sweep, arguments, folder, began };
    if arguments.dry_run {
        terminal::out(&table::planned(&running, &chosen));
        return Ok(());
    }
    running.folder.make()?;
    if arguments.sweep.worker.is_some() {
        let pass = Pass { until: arguments.sweep.until, wait: false };
        return running.one_by_one(&chosen, pass).map(|_| ());
    }
    let stopped = running.rungs(&chosen);
    session.prune();
    table::report(&running);
    table::conclude(&running, &chosen, &stopped?)
}

/// What cannot mean anything for a sweep.
fn refuse(sweep: &Sweep, arguments: &RunArguments) -> Result<(), Failure> {
    if let Some(run) = &arguments.resume {
        return Err(Failure::usage(format!(
            "`--resume {run}` names one run, and {} is a sweep: without it, finished members are \
             skipped and interrupted ones go on",
            arguments.file.display()
        )));
    }
    let is_last = |member: &Member| member.checked.plan.model.weights == "run:last";
    match sweep.members.iter().any(is_last) {
        true => Err(Failure::usage(
            "`weights = \"run:last\"` would be another run for every member of a sweep; name the run",
        )),
        false => Ok(()),
    }
}

/// The members that are asked for; all where none is named.
fn choose<'a>(sweep: &'a Sweep, names: &[String]) -> Result<Vec<&'a Member>, Failure> {
    if names.is_empty() {
        return Ok(sweep.members.iter().collect());
    }
    let find = |name: &String| {
        let fits = |member: &&Member| member.name == *name || member.number.to_string() == *name;
        sweep.members.iter().find(fits).ok_or_else(|| {
            let count = sweep.members.len();
            Failure::usage(format!(
                "there is no member `{name}`; members have numbers from 1 to {count}, and names \
                 such as `{}`; `runner check` lists them",
                sweep.members[0].name
            ))
        })
    };
    let mut chosen: Vec<&Member> = names.iter().map(find).collect::<Result<_, _>>()?;
    chosen.sort_by_key(|member| member.number);
    chosen.dedup_by_key(|member| member.number);
    Ok(chosen)
}

impl Running<'_> {
    /// Runs members to each comparison and on from there; returns those that were stopped.
    fn rungs(&self, chosen: &[&Member]) -> Result<Vec<usize>, Failure> {
        let mut left: Vec<&Member> = chosen.to_vec();
        let mut decided: Vec<Rung> = Vec::new();
        self.write(&decided)?;
        for (number, epochs) in halving::comparisons(self.sweep).into_iter().enumerate() {
            self.pass(&left, Some(epochs))?;
            let rung = halving::compare(self, number + 1, epochs, &left);
            left.retain(|member| rung.keeps(member.number));
            halving::say(&rung);
            decided.push(rung);
            self.write(&decided)?;
            if left.len() < 2 {
                break;
            }
        }
        self.pass(&left, None)?;
        self.write(&decided)?;
        let is_left = |member: &&&Member| !left.iter().any(|kept| kept.number == member.number);
        Ok(chosen.iter().filter(is_left).map(|member| member.number).collect())
    }

    fn write(&self, decided: &[Rung]) -> Result<(), Failure> {
        Ok(self.folder.write(table::rows(self, decided))?)
    }

    /// Runs members until they are finished, or to an epoch.
    fn pass(&self, members: &[&Member], until: Option<usize>) -> Result<(), Failure> {
        let devices = cards::workers(self.arguments.sweep.jobs, members);
        if devices.len() > 1 {
            self.features(members)?;
            workers::run(self, members, until, &devices)?;
        }
        // What a worker that died left behind; and others' members are waited for.
        self.one_by_one(members, Pass { until, wait: true })
    }

    /// Computes what several members share before these are started, since each worker has but a part
    /// of the cores. What cannot be computed is for the members to say.
    fn features(&self, members: &[&Member]) -> Result<(), Failure> {
        let is_new = |member: &&&Member| matches!(member::state(self, member), State::New);
        let mut passes: BTreeMap<Vec<String>, Vec<&Member>> = BTreeMap::new();
        for member in members.iter().filter(is_new) {
            let keys: Vec<String> = frozen(&member.checked).into_keys().collect();
            passes.entry(keys).or_default().push(member);
        }
        let is_shared =
            |(keys, members): &(&Vec<String>, &Vec<&Member>)| !keys.is_empty() && members.len() > 1;
        for (_, members) in passes.iter().filter(is_shared) {
            // A failure is found again, and said, by the members.
            let _ = features(self.session, &members[0].checked);
            self.session.interrupt.check().map_err(runner_learn::LearnError::from)?;
        }
        Ok(())
    }

    /// Runs members in this process.
    fn one_by_one(&self, members: &[&Member], pass: Pass) -> Result<(), Failure> {
        let mut left: Vec<&Member> = members.to_vec();
        let mut said = false;
        while !left.is_empty() {
            let mut busy = Vec::new();
            for member in left {
                match member::run(self, member, pass)? {
                    Outcome::Busy => busy.push(member),
                    Outcome::Done => {}
                    Outcome::Failed(failure) => member::say_failed(self, member, &failure),
                }
                self.session.interrupt.check().map_err(runner_learn::LearnError::from)?;
            }
            left = match pass.wait {
                true => busy,
                false => Vec::new(),
            };
            if !left.is_empty() {
                member::wait(left.len(), &mut said);
            }
        }
        Ok(())
    }
}
