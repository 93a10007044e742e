//! The system's CUDA driver: whether it is there, and its cards.

use std::{fs::OpenOptions, io, sync::Arc};

use geobacter_cuda_driver::{CudaApi, LoadError, sys::CUresult};

use crate::{
    card::Card,
    discovery::{Found, NoDevices},
    error::CudaError,
    gpu::{Gpu, Options},
    session::{Origin, Session},
    target::ComputeCapability,
};

/// The device file of NVIDIA's kernel driver.
pub const CONTROL: &str = "/dev/nvidiactl";

/// The oldest driver that is used, as `cuDriverGetVersion` counts: that of CUDA 12.0.
pub const OLDEST_DRIVER: i32 = 12_000;

/// Why NVIDIA's kernel driver cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelDriverError {
    /// The device file is not there.
    #[error(
        "there is no {CONTROL}: no NVIDIA GPU, or NVIDIA's kernel driver is not loaded (`modprobe nvidia`; in a container: start \
         it with `--gpus all`)"
    )]
    Missing,
    /// This user may not open it.
    #[error(
        "no permission to open {CONTROL}: add the user to the group that owns it (`ls -l {CONTROL}`) and log in again"
    )]
    Permission,
    /// It cannot be opened for another reason.
    #[error("{CONTROL} cannot be opened: {0}")]
    Other(io::Error),
}

/// What stands between this machine and its NVIDIA GPUs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The driver's library: `Ok` if it loads and has every function that Geobacter calls.
    pub library: Result<(), LoadError>,
    /// The kernel driver: `Ok` if this user can open its device file.
    pub kernel_driver: Result<(), KernelDriverError>,
}

/// Looks at library and kernel driver, each by itself. Loads the library; starts nothing.
pub fn diagnose() -> Diagnosis {
    Diagnosis { library: CudaApi::load().map(drop), kernel_driver: open_control() }
}

fn open_control() -> Result<(), KernelDriverError> {
    match OpenOptions::new().read(true).write(true).open(CONTROL) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KernelDriverError::Missing),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(KernelDriverError::Permission),
        Err(error) => Err(KernelDriverError::Other(error)),
    }
}

/// The system's cards: `cuda:0`, `cuda:1`, ...
pub(crate) fn gpus() -> Found {
    let started = CudaApi::load().map_err(NoDevices::from).and_then(|api| start(api, Origin::system()));
    match started {
        Ok(session) => open_all(&session, &Options::from_environment(), |number, _| format!("cuda:{number}")),
        Err(reason) => Found::none(reason),
    }
}

/// Starts a driver that is not too old.
pub(crate) fn start(api: CudaApi, origin: Origin) -> Result<Arc<Session>, NoDevices> {
    let session = Session::start(api, origin).map_err(|error| why(error, open_control()))?;
    if session.version() < OLDEST_DRIVER {
        return Err(NoDevices::OldDriver { found: session.version() });
    }
    Ok(session)
}

/// Why a driver does not start: what the kernel driver says is nearer to what can be done.
fn why(error: CudaError, kernel_driver: Result<(), KernelDriverError>) -> NoDevices {
    let is = |result: CUresult| error.result == result;
    let of_kernel_driver = is(CUresult::CUDA_ERROR_NO_DEVICE)
        || is(CUresult::CUDA_ERROR_UNKNOWN)
        || is(CUresult::CUDA_ERROR_OPERATING_SYSTEM)
        || is(CUresult::CUDA_ERROR_NOT_INITIALIZED);
    match kernel_driver {
        Err(missing) if of_kernel_driver => NoDevices::KernelDriver(missing),
        _ if is(CUresult::CUDA_ERROR_NO_DEVICE) => NoDevices::NoCards,
        _ => NoDevices::Cuda(error),
    }
}

/// All cards of a session, each under the id that `id` makes of its number and itself.
pub(crate) fn open_all(session: &Arc<Session>, options: &Options, id: impl Fn(usize, &Card) -> String) -> Found {
    let cards = match Card::all(session) {
        Ok(cards) => cards,
        Err(error) => return Found::none(error.into()),
    };
    let mut found = Found::default();
    for (number, card) in cards.iter().enumerate() {
        let id = id(number, card);
        if card.capability() < ComputeCapability::NEEDED {
            let (name, capability) = (card.name().to_owned(), card.capability());
            found.reasons.push(NoDevices::OldCard { id, name, capability });
            continue;
        }
        match Gpu::open(card, &id, options.clone()) {
            Ok(gpu) => found.gpus.push(gpu),
            Err(error) => found.reasons.push(NoDevices::Gpu { id, error }),
        }
    }
    found
}
