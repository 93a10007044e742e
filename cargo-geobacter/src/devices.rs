//! `devices`: what a program that `cargo geobacter run` starts would see on this machine.

use std::{env, process::ExitCode, sync::Arc};

use amdgpu_sim::WorkerDisassembler;
use geobacter::{DeviceInfo, DeviceKind};
use geobacter_codegen_client::Worker;
use geobacter_runtime_amd::{Agent, Gpu, Options, Origin, SIMULATOR_VARIABLE, Session, Source};
use geobacter_runtime_core::driver::Driver;
use serde_json::json;

use crate::{
    cargo_invocation::SIMULATED,
    print,
    table::{bytes, table},
};

/// What there is, and what there is not, with the reason.
struct Listing {
    present: Vec<DeviceInfo>,
    absent: Vec<(String, String)>,
}

impl Listing {
    fn new() -> Self {
        let devices = geobacter::discover();
        let simulated = Source::Simulator.to_string();
        let mut listing = Self {
            present: devices.present.iter().map(|device| device.info().clone()).collect(),
            absent: devices.absent.into_iter().map(|absence| (absence.what, absence.reason)).collect(),
        };
        // In a program the simulator of AMD's GPUs asks the worker that the kernel archive names. This program has no archive,
        // so the runtime finds none of those here; those that `run` would offer are looked up below.
        listing.absent.retain(|(what, _)| *what != simulated);
        let asked = env::var(SIMULATOR_VARIABLE).unwrap_or_else(|_| SIMULATED.into());
        if asked.trim().is_empty() {
            let reason =
                format!("{SIMULATOR_VARIABLE} is empty; {SIMULATOR_VARIABLE}={SIMULATED} gives a simulated GPU");
            listing.absent.push((simulated, reason));
        } else {
            match simulated_devices(&asked) {
                Ok(devices) => listing.present.extend(devices),
                Err(error) => listing.absent.push((simulated, format!("{SIMULATOR_VARIABLE}={asked}: {error}"))),
            }
        }
        listing
    }
}

fn simulated_devices(asked: &str) -> anyhow::Result<Vec<DeviceInfo>> {
    // Nothing is run, so the worker is never started, and needs no toolchain.
    let worker = Arc::new(Worker::new(env::current_exe()?, ""));
    let api = amdgpu_sim::install(asked.parse()?, Arc::new(WorkerDisassembler::new(worker, None, "")))?;
    let session = Session::start(api, Origin::simulator())?;
    let agents = Agent::all(&session)?;
    let mut devices: Vec<DeviceInfo> = Vec::new();
    for agent in agents.iter().filter(|agent| agent.is_gpu()) {
        let name = format!("sim:{}", agent.name());
        let same = devices.iter().filter(|device| device.id.split(':').take(2).eq(name.split(':'))).count();
        let id = if same == 0 { name } else { format!("{name}:{same}") };
        devices.push(Gpu::open(agent, &agents, id, Options::from_environment())?.info().clone());
    }
    Ok(devices)
}

/// Lists them.
pub fn devices(json: bool) -> anyhow::Result<ExitCode> {
    let listing = Listing::new();
    if json {
        let present: Vec<_> = listing
            .present
            .iter()
            .map(|info| {
                json!({
                    "id": info.id,
                    "name": info.name,
                    "kind": kind(info.kind),
                    "isa": info.isa,
                    "memory": info.memory,
                    "compute_units": info.compute_units,
                    "wave_size": info.wave_size,
                    "lds": info.lds,
                    "max_workgroup": info.max_workgroup,
                    "max_grid": info.max_grid,
                    "max_grid_items": info.max_grid_items,
                    "driver": info.driver,
                })
            })
            .collect();
        let absent = listing.absent.iter().map(|(what, reason)| json!({ "what": what, "reason": reason }));
        let all = json!({ "present": present, "absent": absent.collect::<Vec<_>>() });
        print::json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = [
        ("DEVICE", false),
        ("KIND", false),
        ("NAME", false),
        ("ISA", false),
        ("MEMORY", true),
        ("UNITS", true),
        ("WAVE", true),
        ("LDS", true),
        ("DRIVER", false),
    ];
    let rows = listing.present.iter().map(|info| {
        let mut row = vec![info.id.clone(), kind(info.kind).into(), info.name.clone(), info.isa.clone()];
        row.push(bytes(info.memory));
        row.extend([info.compute_units, info.wave_size].map(|number| number.to_string()));
        row.push(if info.lds == 0 { "-".into() } else { bytes(info.lds.into()) });
        row.push(info.driver.clone());
        row
    });
    let mut text = table(&columns, rows);
    if !listing.absent.is_empty() {
        text.push('\n');
        for (what, reason) in &listing.absent {
            text += &format!("no {what}: {reason}\n");
        }
    }
    print::text(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Host => "host",
        DeviceKind::Gpu => "gpu",
        DeviceKind::Simulator => "simulator",
        _ => "other",
    }
}
