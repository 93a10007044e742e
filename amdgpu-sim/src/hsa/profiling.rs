//! When packets and copies ran. Times are the system's timestamps: devices and host have one clock.

use std::{ffi::c_int, sync::atomic::Ordering};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    control::{Control, unknown as unknown_queue},
    out::{null, put},
    signal::Signal,
    signal_functions::unknown,
    state::{fail, simulator, status},
};

pub unsafe extern "C" fn hsa_amd_profiling_set_profiler_enabled(
    queue: *mut hsa_queue_t,
    enable: c_int,
) -> hsa_status_t {
    let set = || {
        simulator()?;
        if queue.is_null() {
            return Err(null("queue"));
        }
        let control = Control::find(queue).ok_or_else(|| unknown_queue(queue))?;
        let bit = AMD_QUEUE_PROPERTIES_ENABLE_PROFILING as amd_queue_properties32_t;
        match enable {
            0 => control.properties().fetch_and(!bit, Ordering::Relaxed),
            _ => control.properties().fetch_or(bit, Ordering::Relaxed),
        };
        Ok(())
    };
    status(set())
}

/// Both times are 0 for a signal that no packet of a profiled queue has completed.
pub unsafe extern "C" fn hsa_amd_profiling_get_dispatch_time(
    agent: hsa_agent_t,
    signal: hsa_signal_t,
    time: *mut hsa_amd_profiling_dispatch_time_t,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        if time.is_null() {
            return Err(null("time"));
        }
        if Agent::find(simulator, agent)? == Agent::Cpu {
            return Err(fail(HSA_STATUS_ERROR_INVALID_AGENT, "the CPU runs no packets"));
        }
        let (start, end, _) = Signal::find(signal).ok_or_else(|| unknown(signal))?.times();
        // SAFETY: the caller gives room for the times.
        unsafe { put(time, hsa_amd_profiling_dispatch_time_t { start, end }) }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_amd_profiling_async_copy_enable(enable: bool) -> hsa_status_t {
    status(simulator().map(|simulator| simulator.copies_profiled.store(enable, Ordering::Relaxed)))
}

/// A signal that no profiled copy has completed is refused with `HSA_STATUS_ERROR`.
pub unsafe extern "C" fn hsa_amd_profiling_get_async_copy_time(
    signal: hsa_signal_t,
    time: *mut hsa_amd_profiling_async_copy_time_t,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        if time.is_null() {
            return Err(null("time"));
        }
        match Signal::find(signal).ok_or_else(|| unknown(signal))?.times() {
            // SAFETY: the caller gives room for the times.
            (start, end, true) => unsafe { put(time, hsa_amd_profiling_async_copy_time_t { start, end }) },
            _ => Err(fail(HSA_STATUS_ERROR, "no copy that was profiled has completed with this signal")),
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_amd_profiling_convert_tick_to_system_domain(
    agent: hsa_agent_t,
    agent_tick: u64,
    system_tick: *mut u64,
) -> hsa_status_t {
    let convert = || {
        Agent::find(simulator()?, agent)?;
        // SAFETY: null or room for a tick, by the caller.
        unsafe { put(system_tick, agent_tick) }
    };
    status(convert())
}
