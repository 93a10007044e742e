//! What can go wrong, and how it becomes a `DriverError`.

use std::{ffi::CStr, ptr};

use geobacter_runtime_core::driver::{DriverError, MemoryKind, OutOfMemory};
use hsa_rt_sys::{self as hsa, HsaApi, hsa_status_t};

use crate::{kernarg::KernargError, queue::QueueFault};

/// An HSA function said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function} failed: {text} (HSA status {status:#x})")]
pub struct HsaError {
    /// The function.
    pub function: &'static str,
    /// What it returned.
    pub status: hsa_status_t,
    /// What that means, in the HSA runtime's words.
    pub text: String,
}

/// Whatever a device of this crate reports. Of a launch, the layer above adds kernel and device.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An HSA function failed.
    #[error(transparent)]
    Hsa(#[from] HsaError),
    /// The kernel's arguments do not fit its kernarg segment.
    #[error("kernel {kernel}: {source}")]
    Kernarg {
        /// Symbol of the kernel.
        kernel: String,
        /// What does not fit.
        source: KernargError,
    },
    /// The code object says something else than what it was announced with.
    #[error(
        "kernel {kernel}: the loader found {found} bytes of {segment}, the code object was announced with {announced}; \
         the code object and its description do not belong together"
    )]
    Mismatch {
        /// Symbol of the kernel.
        kernel: String,
        /// Which segment.
        segment: &'static str,
        /// What the loader says, in bytes.
        found: u32,
        /// What the description says, in bytes.
        announced: u32,
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
    /// The agent lacks what every launch needs.
    #[error("agent {agent} has no {what}: the HSA runtime or the device is not one that Geobacter can use")]
    Unusable {
        /// The agent's name.
        agent: String,
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
    /// The queue stopped before the kernel had ended.
    #[error("it did not end: {fault}{near}{report}", report = detail(.report), fault = .fault)]
    Stopped {
        /// Why the queue stopped.
        fault: QueueFault,
        /// Of a memory fault: where the next buffer is, behind a colon; empty if none is near.
        near: String,
        /// What else is known of it; empty if nothing is.
        report: String,
    },
}

fn detail(report: &str) -> String {
    if report.is_empty() { String::new() } else { format!("\n{}", report.trim_end()) }
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

/// Turns a status into a `Result`.
pub(crate) fn check(api: &HsaApi, function: &'static str, status: hsa_status_t) -> Result<(), HsaError> {
    match status {
        hsa::HSA_STATUS_SUCCESS | hsa::HSA_STATUS_INFO_BREAK => Ok(()),
        _ => Err(HsaError { function, status, text: status_text(api, status) }),
    }
}

/// What a status means.
pub(crate) fn status_text(api: &HsaApi, status: hsa_status_t) -> String {
    let mut text = ptr::null();
    // SAFETY: the function takes any status and writes the address of a constant string, or fails.
    let known = unsafe { (api.hsa_status_string)(status, &mut text) };
    if known == hsa::HSA_STATUS_SUCCESS && !text.is_null() {
        // SAFETY: on success the address is that of a zero-terminated constant string of the runtime.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        return text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned();
    }
    // A runtime that did not start does not explain its codes either.
    own_text(status).to_owned()
}

/// The meaning of those codes that occur when the runtime is not there to explain them.
fn own_text(status: hsa_status_t) -> &'static str {
    match status {
        hsa::HSA_STATUS_ERROR => "a generic error has occurred",
        hsa::HSA_STATUS_ERROR_INVALID_ARGUMENT => "one of the arguments does not meet a precondition",
        hsa::HSA_STATUS_ERROR_OUT_OF_RESOURCES => {
            "the runtime failed to get the resources it needs; is the amdgpu kernel driver loaded, and may this user \
             open /dev/kfd?"
        }
        hsa::HSA_STATUS_ERROR_NOT_INITIALIZED => "the HSA runtime has not been initialised",
        hsa::HSA_STATUS_ERROR_REFCOUNT_OVERFLOW => "the HSA runtime has been initialised too often",
        hsa::HSA_STATUS_ERROR_EXCEPTION => "an exception was raised on the device",
        hsa::HSA_STATUS_ERROR_MEMORY_FAULT => "a kernel accessed memory that it must not",
        hsa::HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION => "a kernel accessed an address outside every aperture",
        hsa::HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION => "a kernel executed an illegal instruction",
        _ => "the HSA runtime does not explain this status",
    }
}

/// Calls an HSA function of a table and turns its status into a `Result`. To be used in an `unsafe` block.
macro_rules! call {
    ($api:expr, $function:ident($($argument:expr),* $(,)?)) => {
        $crate::error::check($api, stringify!($function), ($api.$function)($($argument),*))
    };
}
pub(crate) use call;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_the_runtime_does_not_explain_is_explained_here() {
        let error = check(&HsaApi::UNAVAILABLE, "hsa_init", hsa::HSA_STATUS_ERROR_OUT_OF_RESOURCES).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hsa_init failed: the runtime failed to get the resources it needs; is the amdgpu kernel driver loaded, \
             and may this user open /dev/kfd? (HSA status 0x1008)"
        );
    }

    #[test]
    fn the_runtimes_own_words_come_first() {
        unsafe extern "C" fn explain(_: hsa_status_t, text: *mut *const std::ffi::c_char) -> hsa_status_t {
            // SAFETY: the caller gives a valid address to write to.
            unsafe { *text = c"HSA_X: it  is\n broken.".as_ptr() };
            hsa::HSA_STATUS_SUCCESS
        }
        let api = HsaApi { hsa_status_string: explain, ..HsaApi::UNAVAILABLE };
        let error = check(&api, "hsa_f", 0x1234).unwrap_err();
        assert_eq!(error.to_string(), "hsa_f failed: HSA_X: it is broken (HSA status 0x1234)");
        assert!(check(&api, "hsa_f", hsa::HSA_STATUS_INFO_BREAK).is_ok());
    }

    #[test]
    fn out_of_memory_stays_out_of_memory() {
        let memory = OutOfMemory::new(5, MemoryKind::Host, 4);
        assert!(
            matches!(DriverError::from(Error::OutOfMemory(memory)), DriverError::OutOfMemory(same) if same == memory)
        );
    }
}
