//! Memory faults: the runtime's event names the agent, not the queue whose kernel was at fault.
//!
//! The event puts every queue of the agent under suspicion. If one of them reports a memory fault through its own error
//! callback, it is the one, and the others are cleared. If none does within [`GRACE`], launches in flight on all of them
//! stop: nobody can say which of their kernels still makes progress.

use std::{
    ffi::c_void,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use hsa_rt_sys::{self as hsa, HsaApi, hsa_agent_t, hsa_amd_event_t, hsa_status_t};

use crate::{
    error::{HsaError, call},
    queue::{QueueFault, QueueState},
};

/// How long a queue under suspicion may wait for another one to confess.
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// The queues of a session, with their agents' handles.
#[derive(Default)]
pub(crate) struct FaultWatch(Mutex<Vec<(u64, Weak<QueueState>)>>);

impl FaultWatch {
    /// A watch that hears of the memory faults of this implementation. It stays for the life of the process, since the
    /// handler cannot be unregistered.
    pub(crate) fn register(api: &HsaApi) -> (&'static Self, Result<(), HsaError>) {
        let watch: &'static Self = Box::leak(Box::default());
        let data: *const Self = watch;
        // SAFETY: the handler has the type that the function asks for, and its data is never freed.
        let registered = unsafe {
            call!(api, hsa_amd_register_system_event_handler(Some(on_system_event), data.cast_mut().cast::<c_void>()))
        };
        (watch, registered)
    }

    /// Memory faults of this agent concern this queue from now on.
    pub(crate) fn add(&self, agent: hsa_agent_t, queue: &Arc<QueueState>) {
        let mut queues = self.lock();
        queues.retain(|(_, queue)| queue.strong_count() > 0);
        queues.push((agent.handle, Arc::downgrade(queue)));
    }

    /// A queue of this agent was at fault: the others are not.
    pub(crate) fn confessed(&self, agent: hsa_agent_t) {
        self.of(agent).iter().for_each(|queue| queue.clear());
    }

    /// The queues are handed out without the lock: what is done to them may lock again.
    fn of(&self, agent: hsa_agent_t) -> Vec<Arc<QueueState>> {
        self.lock().iter().filter(|(of, _)| *of == agent.handle).filter_map(|(_, queue)| queue.upgrade()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Weak<QueueState>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the queues of an agent under suspicion. Success tells the runtime that the event is dealt with; without that it
/// would end the process.
unsafe extern "C" fn on_system_event(event: *const hsa_amd_event_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: the runtime calls with a valid event, and with the data of the registration, which is never freed.
    let (event, watch) = unsafe { (&*event, &*data.cast::<FaultWatch>()) };
    if event.event_type == hsa::HSA_AMD_GPU_MEMORY_FAULT_EVENT {
        // SAFETY: an event of this type holds this member.
        let fault = unsafe { event.__bindgen_anon_1.memory_fault };
        let fault_of_queue = QueueFault::Memory { address: fault.virtual_address, reasons: fault.fault_reason_mask };
        watch.of(fault.agent).iter().for_each(|queue| queue.suspect(fault_of_queue.clone()));
    }
    hsa::HSA_STATUS_SUCCESS
}
