//! Whom the runtime tells of memory faults.

use std::ffi::c_void;

use hsa_rt_sys::*;

use super::{
    out::null,
    state::{Simulator, fail, lock, simulator},
};

type Callback = unsafe extern "C" fn(event: *const hsa_amd_event_t, data: *mut c_void) -> hsa_status_t;

/// A registered handler.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    callback: Callback,
    data: *mut c_void,
}

// SAFETY: the HSA specification has the runtime call the handler from its own threads; what `data` points to is the
// program's to make fit for that.
unsafe impl Send for Handler {}

pub unsafe extern "C" fn hsa_amd_register_system_event_handler(
    callback: hsa_amd_system_event_callback_t,
    data: *mut c_void,
) -> hsa_status_t {
    let simulator = match simulator() {
        Ok(simulator) => simulator,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    let mut handler = lock(&simulator.handler);
    if handler.is_some() {
        return fail(HSA_STATUS_ERROR, "a system event handler is registered already");
    }
    *handler = Some(Handler { callback, data });
    HSA_STATUS_SUCCESS
}

/// Tells the handler of a memory fault, if there is one.
pub fn memory_fault(simulator: &Simulator, agent: hsa_agent_t, address: u64) {
    let Some(handler) = *lock(&simulator.handler) else { return };
    let event = hsa_amd_event_t {
        event_type: HSA_AMD_GPU_MEMORY_FAULT_EVENT,
        __bindgen_anon_1: hsa_amd_event_s__bindgen_ty_1 {
            memory_fault: hsa_amd_gpu_memory_fault_info_t {
                agent,
                virtual_address: address,
                fault_reason_mask: HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT as u32,
            },
        },
    };
    // SAFETY: the handler was registered for being called so.
    unsafe { (handler.callback)(&event, handler.data) };
}
