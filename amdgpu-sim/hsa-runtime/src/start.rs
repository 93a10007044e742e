//! The start: which devices there are, said by the environment.

use std::{env, sync::Arc};

use amdgpu_sim::Config;
use hsa_rt_sys::{HSA_STATUS_ERROR, hsa_status_t};

use crate::{log, text::LazyDisassembler};

/// The environment variable that says which devices there are.
pub const DEVICES_VARIABLE: &str = "AMDGPU_SIM";
/// The devices where it says nothing: what Debian's HIP knows, and the newest of it.
pub const DEFAULT_DEVICES: &str = "gfx90a";

/// Installs the simulator at the first call, and counts one more user at each. What keeps it from starting stands on
/// standard error, for the status cannot say it.
///
/// # Safety
/// None: it is unsafe for the sake of the table.
pub unsafe extern "C" fn hsa_init() -> hsa_status_t {
    log::start();
    match install() {
        // SAFETY: the same contract.
        Ok(()) => unsafe { (amdgpu_sim::hsa_api().hsa_init)() },
        Err(reason) => {
            tracing::error!("{reason}");
            HSA_STATUS_ERROR
        }
    }
}

fn install() -> Result<(), String> {
    let devices = env::var(DEVICES_VARIABLE).ok().filter(|devices| !devices.trim().is_empty());
    let devices = devices.as_deref().unwrap_or(DEFAULT_DEVICES);
    let config: Config = devices.parse().map_err(|error| format!("{DEVICES_VARIABLE}={devices}: {error}"))?;
    // A program that sets the variable anew before it calls `hsa_init` again would ask for two machines at once.
    amdgpu_sim::install(config, Arc::new(LazyDisassembler::default())).map(drop).map_err(|error| error.to_string())
}
