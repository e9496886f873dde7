//! Features that several runs share, computed before these are started.

use std::path::PathBuf;

use runner_experiment::Checked;
use runner_learn::run::{Request, features as compute_features};
use runner_record::Event;

use super::single::Session;
use crate::failure::{Failure, guarded};
use crate::fetch::weights::resolve;
use crate::progress::Counters;
use crate::{device, division, terminal};

/// Computes what the first stage of a plan trains on, with every core.
pub fn features(session: &Session, checked: &Checked) -> Result<(), Failure> {
    let mut checked = checked.clone();
    let compute = device::of_plan(checked.plan.run)?;
    let interrupt = session.interrupt.below();
    let weights = resolve(&mut checked, &session.results, (session.offline, &interrupt))?;
    let request = Request {
        checked: &checked,
        earlier: division::earlier(&checked.plan, &session.results, None)?,
        weights: weights.as_ref(),
        compute,
        cache: Some(&session.cache),
        model: PathBuf::new(),
        checkpoints: None,
        shared: &session.shared,
        interrupt,
    };
    let mut counters = Counters::default();
    let done = guarded(|| {
        compute_features(&request, &mut |event| match event {
            Event::Progress { phase, done, total } => counters.set(&phase, done, total),
            Event::Kernels { .. } => counters.kernels(&event),
            Event::Features { split, computed, cached, seconds, .. } if computed > 0 => {
                terminal::note(&format!(
                    "features of {split}: {computed} computed, {cached} from the cache, {seconds:.1} s"
                ));
            }
            _ => {}
        })
        .map_err(Failure::from)
    });
    counters.clear();
    done
}
