//! Which NVIDIA GPUs there are, and why there are none.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use geobacter_cuda_driver::LoadError;
use geobacter_runtime_core::Device;

use crate::{
    error::{CudaError, Error, version_text},
    gpu::Gpu,
    system::{self, KernelDriverError, OLDEST_DRIVER},
    target::ComputeCapability,
};

/// Where devices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The system's CUDA driver.
    System,
    /// The simulator.
    Simulator,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "NVIDIA GPUs",
            Self::Simulator => "simulated NVIDIA GPUs",
        })
    }
}

/// Why a source has no devices, or one card of it is none. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoDevices {
    /// The driver's library cannot be loaded.
    #[error(transparent)]
    Library(#[from] LoadError),
    /// The kernel driver cannot be used.
    #[error(transparent)]
    KernelDriver(#[from] KernelDriverError),
    /// The driver is too old.
    #[error(
        "the CUDA driver is for CUDA {}, CUDA {} is needed; install a newer driver", version_text(*.found),
        version_text(OLDEST_DRIVER)
    )]
    OldDriver {
        /// Its version, as `cuDriverGetVersion` counts.
        found: i32,
    },
    /// The driver does not start or does not answer.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// The driver works and knows no card.
    #[error("the CUDA driver knows no GPU; `nvidia-smi` shows what it knows, and CUDA_VISIBLE_DEVICES may hide some")]
    NoCards,
    /// A card is too old.
    #[error(
        "{id} ({name}) has compute capability {capability}; {} (Volta) or higher is needed",
        ComputeCapability::NEEDED
    )]
    OldCard {
        /// The id that it would have.
        id: String,
        /// The product's name.
        name: String,
        /// What it can do.
        capability: ComputeCapability,
    },
    /// A card is there and cannot be used.
    #[error("{id}: {error}")]
    Gpu {
        /// The id that it would have.
        id: String,
        /// Why.
        error: Error,
    },
    /// Nobody asked for simulated devices.
    #[error("PTX_SIM is not set; PTX_SIM=sm_90 gives a simulated GPU")]
    NotAsked,
    /// The simulator does not start.
    #[error("the simulator cannot be used: {0}")]
    Simulator(String),
}

/// What a source has.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) gpus: Vec<Gpu>,
    pub(crate) reasons: Vec<NoDevices>,
}

impl Found {
    pub(crate) fn none(reason: NoDevices) -> Self {
        Self { gpus: Vec::new(), reasons: vec![reason] }
    }
}

/// The NVIDIA GPUs of this machine, and why some source, or some card, is not among them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    devices: Mutex<Vec<Device>>,
    /// The sources that have no devices, and the cards that are none, each with its reason.
    pub absent: Vec<(Source, NoDevices)>,
}

/// The NVIDIA GPUs of this machine. Looked for once.
///
/// The first call may load the CUDA driver and start it. With feature `sim`, devices that the environment variable `PTX_SIM` asks
/// for are among them.
pub fn devices() -> &'static Discovery {
    static DISCOVERY: OnceLock<Discovery> = OnceLock::new();
    DISCOVERY.get_or_init(|| {
        let mut discovery = Discovery { devices: Mutex::default(), absent: Vec::new() };
        discovery.add(Source::System, system::gpus());
        #[cfg(feature = "sim")]
        discovery.add(Source::Simulator, crate::simulator::gpus());
        discovery
    })
}

impl Discovery {
    fn add(&mut self, source: Source, found: Found) {
        let Found { gpus, reasons } = found;
        let is_empty = gpus.is_empty() && reasons.is_empty();
        self.absent.extend(reasons.into_iter().map(|reason| (source, reason)));
        if is_empty {
            self.absent.push((source, NoDevices::NoCards));
        }
        let devices = self.devices.get_mut().unwrap_or_else(PoisonError::into_inner);
        devices.extend(gpus.into_iter().map(|gpu| Device::new(Arc::new(gpu))));
    }

    /// All GPUs: the system's, then the simulated ones. Later calls give the same devices; but one whose context was lost is
    /// opened again, if it can be, and another device stands in its place then.
    ///
    /// What was made with the lost device stays what it is: buffers with it are gone, and errors say so.
    pub fn devices(&self) -> Vec<Device> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        for device in devices.iter_mut() {
            if let Some(new) = reopened(device) {
                *device = new;
            }
        }
        devices.clone()
    }
}

/// Another device in place of one whose context is lost; `None` if it is not, or cannot be opened again yet.
fn reopened(device: &Device) -> Option<Device> {
    let driver: &dyn Any = device.driver();
    let gpu = driver.downcast_ref::<Gpu>().filter(|gpu| gpu.loss().is_some())?;
    // What was in flight has ended, and is not looked at any more; what nobody uses is not kept.
    device.wait();
    device.memory().trim();
    let new = gpu.reopened().inspect_err(|error| tracing::warn!(%error, "a device is not opened again")).ok()?;
    Some(Device::new(Arc::new(new)))
}
