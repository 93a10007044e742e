//! Which GPUs there are, and why there are none.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use geobacter_runtime_core::Device;
use hsa_rt_sys::LoadError;

use crate::{
    error::{Error, HsaError},
    gpu::Gpu,
    system::{self, KfdError},
};

/// Where devices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The system's HSA runtime.
    System,
    /// The simulator.
    Simulator,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "AMD GPUs",
            Self::Simulator => "simulated AMD GPUs",
        })
    }
}

/// Why a source has no devices. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoDevices {
    /// The kernel driver cannot be used.
    #[error(transparent)]
    Kfd(#[from] KfdError),
    /// The HSA library cannot be loaded.
    #[error(transparent)]
    Library(#[from] LoadError),
    /// The HSA runtime does not start or does not answer.
    #[error(transparent)]
    Hsa(#[from] HsaError),
    /// A GPU is there and cannot be used.
    #[error(transparent)]
    Gpu(#[from] Error),
    /// The HSA runtime works and knows no GPU.
    #[error("the HSA runtime knows no GPU agent; `rocminfo` shows what it knows")]
    NoAgents,
    /// Nobody asked for simulated devices.
    #[error("AMDGPU_SIM is not set; AMDGPU_SIM=gfx942 gives a simulated GPU")]
    NotAsked,
    /// The simulator does not start.
    #[error("the simulator cannot be used: {0}")]
    Simulator(String),
}

/// The GPUs of this machine, and why some source has none.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// All GPUs: the system's, then the simulated ones.
    pub devices: Vec<Device>,
    /// The sources that have no devices, each with its reason.
    pub absent: Vec<(Source, NoDevices)>,
}

/// The GPUs of this machine. Looked for once; later calls give the same devices.
///
/// The first call may load the HSA runtime and start it. With feature `sim`, devices that the environment variable
/// `AMDGPU_SIM` asks for are among them.
pub fn devices() -> &'static Discovery {
    static DISCOVERY: OnceLock<Discovery> = OnceLock::new();
    DISCOVERY.get_or_init(|| {
        let mut discovery = Discovery { devices: Vec::new(), absent: Vec::new() };
        discovery.add(Source::System, system::gpus());
        #[cfg(feature = "sim")]
        discovery.add(Source::Simulator, crate::simulator::gpus());
        discovery
    })
}

impl Discovery {
    fn add(&mut self, source: Source, gpus: Result<Vec<Gpu>, NoDevices>) {
        match gpus {
            Ok(gpus) if gpus.is_empty() => self.absent.push((source, NoDevices::NoAgents)),
            Ok(gpus) => self.devices.extend(gpus.into_iter().map(|gpu| Device::new(Arc::new(gpu)))),
            Err(reason) => self.absent.push((source, reason)),
        }
    }
}
