//! The system's HSA runtime: whether it is there, and its GPUs.

use std::{env, fs::OpenOptions, io};

use hsa_rt_sys::{HsaApi, LIBRARY_VARIABLE, LoadError};

use crate::{
    agent::Agent,
    discovery::NoDevices,
    gpu::{Gpu, Options},
    session::{Origin, Session},
};

/// The device file of the amdgpu kernel driver's compute interface.
pub const KFD: &str = "/dev/kfd";

/// Why the kernel driver cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KfdError {
    /// The device file is not there.
    #[error(
        "there is no {KFD}: no AMD GPU, or the amdgpu kernel driver is not loaded (in a container: start it with \
         `--device {KFD} --device /dev/dri`)"
    )]
    Missing,
    /// This user may not open it.
    #[error(
        "no permission to open {KFD}: add the user to the groups `render` and `video` (`sudo usermod -aG render,video \
         $USER`) and log in again"
    )]
    Permission,
    /// It cannot be opened for another reason.
    #[error("{KFD} cannot be opened: {0}")]
    Other(io::Error),
}

/// What stands between this machine and its AMD GPUs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The HSA library: `Ok` if it loads and has every function that Geobacter calls.
    pub library: Result<(), LoadError>,
    /// The kernel driver: `Ok` if this user can open its device file.
    pub kfd: Result<(), KfdError>,
}

/// Looks at library and kernel driver, each by itself. Loads the library; starts nothing.
pub fn diagnose() -> Diagnosis {
    Diagnosis { library: HsaApi::load().map(drop), kfd: open_kfd() }
}

fn open_kfd() -> Result<(), KfdError> {
    match OpenOptions::new().read(true).write(true).open(KFD) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(KfdError::Missing),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(KfdError::Permission),
        Err(error) => Err(KfdError::Other(error)),
    }
}

/// The system's GPUs: `amd:0`, `amd:1`, ...
///
/// Without a usable kernel driver the library is not even loaded, unless `ROCM_HSA_LIBRARY` names one, which may well
/// drive other things.
pub(crate) fn gpus() -> Result<Vec<Gpu>, NoDevices> {
    if env::var_os(LIBRARY_VARIABLE).is_none() {
        open_kfd()?;
    }
    let session = Session::start(HsaApi::load()?, Origin::system())?;
    let agents = Agent::all(&session)?;
    let gpus = agents.iter().filter(|agent| agent.is_gpu()).enumerate();
    let options = Options::from_environment();
    gpus.map(|(index, agent)| Ok(Gpu::open(agent, &agents, format!("amd:{index}"), options.clone())?)).collect()
}
