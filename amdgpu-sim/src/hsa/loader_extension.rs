//! AMD's loader extension (`hsa_ven_amd_loader.h`): debuggers and profilers ask it which code is where.
//!
//! Host and devices have the same addresses, so what is loaded is read where the device has it.

use std::{ffi::c_void, process};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    executable::{Executables, LoadedObject, Storage, create_from_file},
    out::{null, put, put_bytes},
    state::{fail, lock, simulator, status},
};

/// The extension's functions, of its newest version.
pub const TABLE: hsa_ven_amd_loader_1_03_pfn_t = hsa_ven_amd_loader_1_03_pfn_t {
    hsa_ven_amd_loader_query_host_address: Some(query_host_address),
    hsa_ven_amd_loader_query_segment_descriptors: Some(query_segment_descriptors),
    hsa_ven_amd_loader_query_executable: Some(query_executable),
    hsa_ven_amd_loader_executable_iterate_loaded_code_objects: Some(executable_iterate_loaded_code_objects),
    hsa_ven_amd_loader_loaded_code_object_get_info: Some(loaded_code_object_get_info),
    hsa_ven_amd_loader_code_object_reader_create_from_file_with_offset_size: Some(
        code_object_reader_create_from_file_with_offset_size,
    ),
    hsa_ven_amd_loader_iterate_executables: Some(iterate_executables),
};

/// All code objects that are loaded, with their executables.
fn loaded(all: &Executables) -> impl Iterator<Item = (hsa_executable_t, &LoadedObject)> {
    all.all().flat_map(|(handle, executable)| executable.loaded.iter().map(move |object| (handle, object)))
}

/// The executable that has loaded what is at a device address.
fn executable_at(all: &Executables, address: u64) -> Result<hsa_executable_t, hsa_status_t> {
    let inside = |object: &LoadedObject| {
        object.loaded.segments.iter().any(|segment| address.wrapping_sub(segment.base) < segment.size)
    };
    let found = loaded(all).find(|(_, object)| inside(object)).map(|(handle, _)| handle);
    found.ok_or_else(|| {
        fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no loaded code object has the address {address:#x}"))
    })
}

unsafe extern "C" fn query_host_address(
    device_address: *const c_void,
    host_address: *mut *const c_void,
) -> hsa_status_t {
    let query = || {
        executable_at(&lock(&simulator()?.executables), device_address as u64)?;
        // SAFETY: null, or room for a pointer by the caller.
        unsafe { put(host_address, device_address) }
    };
    status(query())
}

unsafe extern "C" fn query_executable(
    device_address: *const c_void,
    executable: *mut hsa_executable_t,
) -> hsa_status_t {
    let query = || {
        let found = executable_at(&lock(&simulator()?.executables), device_address as u64)?;
        // SAFETY: null, or room for a handle by the caller.
        unsafe { put(executable, found) }
    };
    status(query())
}

/// Says how many segments there are if `descriptors` is null, and describes exactly as many otherwise.
unsafe extern "C" fn query_segment_descriptors(
    descriptors: *mut hsa_ven_amd_loader_segment_descriptor_t,
    count: *mut usize,
) -> hsa_status_t {
    let query = || {
        let all = lock(&simulator()?.executables);
        if count.is_null() {
            return Err(null("num_segment_descriptors"));
        }
        let segments = loaded(&all).flat_map(|(executable, object)| {
            object.loaded.segments.iter().map(move |segment| {
                let (kind, base, size) = storage(object);
                hsa_ven_amd_loader_segment_descriptor_t {
                    agent: object.agent.handle(),
                    executable,
                    code_object_storage_type: kind,
                    code_object_storage_base: base as *const c_void,
                    code_object_storage_size: size as usize,
                    code_object_storage_offset: segment.offset as usize,
                    segment_base: segment.base as *const c_void,
                    segment_size: segment.size as usize,
                }
            })
        });
        let segments: Vec<_> = segments.collect();
        // SAFETY: not null; the caller gives a number, and room for so many descriptors.
        unsafe {
            if descriptors.is_null() {
                return put(count, segments.len());
            }
            if count.read_unaligned() != segments.len() {
                let reason = format!("room for {} segments, and there are {}", count.read_unaligned(), segments.len());
                return Err(fail(HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS, reason));
            }
            descriptors.copy_from(segments.as_ptr(), segments.len());
        }
        Ok(())
    };
    status(query())
}

/// How a code object is stored: type, address, and size in bytes. A file is known by its descriptor alone, so it has no
/// path to give.
fn storage(object: &LoadedObject) -> (hsa_ven_amd_loader_code_object_storage_type_t, u64, u64) {
    match object.reader.storage {
        Storage::Memory(base) => {
            (HSA_VEN_AMD_LOADER_CODE_OBJECT_STORAGE_TYPE_MEMORY, base, object.reader.bytes.len() as u64)
        }
        Storage::File(..) => (HSA_VEN_AMD_LOADER_CODE_OBJECT_STORAGE_TYPE_FILE, 0, 0),
    }
}

/// Where a code object comes from, in the form that debuggers read.
fn uri(object: &LoadedObject) -> String {
    let size = object.reader.bytes.len();
    match object.reader.storage {
        Storage::Memory(base) => format!("memory://{}#offset={base:#x}&size={size}", process::id()),
        Storage::File(file, offset) => {
            let link = std::fs::read_link(format!("/proc/self/fd/{file}")).unwrap_or_default();
            let mut path = String::new();
            for byte in link.as_os_str().as_encoded_bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'.' | b'~' | b'-' => {
                        path.push(char::from(*byte));
                    }
                    other => path.push_str(&format!("%{other:02X}")),
                }
            }
            format!("file://{path}#offset={offset:#x}&size={size}")
        }
    }
}

