//! `runner devices`: what can compute here, and what is missing for more.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use runner_experiment::section::run::DeviceName;
use runner_learn::LearnError;
use runner_network::device::list::{self, Backend};
use runner_network::device::{DeviceError, DeviceKind, Found, kernels, libdevice, nvidia, select};
use serde::Serialize;

use crate::environment::show_size;
use crate::failure::Failure;
use crate::terminal;

/// `devices`
#[derive(Debug, Args)]
pub struct DevicesArguments {
    /// How to print them.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// How to print devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Everything that is said.
#[derive(Debug, Serialize)]
struct Machine {
    /// What `--device auto` takes.
    auto: String,
    /// Whether this build can tune kernels by trial.
    autotune: bool,
    /// NVIDIA's library that kernels are linked with; null where it was not found.
    libdevice: Option<PathBuf>,
    /// Where compiled kernels are kept; null in a build without GPUs.
    kernels: Option<PathBuf>,
    devices: Vec<Row>,
    missing: Vec<Missing>,
}

#[derive(Debug, Serialize)]
struct Row {
    device: String,
    kind: &'static str,
    name: String,
    memory_bytes: Option<u64>,
    driver: Option<String>,
    compute_capability: Option<String>,
    cores: Option<usize>,
    instructions: Vec<String>,
    /// The default first.
    precisions: Vec<&'static str>,
    software: bool,
    auto: bool,
}

/// A kind of which there is no device.
#[derive(Debug, Serialize)]
struct Missing {
    kind: &'static str,
    compiled: bool,
    reason: String,
    remedy: String,
}

pub(super) fn devices(arguments: &DevicesArguments) -> Result<(), Failure> {
    let auto = select(DeviceName::Auto).map_err(LearnError::from)?.name();
    let backends = list::backends();
    let devices = backends.iter().flat_map(|backend| &backend.devices);
    let machine = Machine {
        devices: devices.map(|found| row(found, &auto)).collect(),
        missing: backends.iter().filter_map(missing).collect(),
        autotune: list::can_autotune(),
        libdevice: libdevice::path(),
        kernels: kernels::file(),
        auto,
    };
    match arguments.format {
        Format::Table => show(&machine),
        Format::Json => {
            let json = serde_json::to_string_pretty(&machine);
            terminal::out_json(&json.map_err(|error| Failure::of(1, &error))?);
        }
    }
    Ok(())
}

fn row(found: &Found, auto: &str) -> Row {
    let hardware = &found.hardware;
    Row {
        device: found.name(),
        kind: found.kind.as_str(),
        name: hardware.name.clone(),
        memory_bytes: hardware.memory,
        driver: hardware.driver.clone(),
        compute_capability: hardware.capability.map(|(major, minor)| format!("{major}.{minor}")),
        cores: hardware.cores,
        instructions: hardware.instructions.clone(),
        precisions: found.precisions().into_iter().map(|precision| precision.as_str()).collect(),
        software: hardware.is_software,
        auto: found.name() == auto,
    }
}

/// Why there is none of a kind, and what would bring one.
fn missing(backend: &Backend) -> Option<Missing> {
    let reason = backend.reason.as_ref()?;
    let kind = backend.kind.as_str();
    let build = format!("`cargo build --release --features {kind}` compiles it in");
    let (reason, remedy) = match (backend.kind, backend.is_compiled) {
        (DeviceKind::Cuda, false) => match nvidia::has_driver() {
            true => ("not compiled in; an NVIDIA driver is installed here".to_owned(), build),
            false => (
                "not compiled in, and no NVIDIA driver was found here".to_owned(),
                format!("{build}, and NVIDIA's driver must be installed where it runs"),
            ),
        },
        (_, false) => ("not compiled in".to_owned(), build),
        (DeviceKind::Cuda, true) => (
            reason.clone(),
            "install NVIDIA's driver; in a container, start it with `--gpus all`".to_owned(),
        ),
        (_, true) => (
            reason.clone(),
            "install the Vulkan loader (libvulkan.so.1) and the driver of the GPU".to_owned(),
        ),
    };
    Some(Missing { kind, compiled: backend.is_compiled, reason, remedy })
}

fn show(machine: &Machine) {
    let rows = machine.devices.iter().map(|row| {
        let memory = row.memory_bytes.map_or(String::new(), show_size);
        let driver = row.driver.clone().unwrap_or_default();
        let auto = if row.auto { "auto" } else { "" };
        let precisions = row.precisions.join(", ");
        vec![
            row.device.clone(),
            row.name.clone(),
            memory,
            driver,
            precisions,
            about(row),
            auto.into(),
        ]
    });
    let header = ["device", "name", "memory", "driver", "precisions", "", ""];
    terminal::out_table(&header, rows.collect());
    let has_cuda = machine.devices.iter().any(|row| row.kind == DeviceKind::Cuda.as_str());
    let lacks_libdevice = has_cuda && machine.libdevice.is_none();
    if lacks_libdevice || !machine.missing.is_empty() || machine.kernels.is_some() {
        terminal::out("");
    }
    if let Some(kernels) = &machine.kernels {
        terminal::out(&format!("compiled kernels are kept in {}", kernels.display()));
    }
    if lacks_libdevice {
        terminal::out(&format!("cuda: {}", DeviceError::Libdevice));
    }
    for missing in &machine.missing {
        terminal::out(&format!("{}: {}; {}", missing.kind, missing.reason, missing.remedy));
    }
}

/// What else is known: cores and instruction sets, or the compute capability.
fn about(row: &Row) -> String {
    let cores = row.cores.map(|cores| match cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    });
    let capability = row.compute_capability.as_ref().map(|c| format!("compute capability {c}"));
    let software = row.software.then(|| "software: no GPU".to_owned());
    let instructions = row.instructions.iter().cloned();
    let parts = cores.into_iter().chain(instructions).chain(capability).chain(software);
    parts.collect::<Vec<_>>().join(", ")
}
