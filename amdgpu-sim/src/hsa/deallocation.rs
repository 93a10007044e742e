//! What the program keeps with an allocation: a pointer of its own, and whom to call before the memory goes.

use std::{
    collections::HashMap,
    ffi::c_void,
    sync::{LazyLock, Mutex},
};

use hsa_rt_sys::*;

use super::{
    out::null,
    state::{Simulator, fail, lock, simulator, status},
};

type Callback = unsafe extern "C" fn(ptr: *mut c_void, user_data: *mut c_void);

#[derive(Debug, Default)]
struct Notes {
    user_data: usize,
    callbacks: Vec<(Callback, *mut c_void)>,
}

// SAFETY: the pointers are only handed back to the program, whose callbacks the header has called from any thread.
unsafe impl Send for Notes {}

/// By the address of the allocation's first byte.
static NOTES: LazyLock<Mutex<HashMap<u64, Notes>>> = LazyLock::new(Mutex::default);

/// The first address of the live allocation, or of the locked memory, that holds this one.
fn base(simulator: &Simulator, ptr: *const c_void) -> Result<u64, hsa_status_t> {
    let range = simulator.memory.find(ptr as u64);
    let base = range.map(|range| range.base);
    base.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p} is in no live allocation")))
}

/// The pointer that the program keeps with the allocation that begins here.
pub fn user_data(base: u64) -> *mut c_void {
    lock(&NOTES).get(&base).map_or(0, |notes| notes.user_data) as *mut c_void
}

/// Calls who wants to know that an allocation goes, and forgets what was kept with it.
pub fn tell(ptr: *mut c_void) {
    let Some(notes) = lock(&NOTES).remove(&(ptr as u64)) else { return };
    for (callback, data) in notes.callbacks {
        // SAFETY: the program's callback, called as the header says. No lock is held.
        unsafe { callback(ptr, data) };
    }
}

pub unsafe extern "C" fn hsa_amd_pointer_info_set_userdata(ptr: *const c_void, userdata: *mut c_void) -> hsa_status_t {
    let set = || {
        let base = base(simulator()?, ptr)?;
        lock(&NOTES).entry(base).or_default().user_data = userdata as usize;
        Ok(())
    };
    status(set())
}

pub unsafe extern "C" fn hsa_amd_register_deallocation_callback(
    ptr: *mut c_void,
    callback: hsa_amd_deallocation_callback_t,
    user_data: *mut c_void,
) -> hsa_status_t {
    let register = || {
        let simulator = simulator()?;
        let callback = callback.ok_or_else(|| null("callback"))?;
        let base = base(simulator, ptr)?;
        if simulator.memory.pooled(base).is_none() {
            let reason = format!("{ptr:p} is in no allocation of a pool");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ALLOCATION, reason));
        }
        lock(&NOTES).entry(base).or_default().callbacks.push((callback, user_data));
        Ok(())
    };
    status(register())
}

pub unsafe extern "C" fn hsa_amd_deregister_deallocation_callback(
    ptr: *mut c_void,
    callback: hsa_amd_deallocation_callback_t,
) -> hsa_status_t {
    let deregister = || {
        let simulator = simulator()?;
        let callback = callback.ok_or_else(|| null("callback"))?;
        let base = base(simulator, ptr)?;
        let mut notes = lock(&NOTES);
        let callbacks = notes.get_mut(&base).map(|notes| &mut notes.callbacks);
        let found = callbacks.and_then(|list| {
            let at = list.iter().position(|(other, _)| std::ptr::fn_addr_eq(*other, callback))?;
            Some(list.remove(at))
        });
        found.map(drop).ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "the callback is not registered"))
    };
    status(deregister())
}
