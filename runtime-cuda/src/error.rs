//! What can go wrong, and how it becomes a `DriverError`.

use std::{ffi::CStr, ptr, sync::Arc};

use geobacter_cuda_driver::{CudaApi, Raw, sys::CUresult};
use geobacter_runtime_core::driver::{DriverError, MemoryKind, OutOfMemory};

use crate::{context::Loss, ptx::PtxVersion};

/// A function of the CUDA driver said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function} failed: {text}")]
pub struct CudaError {
    /// The function.
    pub function: &'static str,
    /// What it returned.
    pub result: Raw<CUresult>,
    /// What that means, in the driver's words, with the result's name.
    pub text: String,
}

impl CudaError {
    /// Whether the context in which it happened is lost: whatever is done in it fails from then on.
    pub fn loses_context(&self) -> bool {
        LOSING.iter().any(|result| self.result == *result) || LOSING_OF_NEWER_DRIVERS.contains(&self.result.number())
    }
}

/// The results after which, as the driver API's manual says, a context or the whole process is "in an inconsistent state".
const LOSING: &[CUresult] = &[
    CUresult::CUDA_ERROR_ECC_UNCORRECTABLE,
    CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE,
    CUresult::CUDA_ERROR_ILLEGAL_ADDRESS,
    CUresult::CUDA_ERROR_LAUNCH_TIMEOUT,
    CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED,
    CUresult::CUDA_ERROR_ASSERT,
    CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR,
    CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION,
    CUresult::CUDA_ERROR_MISALIGNED_ADDRESS,
    CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE,
    CUresult::CUDA_ERROR_INVALID_PC,
    CUresult::CUDA_ERROR_LAUNCH_FAILED,
    CUresult::CUDA_ERROR_EXTERNAL_DEVICE,
];

/// The same for `CUDA_ERROR_CONTAINED` and `CUDA_ERROR_TENSOR_MEMORY_LEAK`, which CUDA 12.0 does not know.
const LOSING_OF_NEWER_DRIVERS: &[u32] = &[226, 721];

/// Whatever a device of this crate reports. Of a launch, the layer above adds kernel and device.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A function of the driver failed.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// The context is lost: nothing that was made in it can be used any more.
    #[error("{0}")]
    Lost(Arc<Loss>),
    /// The driver does not compile a kernel's PTX.
    #[error("the driver does not compile the PTX of kernel {kernel} for {device}: {source}{}", detail(.log))]
    Jit {
        /// Symbol of the kernel.
        kernel: String,
        /// The device.
        device: Arc<str>,
        /// What the driver says.
        source: Box<CudaError>,
        /// What its compiler says; empty if nothing.
        log: Box<str>,
    },
    /// The driver is older than a kernel's PTX.
    #[error(
        "the PTX of kernel {kernel} is of version {version}, the driver of {device} is for CUDA {} and does not know it: \
         {}", version_text(*.driver), needed(*.version)
    )]
    PtxVersion {
        /// Symbol of the kernel.
        kernel: String,
        /// The device.
        device: Arc<str>,
        /// What the PTX says.
        version: PtxVersion,
        /// The driver's version of CUDA, as `cuDriverGetVersion` gives it.
        driver: i32,
    },
    /// The kernel wants a hidden argument that is not known here.
    #[error("kernel {kernel} asks for the hidden argument `{kind}`, which this runtime does not provide")]
    UnknownArgument {
        /// Symbol of the kernel.
        kernel: String,
        /// The argument's kind.
        kind: String,
    },
    /// The launch gives fewer bytes of arguments than the kernel takes.
    #[error("kernel {kernel} takes {expected} bytes of arguments, the launch gives {given}")]
    Arguments {
        /// Symbol of the kernel.
        kernel: String,
        /// What the kernel takes, in bytes.
        expected: usize,
        /// What the launch gives, in bytes.
        given: usize,
    },
    /// The launch asks for more than the device has.
    #[error("{what} is {requested}, the device takes at most {limit}")]
    Limit {
        /// Which quantity.
        what: &'static str,
        /// What the launch asks for.
        requested: u64,
        /// What the device takes.
        limit: u64,
    },
    /// The device lacks what every launch needs.
    #[error("{device} has no {what}: it is not one that Geobacter can use")]
    Unusable {
        /// The device.
        device: String,
        /// What it lacks.
        what: &'static str,
    },
    /// There is not that much memory left.
    #[error("out of memory: {0}")]
    OutOfMemory(OutOfMemory),
    /// The device has nothing of the kind.
    #[error("the device has no {0}")]
    Unsupported(MemoryKind),
    /// A copy reaches beyond the memory.
    #[error("{length} bytes at offset {offset} reach beyond the memory, which has {size} bytes")]
    OutOfRange {
        /// Where the copy begins.
        offset: u64,
        /// Bytes to copy.
        length: u64,
        /// Bytes that the memory has.
        size: u64,
    },
    /// A lost context cannot be replaced yet.
    #[error(
        "{device} cannot be opened again: {bytes} bytes of pinned or unified memory of its lost context are still in use; drop those buffers first"
    )]
    StillHeld {
        /// The device.
        device: Arc<str>,
        /// Bytes.
        bytes: u64,
    },
    /// The driver does not give a new context in place of a lost one.
    #[error("{device} cannot be opened again in this process ({source}); start the program again")]
    NotRecovered {
        /// The device.
        device: Arc<str>,
        /// What the driver says.
        source: Box<CudaError>,
    },
}

