//! The device of a command: selected, and what is worth knowing of it said.

use runner_experiment::plan::Run;
use runner_experiment::section::run::{DeviceName, NoSuchDevice, Precision};
use runner_learn::LearnError;
use runner_network::device::{Compute, DeviceError, Wanted, select};

use crate::failure::Failure;
use crate::terminal;

/// The device called that; `auto` where none is named.
pub fn named(name: Option<&str>) -> Result<DeviceName, Failure> {
    let name = name.unwrap_or("auto");
    name.parse().map_err(|error: NoSuchDevice| Failure::usage(error.to_string()))
}

/// What a plan computes on.
pub fn of_plan(run: Run) -> Result<Compute, Failure> {
    let compute = select(run).map_err(LearnError::from)?;
    say_software(&compute);
    Ok(compute)
}

/// What a finished run's model is looked at on: in the precision of the run where this device has it.
pub fn of_run(device: Option<&str>, precision: Option<Precision>) -> Result<Compute, Failure> {
    let device = named(device)?;
    let selected = match select(Wanted { precision, ..device.into() }) {
        Err(error @ DeviceError::Precision { .. }) => {
            terminal::warning(&format!("not in the precision of the run: {error}"));
            select(device)
        }
        selected => selected,
    };
    let compute = selected.map_err(LearnError::from)?;
    say_software(&compute);
    Ok(compute)
}

fn say_software(compute: &Compute) {
    if compute.hardware.is_software {
        terminal::warning(&format!(
            "{} is no GPU but a program that stands in for one ({}): `--device cpu` is much faster",
            compute.name(),
            compute.hardware.name
        ));
    }
}