unsafe extern "C" fn executable_iterate_loaded_code_objects(
    executable: hsa_executable_t,
    callback: Option<
        unsafe extern "C" fn(
            executable: hsa_executable_t,
            loaded_code_object: hsa_loaded_code_object_t,
            data: *mut c_void,
        ) -> hsa_status_t,
    >,
    data: *mut c_void,
) -> hsa_status_t {
    let list = || {
        let mut all = lock(&simulator()?.executables);
        Ok(all.get(executable)?.loaded.iter().map(|object| object.handle).collect::<Vec<_>>())
    };
    let handles = match list() {
        Ok(handles) => handles,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    for handle in handles {
        // SAFETY: the program's callback, called as the extension says. No lock is held.
        let result = unsafe { callback(executable, hsa_loaded_code_object_t { handle }, data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn iterate_executables(
    callback: Option<unsafe extern "C" fn(executable: hsa_executable_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let list = || Ok(lock(&simulator()?.executables).all().map(|(handle, _)| handle).collect::<Vec<_>>());
    let handles = match list() {
        Ok(handles) => handles,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    for handle in handles {
        // SAFETY: the program's callback, called as the extension says. No lock is held.
        let result = unsafe { callback(handle, data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn loaded_code_object_get_info(
    loaded_code_object: hsa_loaded_code_object_t,
    attribute: hsa_ven_amd_loader_loaded_code_object_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let all = lock(&simulator()?.executables);
        let found = loaded(&all).find(|(_, object)| object.handle == loaded_code_object.handle);
        let (executable, object) =
            found.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, "no loaded code object has this handle"))?;
        if value.is_null() {
            return Err(null("value"));
        }
        let (kind, base, size) = storage(object);
        let (load_base, load_size) = object.loaded.extent();
        // SAFETY: not null, and the caller gives room for the attribute's type; for the URI, of the length that the
        // attribute before it gives.
        unsafe {
            match attribute {
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_EXECUTABLE => put(value, executable),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_KIND => {
                    put(value, HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_KIND_AGENT)
                }
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_AGENT => put(value, Agent::handle(object.agent)),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_CODE_OBJECT_STORAGE_TYPE => put(value, kind),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_CODE_OBJECT_STORAGE_MEMORY_BASE => put(value, base),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_CODE_OBJECT_STORAGE_MEMORY_SIZE => put(value, size),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_CODE_OBJECT_STORAGE_FILE => match object.reader.storage {
                    Storage::File(file, _) => put(value, file),
                    Storage::Memory(_) => {
                        Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "the code object comes from memory"))
                    }
                },
                // Code objects are linked for address 0.
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_LOAD_DELTA
                | HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_LOAD_BASE => put(value, load_base),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_LOAD_SIZE => put(value, load_size),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_URI_LENGTH => put(value, uri(object).len() as u32),
                HSA_VEN_AMD_LOADER_LOADED_CODE_OBJECT_INFO_URI => put_bytes(value, uri(object).as_bytes()),
                _ => Err(fail(
                    HSA_STATUS_ERROR_INVALID_ARGUMENT,
                    format!("no attribute {attribute} of loaded code objects"),
                )),
            }
        }
    };
    status(get())
}

unsafe extern "C" fn code_object_reader_create_from_file_with_offset_size(
    file: hsa_file_t,
    offset: usize,
    size: usize,
    code_object_reader: *mut hsa_code_object_reader_t,
) -> hsa_status_t {
    // SAFETY: the caller gives room for a handle.
    status(unsafe { create_from_file(file, offset, Some(size), code_object_reader) })
}
