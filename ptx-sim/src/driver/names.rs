//! The names of results, and what they mean.

use std::ffi::{CStr, c_char};

use geobacter_cuda_driver::{
    Raw,
    sys::CUresult::{self, *},
};

use super::{
    out::put,
    state::{answer, fail},
};

macro_rules! results {
    ($( $name:ident: $meaning:literal, )*) => {
        /// All results, with name and meaning.
        const RESULTS: &[(CUresult, &CStr, &CStr)] = &[
            $( ($name, c_str(concat!(stringify!($name), "\0")), c_str(concat!($meaning, "\0"))), )*
        ];
    };
}

const fn c_str(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    }
}

results! {
    CUDA_SUCCESS: "no error",
    CUDA_ERROR_INVALID_VALUE: "invalid argument",
    CUDA_ERROR_OUT_OF_MEMORY: "out of memory",
    CUDA_ERROR_NOT_INITIALIZED: "initialization error",
    CUDA_ERROR_DEINITIALIZED: "driver shutting down",
    CUDA_ERROR_PROFILER_DISABLED: "profiler disabled",
    CUDA_ERROR_PROFILER_NOT_INITIALIZED: "profiler not initialized",
    CUDA_ERROR_PROFILER_ALREADY_STARTED: "profiler already started",
    CUDA_ERROR_PROFILER_ALREADY_STOPPED: "profiler already stopped",
    CUDA_ERROR_STUB_LIBRARY: "stub library",
    CUDA_ERROR_DEVICE_UNAVAILABLE: "device unavailable",
    CUDA_ERROR_NO_DEVICE: "no CUDA-capable device is detected",
    CUDA_ERROR_INVALID_DEVICE: "invalid device ordinal",
    CUDA_ERROR_DEVICE_NOT_LICENSED: "device not licensed",
    CUDA_ERROR_INVALID_IMAGE: "device kernel image is invalid",
    CUDA_ERROR_INVALID_CONTEXT: "invalid device context",
    CUDA_ERROR_CONTEXT_ALREADY_CURRENT: "context already current",
    CUDA_ERROR_MAP_FAILED: "map failed",
    CUDA_ERROR_UNMAP_FAILED: "unmap failed",
    CUDA_ERROR_ARRAY_IS_MAPPED: "array is mapped",
    CUDA_ERROR_ALREADY_MAPPED: "already mapped",
    CUDA_ERROR_NO_BINARY_FOR_GPU: "no kernel image is available for execution on the device",
    CUDA_ERROR_ALREADY_ACQUIRED: "already acquired",
    CUDA_ERROR_NOT_MAPPED: "not mapped",
    CUDA_ERROR_NOT_MAPPED_AS_ARRAY: "not mapped as array",
    CUDA_ERROR_NOT_MAPPED_AS_POINTER: "not mapped as pointer",
    CUDA_ERROR_ECC_UNCORRECTABLE: "uncorrectable ECC error encountered",
    CUDA_ERROR_UNSUPPORTED_LIMIT: "limit is not supported on this architecture",
    CUDA_ERROR_CONTEXT_ALREADY_IN_USE: "context already in use",
    CUDA_ERROR_PEER_ACCESS_UNSUPPORTED: "peer access is not supported between these two devices",
    CUDA_ERROR_INVALID_PTX: "a PTX JIT compilation failed",
    CUDA_ERROR_INVALID_GRAPHICS_CONTEXT: "invalid graphics context",
    CUDA_ERROR_NVLINK_UNCORRECTABLE: "nvlink uncorrectable",
    CUDA_ERROR_JIT_COMPILER_NOT_FOUND: "jit compiler not found",
    CUDA_ERROR_UNSUPPORTED_PTX_VERSION: "the provided PTX was compiled with an unsupported toolchain",
    CUDA_ERROR_JIT_COMPILATION_DISABLED: "jit compilation disabled",
    CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY: "unsupported exec affinity",
    CUDA_ERROR_INVALID_SOURCE: "invalid source",
    CUDA_ERROR_FILE_NOT_FOUND: "file not found",
    CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND: "shared object symbol not found",
    CUDA_ERROR_SHARED_OBJECT_INIT_FAILED: "shared object init failed",
    CUDA_ERROR_OPERATING_SYSTEM: "OS call failed or operation not supported on this OS",
    CUDA_ERROR_INVALID_HANDLE: "invalid resource handle",
    CUDA_ERROR_ILLEGAL_STATE: "illegal state",
    CUDA_ERROR_NOT_FOUND: "named symbol not found",
    CUDA_ERROR_NOT_READY: "device not ready",
    CUDA_ERROR_ILLEGAL_ADDRESS: "an illegal memory access was encountered",
    CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: "too many resources requested for launch",
    CUDA_ERROR_LAUNCH_TIMEOUT: "the launch timed out and was terminated",
    CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING: "launch incompatible texturing",
    CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED: "peer access is already enabled",
    CUDA_ERROR_PEER_ACCESS_NOT_ENABLED: "peer access has not been enabled",
    CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE: "cannot set while device is active in this process",
    CUDA_ERROR_CONTEXT_IS_DESTROYED: "context is destroyed",
    CUDA_ERROR_ASSERT: "device-side assert triggered",
    CUDA_ERROR_TOO_MANY_PEERS: "too many peers",
    CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED: "host memory already registered",
    CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED: "host memory not registered",
    CUDA_ERROR_HARDWARE_STACK_ERROR: "hardware stack error",
    CUDA_ERROR_ILLEGAL_INSTRUCTION: "an illegal instruction was encountered",
    CUDA_ERROR_MISALIGNED_ADDRESS: "misaligned address",
    CUDA_ERROR_INVALID_ADDRESS_SPACE: "operation not supported on global/shared address space",
    CUDA_ERROR_INVALID_PC: "invalid program counter",
    CUDA_ERROR_LAUNCH_FAILED: "unspecified launch failure",
    CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE: "cooperative launch too large",
    CUDA_ERROR_NOT_PERMITTED: "operation not permitted",
    CUDA_ERROR_NOT_SUPPORTED: "operation not supported",
    CUDA_ERROR_SYSTEM_NOT_READY: "system not ready",
    CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: "system driver mismatch",
    CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE: "compat not supported on device",
    CUDA_ERROR_MPS_CONNECTION_FAILED: "mps connection failed",
    CUDA_ERROR_MPS_RPC_FAILURE: "mps rpc failure",
    CUDA_ERROR_MPS_SERVER_NOT_READY: "mps server not ready",
    CUDA_ERROR_MPS_MAX_CLIENTS_REACHED: "mps max clients reached",
    CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED: "mps max connections reached",
    CUDA_ERROR_MPS_CLIENT_TERMINATED: "mps client terminated",
    CUDA_ERROR_CDP_NOT_SUPPORTED: "cdp not supported",
    CUDA_ERROR_CDP_VERSION_MISMATCH: "cdp version mismatch",
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED: "stream capture unsupported",
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED: "stream capture invalidated",
    CUDA_ERROR_STREAM_CAPTURE_MERGE: "stream capture merge",
    CUDA_ERROR_STREAM_CAPTURE_UNMATCHED: "stream capture unmatched",
    CUDA_ERROR_STREAM_CAPTURE_UNJOINED: "stream capture unjoined",
    CUDA_ERROR_STREAM_CAPTURE_ISOLATION: "stream capture isolation",
    CUDA_ERROR_STREAM_CAPTURE_IMPLICIT: "stream capture implicit",
    CUDA_ERROR_CAPTURED_EVENT: "captured event",
    CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD: "stream capture wrong thread",
    CUDA_ERROR_TIMEOUT: "timeout",
    CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE: "graph exec update failure",
    CUDA_ERROR_EXTERNAL_DEVICE: "external device",
    CUDA_ERROR_INVALID_CLUSTER_SIZE: "invalid cluster size",
    CUDA_ERROR_UNKNOWN: "unknown error",
}

/// Gives one of the texts of a result; null for a result that there is not.
///
/// # Safety
/// `to` is null or points to room for a pointer.
unsafe fn give(
    to: *mut *const c_char,
    error: Raw<CUresult>,
    text: fn(&(CUresult, &'static CStr, &'static CStr)) -> &'static CStr,
) -> Raw<CUresult> {
    answer(|| {
        let known = RESULTS.iter().find(|(known, ..)| error == *known);
        let found = known.map_or(core::ptr::null(), |known| text(known).as_ptr());
        // SAFETY: by this function's contract.
        unsafe { put(to, found, "the place for the text") }?;
        match known {
            Some(_) => Ok(()),
            None => Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there is no result {}", error.number()))),
        }
    })
}

pub unsafe extern "C" fn cuGetErrorName(error: Raw<CUresult>, string: *mut *const c_char) -> Raw<CUresult> {
    // SAFETY: the caller gives room for a pointer.
    unsafe { give(string, error, |(_, name, _)| name) }
}

pub unsafe extern "C" fn cuGetErrorString(error: Raw<CUresult>, string: *mut *const c_char) -> Raw<CUresult> {
    // SAFETY: the caller gives room for a pointer.
    unsafe { give(string, error, |(_, _, meaning)| meaning) }
}