fn detail(log: &str) -> String {
    if log.trim().is_empty() { String::new() } else { format!("\n{}", log.trim_end()) }
}

fn needed(version: PtxVersion) -> String {
    match version.cuda() {
        Some((major, minor)) => format!("install the driver of CUDA {major}.{minor} or a newer one"),
        None => "install a newer driver".to_owned(),
    }
}

/// A version of CUDA as people write it.
pub(crate) fn version_text(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

impl From<Error> for DriverError {
    fn from(error: Error) -> Self {
        match error {
            Error::OutOfMemory(memory) => Self::OutOfMemory(memory),
            Error::Unsupported(kind) => Self::Unsupported(kind.to_string()),
            other => Self::device(other.to_string()),
        }
    }
}

/// Turns a result into a `Result`.
pub(crate) fn check(api: &CudaApi, function: &'static str, result: Raw<CUresult>) -> Result<(), CudaError> {
    if result == CUresult::CUDA_SUCCESS {
        return Ok(());
    }
    Err(CudaError { function, result, text: result_text(api, result) })
}

/// What a result means.
fn result_text(api: &CudaApi, result: Raw<CUresult>) -> String {
    let ask = |function: unsafe extern "C" fn(Raw<CUresult>, *mut *const std::ffi::c_char) -> Raw<CUresult>| {
        let mut text = ptr::null();
        // SAFETY: the function takes any result, and writes the address of a constant string, or null.
        let known = unsafe { function(result, &mut text) };
        (known == CUresult::CUDA_SUCCESS && !text.is_null()).then(|| {
            // SAFETY: the address is that of a zero-terminated constant string of the driver.
            unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned()
        })
    };
    match (ask(api.cuGetErrorString), ask(api.cuGetErrorName)) {
        (Some(text), Some(name)) => format!("{text} ({name})"),
        (Some(text), None) | (None, Some(text)) => format!("{text} (CUDA result {})", result.number()),
        // A driver that did not start does not explain its results either.
        (None, None) => format!("CUDA result {}, which the driver does not explain", result.number()),
    }
}

/// Calls a function of a table and turns its result into a `Result`. To be used in an `unsafe` block.
macro_rules! call {
    ($api:expr, $function:ident($($argument:expr),* $(,)?)) => {
        $crate::error::check($api, stringify!($function), ($api.$function)($($argument),*))
    };
}
pub(crate) use call;

#[cfg(test)]
mod tests {
    use std::ffi::c_char;

    use super::*;

    #[test]
    fn a_result_that_the_driver_does_not_explain_is_a_number() {
        let error = check(&CudaApi::UNAVAILABLE, "cuInit", Raw::new(54321)).unwrap_err();
        assert_eq!(error.to_string(), "cuInit failed: CUDA result 54321, which the driver does not explain");
        assert!(check(&CudaApi::UNAVAILABLE, "cuInit", Raw::new(0)).is_ok());
    }

    #[test]
    fn the_drivers_own_words_come_first() {
        unsafe extern "C" fn name(_: Raw<CUresult>, text: *mut *const c_char) -> Raw<CUresult> {
            // SAFETY: the caller gives a valid address to write to.
            unsafe { *text = c"CUDA_ERROR_X".as_ptr() };
            Raw::new(0)
        }
        unsafe extern "C" fn explain(_: Raw<CUresult>, text: *mut *const c_char) -> Raw<CUresult> {
            // SAFETY: as above.
            unsafe { *text = c"it is broken".as_ptr() };
            Raw::new(0)
        }
        let api = CudaApi { cuGetErrorName: name, cuGetErrorString: explain, ..CudaApi::UNAVAILABLE };
        assert_eq!(check(&api, "cuF", Raw::new(1)).unwrap_err().to_string(), "cuF failed: it is broken (CUDA_ERROR_X)");
    }

    #[test]
    fn what_loses_a_context_is_told_apart() {
        let error = |result: u32| check(&CudaApi::UNAVAILABLE, "cuF", Raw::new(result)).unwrap_err();
        for result in [700, 715, 719, 214, 721] {
            assert!(error(result).loses_context(), "{result}");
        }
        for result in [1, 2, 209, 218, 600, 701] {
            assert!(!error(result).loses_context(), "{result}");
        }
    }

    #[test]
    fn out_of_memory_stays_out_of_memory() {
        let memory = OutOfMemory::new(5, MemoryKind::Host, 4);
        assert!(
            matches!(DriverError::from(Error::OutOfMemory(memory)), DriverError::OutOfMemory(same) if same == memory)
        );
    }
}
