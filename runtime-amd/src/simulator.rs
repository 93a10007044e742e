//! The simulator as a source of devices: its table instead of the system's library, and its own words for faults.

use std::{collections::HashMap, env, sync::Arc};

use amdgpu_sim::{AccessKind, AccessReport, Config, FaultKind, FaultPlace, FaultReport};
use geobacter_runtime_core::{
    check::{CheckFailure, CheckRule, CheckedAccess, CheckedPlace, CheckedUse},
    driver::{DeviceKind, PanicLocation},
};
use hsa_rt_sys::hsa_queue_t;

use crate::{
    agent::Agent,
    disassembler::ProgramDisassembler,
    discovery::NoDevices,
    gpu::{Gpu, Options},
    session::{Explain, Origin, Session, StopReport},
};

/// The environment variable that asks for simulated devices, for example `gfx942`.
pub const VARIABLE: &str = "AMDGPU_SIM";

/// What the simulator says about faults.
struct Report;

impl Explain for Report {
    fn last_error(&self) -> Option<String> {
        amdgpu_sim::last_error()
    }

    fn queue_fault(&self, queue: *const hsa_queue_t) -> Option<StopReport> {
        let report = amdgpu_sim::take_fault_report(queue)?;
        Some(StopReport::new(report.to_string(), check_failure(&report)))
    }
}

/// The broken rule that a report is about, if it is about one.
fn check_failure(report: &FaultReport) -> Option<CheckFailure> {
    let rule = match report.kind {
        FaultKind::OverlappingWrites => CheckRule::Overlap,
        FaultKind::Race => CheckRule::Race,
        FaultKind::UninitializedRead => CheckRule::Uninitialized,
        _ => return None,
    };
    let place = match report.place? {
        FaultPlace::Allocation { address, size, offset } => CheckedPlace::Buffer { address, size, offset },
        FaultPlace::Lds { size, offset } => CheckedPlace::Lds { size, offset },
        _ => return None,
    };
    let (access, earlier) = report.accesses.split_last()?;
    Some(CheckFailure::new(rule, place, checked(access), earlier.first().map(checked)))
}

fn checked(access: &AccessReport) -> CheckedAccess {
    let does = match access.kind {
        AccessKind::Load => CheckedUse::Read,
        AccessKind::Store => CheckedUse::Write,
        _ => CheckedUse::Atomic,
    };
    let location = access.site.location.as_ref();
    let location = location.map(|at| PanicLocation { file: at.file.clone(), line: at.line, column: at.column });
    CheckedAccess::new(does, access.group, access.item, location)
}

impl Origin {
    /// The simulator.
    pub fn simulator() -> Self {
        Self { kind: DeviceKind::Simulator, driver: "amdgpu-sim".into(), explain: Some(Box::new(Report)) }
    }
}

/// The simulated GPUs that `AMDGPU_SIM` asks for: `sim:gfx942`, `sim:gfx942:1`, ...
pub(crate) fn gpus() -> Result<Vec<Gpu>, NoDevices> {
    let text = env::var(VARIABLE).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(NoDevices::NotAsked);
    }
    let config: Config = text.parse().map_err(|error| NoDevices::Simulator(format!("{VARIABLE}={text}: {error}")))?;
    // A debug build's kernels are checked as its arithmetic is.
    let config = config.with_default_checks(cfg!(debug_assertions));
    let checked = config.checks();
    for target in config.targets() {
        ProgramDisassembler::check(target).map_err(|error| NoDevices::Simulator(error.to_string()))?;
    }
    let api = amdgpu_sim::install(config, Arc::new(ProgramDisassembler::default()))
        .map_err(|error| NoDevices::Simulator(error.to_string()))?;
    open(&Session::start(api, Origin::simulator())?, checked)
}

/// All GPUs of a simulator's session.
fn open(session: &Arc<Session>, checked: bool) -> Result<Vec<Gpu>, NoDevices> {
    let agents = Agent::all(session)?;
    let options = Options { checked, ..Options::from_environment() };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut gpus = Vec::new();
    for agent in agents.iter().filter(|agent| agent.is_gpu()) {
        let count = seen.entry(agent.name().to_owned()).or_default();
        let id = match *count {
            0 => format!("sim:{}", agent.name()),
            count => format!("sim:{}:{count}", agent.name()),
        };
        *count += 1;
        gpus.push(Gpu::open(agent, &agents, id, options.clone())?);
    }
    Ok(gpus)
}
