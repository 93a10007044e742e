//! One implementation of the CUDA driver, started.
//!
//! `cuInit` has no counterpart: what a session starts stays until the process ends.

use std::{fmt, sync::Arc};

use geobacter_cuda_driver::{CudaApi, sys::CUdevice};
use geobacter_runtime_core::driver::DeviceKind;

use crate::error::{CudaError, call, version_text};

/// Says more than a result, where an implementation can.
pub trait Explain: Send + Sync {
    /// Why the last function that failed in this thread failed.
    fn last_error(&self) -> Option<String>;

    /// Why the context of this device was lost; asked once for each loss.
    fn device_fault(&self, device: CUdevice) -> Option<String>;
}

/// Where a table of functions comes from: everything in which hardware and simulator differ.
pub struct Origin {
    /// What sort of devices it has.
    pub kind: DeviceKind,
    /// The implementation's name, and its version beyond that of CUDA.
    pub driver: String,
    /// Explains failures; `None` where a result is all there is.
    pub explain: Option<Box<dyn Explain>>,
}

impl Origin {
    /// The system's driver.
    pub fn system() -> Self {
        Self { kind: DeviceKind::Gpu, driver: "CUDA driver".into(), explain: None }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("kind", &self.kind).field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// One implementation of the CUDA driver.
pub struct Session {
    api: CudaApi,
    origin: Origin,
    version: i32,
}

impl Session {
    /// Starts the implementation behind this table.
    ///
    /// # Errors
    /// What `cuInit` says. It fails where there is no kernel driver, or no device.
    pub fn start(api: CudaApi, origin: Origin) -> Result<Arc<Self>, CudaError> {
        // SAFETY: may be called at any time, and the flags must be 0.
        unsafe { call!(&api, cuInit(0))? };
        let mut version = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(&api, cuDriverGetVersion(&mut version))? };
        Ok(Arc::new(Self { api, origin, version }))
    }

    /// The functions.
    pub(crate) fn api(&self) -> &CudaApi {
        &self.api
    }

    /// Where the functions come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The version of CUDA that the driver is for, as `cuDriverGetVersion` gives it: 12040 for 12.4.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The implementation's name and its version of CUDA.
    pub fn driver(&self) -> String {
        format!("{} (CUDA {})", self.origin.driver, version_text(self.version))
    }

    /// What the implementation can say beyond results.
    pub(crate) fn explain(&self) -> Option<&dyn Explain> {
        self.origin.explain.as_deref()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("origin", &self.origin).field("version", &self.version).finish_non_exhaustive()
    }
}
