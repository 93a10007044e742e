//! The simulator as a source of devices: its table instead of the system's library, and its own words for faults.

use std::{cell::RefCell, collections::HashMap, env};

use geobacter_cuda_driver::sys::CUdevice;
use geobacter_runtime_core::driver::DeviceKind;
use ptx_sim::Config;

use crate::{
    card::Card,
    discovery::{Found, NoDevices},
    gpu::Options,
    session::{Explain, Origin},
    system,
};

/// The environment variable that asks for simulated devices, for example `sm_90`.
pub const VARIABLE: &str = ptx_sim::CONFIG_VARIABLE;

/// What the simulator says about faults.
struct Report;

impl Explain for Report {
    fn last_error(&self) -> Option<String> {
        ptx_sim::last_error()
    }

    fn device_fault(&self, device: CUdevice) -> Option<String> {
        ptx_sim::take_fault_report(usize::try_from(device).ok()?).map(|report| report.to_string())
    }
}

impl Origin {
    /// The simulator.
    pub fn simulator() -> Self {
        Self { kind: DeviceKind::Simulator, driver: "ptx-sim".into(), explain: Some(Box::new(Report)) }
    }
}

/// The simulated GPUs that `PTX_SIM` asks for: `sim:sm_90`, `sim:sm_90:1`, ...
pub(crate) fn gpus() -> Found {
    let text = env::var(VARIABLE).unwrap_or_default();
    if text.trim().is_empty() {
        return Found::none(NoDevices::NotAsked);
    }
    let simulator = |error: &dyn std::fmt::Display| NoDevices::Simulator(format!("{VARIABLE}={text}: {error}"));
    let config: Config = match text.parse() {
        Ok(config) => config,
        Err(error) => return Found::none(simulator(&error)),
    };
    // As they were asked for: what code is made for is another matter.
    let targets: Vec<&'static str> = config.targets().collect();
    let api = match ptx_sim::install(config) {
        Ok(api) => api,
        Err(error) => return Found::none(simulator(&error)),
    };
    match system::start(api, Origin::simulator()) {
        Ok(session) => {
            let ids = Ids::default();
            system::open_all(&session, &Options::from_environment(), |number, card| ids.next(&targets, number, card))
        }
        Err(reason) => Found::none(reason),
    }
}

/// Numbers devices of one target.
#[derive(Default)]
struct Ids(RefCell<HashMap<String, usize>>);

impl Ids {
    fn next(&self, targets: &[&str], number: usize, card: &Card) -> String {
        let target = targets.get(number).map_or_else(|| card.name().to_owned(), |target| (*target).to_owned());
        let mut seen = self.0.borrow_mut();
        let count = seen.entry(target.clone()).or_default();
        let id = match *count {
            0 => format!("sim:{target}"),
            count => format!("sim:{target}:{count}"),
        };
        *count += 1;
        id
    }
}
