//! The runtime as a whole: start, end, properties, names of statuses.

use std::ffi::{CStr, c_char, c_void};

use hsa_rt_sys::*;

use super::{
    extensions::EXTENSIONS,
    out::{null, put},
    state::{fail, initialise, shut_down, simulator, status},
};

/// Ticks of the system's timestamp in a second.
const TIMESTAMP_HZ: u64 = 1_000_000_000;
/// Which runtime this is.
const BUILD: &CStr = c"amdgpu-sim";

pub unsafe extern "C" fn hsa_init() -> hsa_status_t {
    initialise()
}

pub unsafe extern "C" fn hsa_shut_down() -> hsa_status_t {
    shut_down()
}

pub unsafe extern "C" fn hsa_system_get_info(attribute: hsa_system_info_t, value: *mut c_void) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        // SAFETY: the HSA specification has the caller give room for the attribute's type.
        unsafe {
            match attribute {
                HSA_SYSTEM_INFO_VERSION_MAJOR => put(value, 1_u16),
                HSA_SYSTEM_INFO_VERSION_MINOR => put(value, 1_u16),
                HSA_SYSTEM_INFO_TIMESTAMP => put(value, simulator.ticks()),
                HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY => put(value, TIMESTAMP_HZ),
                HSA_SYSTEM_INFO_SIGNAL_MAX_WAIT => put(value, u64::MAX),
                HSA_SYSTEM_INFO_ENDIANNESS => put(value, HSA_ENDIANNESS_LITTLE),
                HSA_SYSTEM_INFO_MACHINE_MODEL => put(value, HSA_MACHINE_MODEL_LARGE),
                HSA_SYSTEM_INFO_EXTENSIONS => put(value, EXTENSIONS),
                HSA_AMD_SYSTEM_INFO_BUILD_VERSION => put(value, BUILD.as_ptr()),
                HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED | HSA_AMD_SYSTEM_INFO_SVM_ACCESSIBLE_BY_DEFAULT => put(value, false),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no system attribute {attribute}"))),
            }
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_status_string(code: hsa_status_t, string: *mut *const c_char) -> hsa_status_t {
    let Some(text) = describe(code) else {
        return fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no status {code}"));
    };
    if string.is_null() {
        return null("string");
    }
    // SAFETY: not null, and the caller gives room for a pointer.
    status(unsafe { put(string, text.as_ptr()) })
}

/// What a status means.
fn describe(code: hsa_status_t) -> Option<&'static CStr> {
    Some(match code {
        HSA_STATUS_SUCCESS => c"HSA_STATUS_SUCCESS: The function has been executed successfully.",
        HSA_STATUS_INFO_BREAK => c"HSA_STATUS_INFO_BREAK: A traversal over a list of elements has been interrupted by the application before completing.",
        HSA_STATUS_ERROR => c"HSA_STATUS_ERROR: A generic error has occurred.",
        HSA_STATUS_ERROR_INVALID_ARGUMENT => c"HSA_STATUS_ERROR_INVALID_ARGUMENT: One of the actual arguments does not meet a precondition stated in the documentation of the corresponding formal argument.",
        HSA_STATUS_ERROR_INVALID_QUEUE_CREATION => c"HSA_STATUS_ERROR_INVALID_QUEUE_CREATION: The requested queue creation is not valid.",
        HSA_STATUS_ERROR_INVALID_ALLOCATION => c"HSA_STATUS_ERROR_INVALID_ALLOCATION: The requested allocation is not valid.",
        HSA_STATUS_ERROR_INVALID_AGENT => c"HSA_STATUS_ERROR_INVALID_AGENT: The agent is invalid.",
        HSA_STATUS_ERROR_INVALID_REGION => c"HSA_STATUS_ERROR_INVALID_REGION: The memory region is invalid.",
        HSA_STATUS_ERROR_INVALID_SIGNAL => c"HSA_STATUS_ERROR_INVALID_SIGNAL: The signal is invalid.",
        HSA_STATUS_ERROR_INVALID_QUEUE => c"HSA_STATUS_ERROR_INVALID_QUEUE: The queue is invalid.",
        HSA_STATUS_ERROR_OUT_OF_RESOURCES => c"HSA_STATUS_ERROR_OUT_OF_RESOURCES: The runtime failed to allocate the necessary resources.",
        HSA_STATUS_ERROR_INVALID_PACKET_FORMAT => c"HSA_STATUS_ERROR_INVALID_PACKET_FORMAT: The AQL packet is malformed.",
        HSA_STATUS_ERROR_RESOURCE_FREE => c"HSA_STATUS_ERROR_RESOURCE_FREE: An error has been detected while releasing a resource.",
        HSA_STATUS_ERROR_NOT_INITIALIZED => c"HSA_STATUS_ERROR_NOT_INITIALIZED: An API other than hsa_init has been invoked while the reference count of the HSA runtime is zero.",
        HSA_STATUS_ERROR_REFCOUNT_OVERFLOW => c"HSA_STATUS_ERROR_REFCOUNT_OVERFLOW: The maximum reference count for the object has been reached.",
        HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS => c"HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS: The arguments passed to a functions are not compatible.",
        HSA_STATUS_ERROR_INVALID_INDEX => c"HSA_STATUS_ERROR_INVALID_INDEX: The index is invalid.",
        HSA_STATUS_ERROR_INVALID_ISA => c"HSA_STATUS_ERROR_INVALID_ISA: The instruction set architecture is invalid.",
        HSA_STATUS_ERROR_INVALID_ISA_NAME => c"HSA_STATUS_ERROR_INVALID_ISA_NAME: The instruction set architecture name is invalid.",
        HSA_STATUS_ERROR_INVALID_CODE_OBJECT => c"HSA_STATUS_ERROR_INVALID_CODE_OBJECT: The code object is invalid.",
        HSA_STATUS_ERROR_INVALID_EXECUTABLE => c"HSA_STATUS_ERROR_INVALID_EXECUTABLE: The executable is invalid.",
        HSA_STATUS_ERROR_FROZEN_EXECUTABLE => c"HSA_STATUS_ERROR_FROZEN_EXECUTABLE: The executable is frozen.",
        HSA_STATUS_ERROR_INVALID_SYMBOL_NAME => c"HSA_STATUS_ERROR_INVALID_SYMBOL_NAME: There is no symbol with the given name.",
        HSA_STATUS_ERROR_VARIABLE_ALREADY_DEFINED => c"HSA_STATUS_ERROR_VARIABLE_ALREADY_DEFINED: The variable is already defined.",
        HSA_STATUS_ERROR_VARIABLE_UNDEFINED => c"HSA_STATUS_ERROR_VARIABLE_UNDEFINED: The variable is undefined.",
        HSA_STATUS_ERROR_EXCEPTION => c"HSA_STATUS_ERROR_EXCEPTION: An HSAIL operation resulted in a hardware exception.",
        HSA_STATUS_ERROR_INVALID_CODE_SYMBOL => c"HSA_STATUS_ERROR_INVALID_CODE_SYMBOL: The code object symbol is invalid.",
        HSA_STATUS_ERROR_INVALID_EXECUTABLE_SYMBOL => c"HSA_STATUS_ERROR_INVALID_EXECUTABLE_SYMBOL: The executable symbol is invalid.",
        HSA_STATUS_ERROR_INVALID_FILE => c"HSA_STATUS_ERROR_INVALID_FILE: The file descriptor is invalid.",
        HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER => c"HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER: The code object reader is invalid.",
        HSA_STATUS_ERROR_INVALID_CACHE => c"HSA_STATUS_ERROR_INVALID_CACHE: The cache is invalid.",
        HSA_STATUS_ERROR_INVALID_WAVEFRONT => c"HSA_STATUS_ERROR_INVALID_WAVEFRONT: The wavefront is invalid.",
        HSA_STATUS_ERROR_INVALID_SIGNAL_GROUP => c"HSA_STATUS_ERROR_INVALID_SIGNAL_GROUP: The signal group is invalid.",
        HSA_STATUS_ERROR_INVALID_RUNTIME_STATE => c"HSA_STATUS_ERROR_INVALID_RUNTIME_STATE: The HSA runtime is not in the configuration state.",
        HSA_STATUS_ERROR_FATAL => c"HSA_STATUS_ERROR_FATAL: The queue received an error that may require process termination.",
        HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION => c"HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION: The agent attempted to access memory beyond the largest legal address.",
        HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION => c"HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION: The agent attempted to execute an illegal shader instruction.",
        HSA_STATUS_ERROR_MEMORY_FAULT => c"HSA_STATUS_ERROR_MEMORY_FAULT: The agent attempted to access an inaccessible address.",
        HSA_STATUS_CU_MASK_REDUCED => c"HSA_STATUS_CU_MASK_REDUCED: The CU mask was applied without compute units that are disabled.",
        HSA_EXT_STATUS_ERROR_INVALID_PROGRAM => c"HSA_EXT_STATUS_ERROR_INVALID_PROGRAM: The program is invalid.",
        HSA_EXT_STATUS_ERROR_INVALID_MODULE => c"HSA_EXT_STATUS_ERROR_INVALID_MODULE: The module is invalid.",
        HSA_EXT_STATUS_ERROR_INCOMPATIBLE_MODULE => c"HSA_EXT_STATUS_ERROR_INCOMPATIBLE_MODULE: The module is not compatible with the program.",
        HSA_EXT_STATUS_ERROR_MODULE_ALREADY_INCLUDED => c"HSA_EXT_STATUS_ERROR_MODULE_ALREADY_INCLUDED: The module is part of the program already.",
        HSA_EXT_STATUS_ERROR_SYMBOL_MISMATCH => c"HSA_EXT_STATUS_ERROR_SYMBOL_MISMATCH: A symbol is declared in different ways.",
        HSA_EXT_STATUS_ERROR_FINALIZATION_FAILED => c"HSA_EXT_STATUS_ERROR_FINALIZATION_FAILED: The finalization failed.",
        HSA_EXT_STATUS_ERROR_DIRECTIVE_MISMATCH => c"HSA_EXT_STATUS_ERROR_DIRECTIVE_MISMATCH: The control directives do not agree.",
        HSA_EXT_STATUS_ERROR_IMAGE_FORMAT_UNSUPPORTED => c"HSA_EXT_STATUS_ERROR_IMAGE_FORMAT_UNSUPPORTED: The image format is not supported.",
        HSA_EXT_STATUS_ERROR_IMAGE_SIZE_UNSUPPORTED => c"HSA_EXT_STATUS_ERROR_IMAGE_SIZE_UNSUPPORTED: The image is too large.",
        HSA_EXT_STATUS_ERROR_IMAGE_PITCH_UNSUPPORTED => c"HSA_EXT_STATUS_ERROR_IMAGE_PITCH_UNSUPPORTED: The pitch of the image is not supported.",
        HSA_EXT_STATUS_ERROR_SAMPLER_DESCRIPTOR_UNSUPPORTED => c"HSA_EXT_STATUS_ERROR_SAMPLER_DESCRIPTOR_UNSUPPORTED: The sampler is not supported.",
        _ => return None,
    })
}
