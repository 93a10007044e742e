//! Code objects as HSA 1.0 had them: handles made from bytes and turned into bytes. Programs of today use readers.
//!
//! What a code object says of its symbols is asked of the executable that has loaded it.

use std::{
    collections::HashMap,
    ffi::{c_char, c_void},
    sync::{Arc, LazyLock, Mutex},
};

use hsa_rt_sys::*;
use object::{LittleEndian, read::elf::ElfFile64};

use super::{
    executable::{Reader, Storage, load},
    isa::Isa,
    loader,
    out::{null, put, put_text},
    state::{fail, lock, simulator, status},
};

/// Version of the specification that code objects follow.
const VERSION: &str = "1.2";

static CODE_OBJECTS: LazyLock<Mutex<HashMap<u64, Reader>>> = LazyLock::new(Mutex::default);

fn find(code_object: hsa_code_object_t) -> Result<Reader, hsa_status_t> {
    lock(&CODE_OBJECTS).get(&code_object.handle).cloned().ok_or_else(unknown)
}

fn unknown() -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, "no code object has this handle")
}

pub unsafe extern "C" fn hsa_code_object_deserialize(
    serialized_code_object: *mut c_void,
    serialized_code_object_size: usize,
    _options: *const c_char,
    code_object: *mut hsa_code_object_t,
) -> hsa_status_t {
    let make = || {
        let simulator = simulator()?;
        if serialized_code_object.is_null() || serialized_code_object_size == 0 || code_object.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no bytes, or no place for the code object"));
        }
        // SAFETY: the caller gives that many bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts(serialized_code_object.cast_const().cast::<u8>(), serialized_code_object_size)
        };
        let handle = simulator.handle();
        let storage = Storage::Memory(serialized_code_object as u64);
        lock(&CODE_OBJECTS).insert(handle, Reader { bytes: Arc::from(bytes), storage });
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(code_object, handle) }
    };
    status(make())
}

pub unsafe extern "C" fn hsa_code_object_serialize(
    code_object: hsa_code_object_t,
    alloc_callback: Option<
        unsafe extern "C" fn(size: usize, data: hsa_callback_data_t, address: *mut *mut c_void) -> hsa_status_t,
    >,
    callback_data: hsa_callback_data_t,
    _options: *const c_char,
    serialized_code_object: *mut *mut c_void,
    serialized_code_object_size: *mut usize,
) -> hsa_status_t {
    let serialize = || {
        simulator()?;
        let reader = find(code_object)?;
        let allocate = alloc_callback.ok_or_else(|| null("alloc_callback"))?;
        if serialized_code_object.is_null() || serialized_code_object_size.is_null() {
            return Err(null("serialized_code_object or its size"));
        }
        let mut room = std::ptr::null_mut();
        // SAFETY: the program's allocator, called as the specification says.
        let result = unsafe { allocate(reader.bytes.len(), callback_data, &mut room) };
        if result != HSA_STATUS_SUCCESS || room.is_null() {
            return Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "the program's allocator gave nothing"));
        }
        // SAFETY: the allocator gave room for the bytes; the caller gives room for pointer and size.
        unsafe {
            room.cast::<u8>().copy_from(reader.bytes.as_ptr(), reader.bytes.len());
            put(serialized_code_object, room)?;
            put(serialized_code_object_size, reader.bytes.len())
        }
    };
    status(serialize())
}

pub unsafe extern "C" fn hsa_code_object_destroy(code_object: hsa_code_object_t) -> hsa_status_t {
    let destroy = || {
        simulator()?;
        lock(&CODE_OBJECTS).remove(&code_object.handle).map(drop).ok_or_else(unknown)
    };
    status(destroy())
}

pub unsafe extern "C" fn hsa_code_object_get_info(
    code_object: hsa_code_object_t,
    attribute: hsa_code_object_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        let reader = find(code_object)?;
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_CODE_OBJECT_INFO_VERSION => put_text::<64, _>(value, VERSION),
                HSA_CODE_OBJECT_INFO_TYPE => put(value, HSA_CODE_OBJECT_TYPE_PROGRAM),
                HSA_CODE_OBJECT_INFO_ISA => put(value, isa(&reader)?.handle()),
                HSA_CODE_OBJECT_INFO_MACHINE_MODEL => put(value, HSA_MACHINE_MODEL_LARGE),
                HSA_CODE_OBJECT_INFO_PROFILE => put(value, HSA_PROFILE_BASE),
                HSA_CODE_OBJECT_INFO_DEFAULT_FLOAT_ROUNDING_MODE => put(value, HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no code object attribute {attribute}"))),
            }
        }
    };
    status(get())
}

/// What a code object was made for.
fn isa(reader: &Reader) -> Result<Isa, hsa_status_t> {
    let invalid = |reason: String| fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, reason);
    let file =
        ElfFile64::<LittleEndian>::parse(&*reader.bytes).map_err(|error| invalid(format!("no ELF file: {error}")))?;
    loader::isa(file.elf_header().e_flags.get(LittleEndian).0)
        .ok_or_else(|| invalid("the code object is for a device that is not simulated".to_owned()))
}

pub unsafe extern "C" fn hsa_executable_load_code_object(
    executable: hsa_executable_t,
    agent: hsa_agent_t,
    code_object: hsa_code_object_t,
    _options: *const c_char,
) -> hsa_status_t {
    let load = || {
        let simulator = simulator()?;
        let reader = find(code_object)?;
        load(simulator, executable, agent, |_| Ok(reader)).map(drop)
    };
    status(load())
}

/// No name is found: what a code object says of its symbols is asked of the executable that has loaded it.
fn no_symbol(code_object: hsa_code_object_t, symbol: *mut hsa_code_symbol_t) -> hsa_status_t {
    let get = || {
        simulator()?;
        find(code_object)?;
        if symbol.is_null() {
            return Err(null("symbol"));
        }
        let reason = "symbols of code objects that are not loaded are not given; ask the executable";
        Err(fail(HSA_STATUS_ERROR_INVALID_SYMBOL_NAME, reason))
    };
    status(get())
}

pub unsafe extern "C" fn hsa_code_object_get_symbol(
    code_object: hsa_code_object_t,
    _symbol_name: *const c_char,
    symbol: *mut hsa_code_symbol_t,
) -> hsa_status_t {
    no_symbol(code_object, symbol)
}

pub unsafe extern "C" fn hsa_code_object_get_symbol_from_name(
    code_object: hsa_code_object_t,
    _module_name: *const c_char,
    _symbol_name: *const c_char,
    symbol: *mut hsa_code_symbol_t,
) -> hsa_status_t {
    no_symbol(code_object, symbol)
}

pub unsafe extern "C" fn hsa_code_symbol_get_info(
    _code_symbol: hsa_code_symbol_t,
    _attribute: hsa_code_symbol_info_t,
    _value: *mut c_void,
) -> hsa_status_t {
    let none = || Err(fail(HSA_STATUS_ERROR_INVALID_CODE_SYMBOL, "no code symbol has this handle"));
    status(simulator().and_then(|_| none()))
}

pub unsafe extern "C" fn hsa_code_object_iterate_symbols(
    code_object: hsa_code_object_t,
    callback: Option<
        unsafe extern "C" fn(
            code_object: hsa_code_object_t,
            symbol: hsa_code_symbol_t,
            data: *mut c_void,
        ) -> hsa_status_t,
    >,
    _data: *mut c_void,
) -> hsa_status_t {
    if callback.is_none() {
        return null("callback");
    }
    status(simulator().and_then(|_| find(code_object).map(drop)))
}
