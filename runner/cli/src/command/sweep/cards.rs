//! Which worker of a sweep computes on which GPU.

use runner_experiment::Member;
use runner_experiment::section::run::DeviceName;
use runner_network::device::DeviceKind;
use runner_network::device::list::{self, Backend, Found};

use crate::command::run::arguments::Jobs;

/// Workers for these members: for each of them the device that it is told to use, `None` where that
/// is left to the plan.
pub(super) fn workers(jobs: Option<Jobs>, members: &[&Member]) -> Vec<Option<String>> {
    match jobs {
        None | Some(Jobs::Count(1)) => vec![None],
        Some(jobs) => spread(jobs, members.len(), &cards(asked(members), list::backends())),
    }
}

/// The device that all members ask for.
fn asked(members: &[&Member]) -> Option<DeviceName> {
    let mut devices = members.iter().map(|member| member.checked.plan.run.device);
    let first = devices.next()?;
    devices.all(|device| device == first).then_some(first)
}

/// Names of the GPUs that are meant, none where the CPU is. Software drivers are none.
fn cards(asked: Option<DeviceName>, backends: &[Backend]) -> Vec<String> {
    let of = |kind: DeviceKind| -> Vec<String> {
        let devices = backends.iter().filter(|backend| backend.kind == kind);
        let devices = devices.flat_map(|backend| &backend.devices);
        devices.filter(|found| !found.hardware.is_software).map(Found::name).collect()
    };
    let Some(asked) = asked else { return Vec::new() };
    match asked {
        DeviceName::Cpu => Vec::new(),
        DeviceName::Auto => Some(of(DeviceKind::Cuda))
            .filter(|cards| !cards.is_empty())
            .unwrap_or_else(|| of(DeviceKind::Vulkan)),
        DeviceName::Cuda(None) => of(DeviceKind::Cuda),
        DeviceName::Vulkan(None) => of(DeviceKind::Vulkan),
        DeviceName::Cuda(Some(_)) | DeviceName::Vulkan(Some(_)) => vec![asked.to_string()],
    }
}

/// As many workers as are asked for, no more than members, on the cards in turns.
fn spread(jobs: Jobs, members: usize, cards: &[String]) -> Vec<Option<String>> {
    let count = match jobs {
        Jobs::Auto => cards.len(),
        Jobs::Count(count) => usize::from(count),
    };
    let card = |worker: usize| match cards {
        [] | [_] => None,
        cards => cards.get(worker % cards.len()).cloned(),
    };
    (0..count.min(members).max(1)).map(card).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(cards: &[&str]) -> Vec<String> {
        cards.iter().map(|card| (*card).to_owned()).collect()
    }

    fn spread_over(jobs: Jobs, members: usize, cards: &[&str]) -> Vec<String> {
        let workers = spread(jobs, members, &named(cards));
        workers.into_iter().map(Option::unwrap_or_default).collect()
    }

    const FOUR: [&str; 4] = ["cuda:0", "cuda:1", "cuda:2", "cuda:3"];

    #[test]
    fn auto_is_one_worker_per_card_and_none_idles() {
        assert_eq!(spread_over(Jobs::Auto, 10, &FOUR), FOUR);
        assert_eq!(spread_over(Jobs::Auto, 3, &FOUR), ["cuda:0", "cuda:1", "cuda:2"]);
        assert_eq!(spread_over(Jobs::Auto, 10, &["cuda:0"]), [""]);
        assert_eq!(spread_over(Jobs::Auto, 10, &[]), [""]);
    }

    #[test]
    fn a_number_of_workers_is_spread_in_turns() {
        let workers = spread_over(Jobs::Count(6), 10, &FOUR);
        assert_eq!(workers, ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]);
        assert_eq!(spread_over(Jobs::Count(2), 10, &[]), ["", ""]);
        assert_eq!(spread_over(Jobs::Count(2), 10, &["cuda:0"]), ["", ""]);
    }

    #[test]
    fn without_gpus_there_are_no_cards_and_a_named_one_is_itself() {
        let here = list::backends();
        assert!(cards(Some(DeviceName::Cpu), here).is_empty() && cards(None, here).is_empty());
        assert_eq!(cards(Some(DeviceName::Cuda(Some(3))), here), ["cuda:3"]);
    }

    #[test]
    fn jobs_are_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(Jobs::Auto));
        assert_eq!("12".parse(), Ok(Jobs::Count(12)));
        for text in ["0", "257", "-1", "all", ""] {
            assert!(text.parse::<Jobs>().is_err(), "{text}");
        }
    }
}
