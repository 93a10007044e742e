//! Which extensions of HSA there are: AMD's loader, and no other one.

use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    loader_extension::TABLE,
    out::{null, put},
    state::{fail, simulator, status},
};

/// The loader's newest version.
const LOADER_MAJOR: u16 = 1;
const LOADER_MINOR: u16 = 3;

/// The bit of each extension that there is.
pub const EXTENSIONS: [u8; 128] = {
    let mut bits = [0; 128];
    bits[HSA_EXTENSION_AMD_LOADER as usize / 8] |= 1 << (HSA_EXTENSION_AMD_LOADER % 8);
    bits
};

/// Bytes of the loader's table that each minor version of it has.
const TABLES: [usize; LOADER_MINOR as usize + 1] = [
    size_of::<hsa_ven_amd_loader_1_00_pfn_t>(),
    size_of::<hsa_ven_amd_loader_1_01_pfn_t>(),
    size_of::<hsa_ven_amd_loader_1_02_pfn_t>(),
    size_of::<hsa_ven_amd_loader_1_03_pfn_t>(),
];

/// The name of an extension that the specification or AMD knows, whether it is there or not.
fn name(extension: u16) -> Result<&'static CStr, hsa_status_t> {
    Ok(match u32::from(extension) {
        HSA_EXTENSION_FINALIZER => c"HSA_EXTENSION_FINALIZER",
        HSA_EXTENSION_IMAGES => c"HSA_EXTENSION_IMAGES",
        HSA_EXTENSION_PERFORMANCE_COUNTERS => c"HSA_EXTENSION_PERFORMANCE_COUNTERS",
        HSA_EXTENSION_PROFILING_EVENTS => c"HSA_EXTENSION_PROFILING_EVENTS",
        HSA_EXTENSION_AMD_PROFILER => c"HSA_EXTENSION_AMD_PROFILER",
        HSA_EXTENSION_AMD_LOADER => c"HSA_EXTENSION_AMD_LOADER",
        HSA_EXTENSION_AMD_AQLPROFILE => c"HSA_EXTENSION_AMD_AQLPROFILE",
        _ => return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no extension {extension:#x}"))),
    })
}

/// The highest minor version of an extension in this major one, if there is any.
fn newest(extension: u16, major: u16) -> Result<Option<u16>, hsa_status_t> {
    name(extension)?;
    let there = u32::from(extension) == HSA_EXTENSION_AMD_LOADER && major == LOADER_MAJOR;
    Ok(there.then_some(LOADER_MINOR))
}

pub unsafe extern "C" fn hsa_extension_get_name(extension: u16, result: *mut *const c_char) -> hsa_status_t {
    // SAFETY: null, or room for a pointer by the caller.
    status(name(extension).and_then(|name| unsafe { put(result, name.as_ptr()) }))
}

/// Writes whether this version of an extension is there. A newer minor version has what an older one has.
///
/// # Safety
/// `result` is null or has room for the result.
unsafe fn supported(extension: u16, major: u16, minor: u16, result: *mut bool) -> Result<(), hsa_status_t> {
    let there = newest(extension, major)?.is_some_and(|newest| minor <= newest);
    // SAFETY: by this function's contract.
    unsafe { put(result, there) }
}

/// Writes whether this major version of an extension is there, and its newest minor one.
///
/// # Safety
/// `minor` and `result` are null or have room.
unsafe fn major_supported(extension: u16, major: u16, minor: *mut u16, result: *mut bool) -> Result<(), hsa_status_t> {
    let newest = newest(extension, major)?;
    if minor.is_null() || result.is_null() {
        return Err(null("version_minor or result"));
    }
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(newest) = newest {
            put(minor, newest)?;
        }
        put(result, newest.is_some())
    }
}

pub unsafe extern "C" fn hsa_system_extension_supported(
    extension: u16,
    version_major: u16,
    version_minor: u16,
    result: *mut bool,
) -> hsa_status_t {
    // SAFETY: the caller gives room for the result.
    status(simulator().and_then(|_| unsafe { supported(extension, version_major, version_minor, result) }))
}

pub unsafe extern "C" fn hsa_system_major_extension_supported(
    extension: u16,
    version_major: u16,
    version_minor: *mut u16,
    result: *mut bool,
) -> hsa_status_t {
    // SAFETY: the caller gives room for both.
    status(simulator().and_then(|_| unsafe { major_supported(extension, version_major, version_minor, result) }))
}

pub unsafe extern "C" fn hsa_agent_extension_supported(
    extension: u16,
    agent: hsa_agent_t,
    version_major: u16,
    version_minor: u16,
    result: *mut bool,
) -> hsa_status_t {
    let ask = || {
        Agent::find(simulator()?, agent)?;
        // SAFETY: the caller gives room for the result.
        unsafe { supported(extension, version_major, version_minor, result) }
    };
    status(ask())
}

pub unsafe extern "C" fn hsa_agent_major_extension_supported(
    extension: u16,
    agent: hsa_agent_t,
    version_major: u16,
    version_minor: *mut u16,
    result: *mut bool,
) -> hsa_status_t {
    let ask = || {
        Agent::find(simulator()?, agent)?;
        // SAFETY: the caller gives room for both.
        unsafe { major_supported(extension, version_major, version_minor, result) }
    };
    status(ask())
}

/// Writes the first `length` bytes of an extension's table.
///
/// # Safety
/// `table` is null or has room for `length` bytes.
unsafe fn copy_table(extension: u16, major: u16, length: usize, table: *mut c_void) -> Result<(), hsa_status_t> {
    if newest(extension, major)?.is_none() {
        let reason = format!("extension {extension:#x} is not there in version {major}");
        return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
    }
    if table.is_null() {
        return Err(null("table"));
    }
    let length = length.min(size_of_val(&TABLE));
    // SAFETY: not null, and room for `length` bytes by this function's contract.
    unsafe { table.cast::<u8>().copy_from(ptr::from_ref(&TABLE).cast(), length) };
    Ok(())
}

pub unsafe extern "C" fn hsa_system_get_major_extension_table(
    extension: u16,
    version_major: u16,
    table_length: usize,
    table: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        if table_length == 0 {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "a table of no bytes"));
        }
        // SAFETY: the caller gives room for that many bytes.
        unsafe { copy_table(extension, version_major, table_length, table) }
    };
    status(get())
}

/// The older form of `hsa_system_get_major_extension_table`.
pub unsafe extern "C" fn hsa_system_get_extension_table(
    extension: u16,
    version_major: u16,
    version_minor: u16,
    table: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        let length = TABLES.get(usize::from(version_minor)).copied().ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no minor version {version_minor} of the extension"))
        })?;
        // SAFETY: the caller gives room for the table of that version.
        unsafe { copy_table(extension, version_major, length, table) }
    };
    status(get())
}
