//! What HSA's functions for signals have in common, and those that make, destroy and await them.
//!
//! A function that gives a status refuses a handle that is not a live signal's with `HSA_STATUS_ERROR_INVALID_SIGNAL`.
//! One that gives a value gives 0 then, and one that gives nothing does nothing; [`last_error`](super::last_error) says
//! why, in all cases.

use std::{sync::LazyLock, thread, time::Duration};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::null,
    signal::{Condition, Signal},
    state::{fail, simulator, status},
};

/// How long a wait spins before it sleeps: one that asks for the quickest answer, and one that does not.
const SPIN_ACTIVE: Duration = Duration::from_micros(200);
const SPIN_BLOCKED: Duration = Duration::from_micros(5);

pub unsafe extern "C" fn hsa_signal_create(
    initial_value: hsa_signal_value_t,
    num_consumers: u32,
    consumers: *const hsa_agent_t,
    signal: *mut hsa_signal_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        if signal.is_null() {
            return Err(null("signal"));
        }
        if num_consumers > 0 && consumers.is_null() {
            return Err(null("consumers"));
        }
        for index in 0..num_consumers as usize {
            // SAFETY: the caller gives `num_consumers` agents.
            let agent = unsafe { consumers.add(index).read_unaligned() };
            Agent::find(simulator, agent)
                .map_err(|_| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "a consumer is no agent"))?;
        }
        let created = Signal::create(initial_value)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "there are too many signals, or no memory"))?;
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { signal.write(created.handle()) };
        Ok(())
    };
    status(create())
}

/// Attributes of `hsa_amd_signal_create` that there are. Both say what the signal will not be used for, and so forbid
/// nothing here.
const ATTRIBUTES: u64 = (HSA_AMD_SIGNAL_AMD_GPU_ONLY | HSA_AMD_SIGNAL_IPC) as u64;

/// A signal for other processes is refused: each has a simulator of its own.
pub unsafe extern "C" fn hsa_amd_signal_create(
    initial_value: hsa_signal_value_t,
    num_consumers: u32,
    consumers: *const hsa_agent_t,
    attributes: u64,
    signal: *mut hsa_signal_t,
) -> hsa_status_t {
    if attributes & !ATTRIBUTES != 0 {
        return fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no such signal attributes: {attributes:#x}"));
    }
    if attributes & u64::from(HSA_AMD_SIGNAL_IPC) != 0 {
        return fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "simulated devices share no signals with other processes");
    }
    // SAFETY: the same contract.
    unsafe { hsa_signal_create(initial_value, num_consumers, consumers, signal) }
}

/// A value that is changed through the pointer wakes nobody who sleeps; loads see it.
pub unsafe extern "C" fn hsa_amd_signal_value_pointer(
    signal: hsa_signal_t,
    value_ptr: *mut *mut hsa_signal_value_t,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        if value_ptr.is_null() {
            return Err(null("value_ptr"));
        }
        let found = Signal::find(signal).ok_or_else(|| unknown(signal))?;
        if found.is_doorbell() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_SIGNAL, "the signal is a queue's doorbell"));
        }
        // SAFETY: not null, and the caller gives room for a pointer.
        unsafe { value_ptr.write_unaligned(found.value_pointer()) };
        Ok(())
    };
    status(get())
}

pub unsafe extern "C" fn hsa_signal_destroy(signal: hsa_signal_t) -> hsa_status_t {
    let destroy = || {
        simulator()?;
        if signal.handle == 0 {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "the signal is null"));
        }
        match Signal::find(signal) {
            Some(found) if found.is_doorbell() => {
                Err(fail(HSA_STATUS_ERROR_INVALID_SIGNAL, "the signal is a queue's doorbell and goes with the queue"))
            }
            Some(found) if found.destroy() => Ok(()),
            _ => Err(unknown(signal)),
        }
    };
    status(destroy())
}

/// The error for a handle that is no live signal's.
#[cold]
pub fn unknown(signal: hsa_signal_t) -> hsa_status_t {
    tracing::error!(handle = signal.handle, "no live signal has this handle");
    fail(HSA_STATUS_ERROR_INVALID_SIGNAL, format!("no live signal has the handle {:#x}", signal.handle))
}

/// What `use_it` makes of a live signal, and the type's default for a handle that is none's.
#[inline]
pub fn with<T: Default>(handle: hsa_signal_t, use_it: impl FnOnce(&'static Signal) -> T) -> T {
    match Signal::find(handle) {
        Some(signal) => use_it(signal),
        None => {
            unknown(handle);
            T::default()
        }
    }
}

pub unsafe extern "C" fn hsa_signal_wait_scacquire(
    signal: hsa_signal_t,
    condition: hsa_signal_condition_t,
    compare_value: hsa_signal_value_t,
    timeout_hint: u64,
    wait_state_hint: hsa_wait_state_t,
) -> hsa_signal_value_t {
    let condition = Condition::new(condition, compare_value);
    // For no such condition there is nothing to wait for.
    let done = |value| condition.is_none_or(|condition| condition.holds(value));
    // Timestamps count nanoseconds; the largest hint is for ever.
    let timeout = (timeout_hint != u64::MAX).then(|| Duration::from_nanos(timeout_hint));
    let spin = if wait_state_hint == HSA_WAIT_STATE_ACTIVE { SPIN_ACTIVE } else { SPIN_BLOCKED };
    with(signal, |signal| signal.wait(done, timeout, spin_for(spin)))
}

/// How long to spin: not at all where who is waited for cannot run meanwhile.
pub fn spin_for(time: Duration) -> Duration {
    static ALONE: LazyLock<bool> = LazyLock::new(|| thread::available_parallelism().is_ok_and(|n| n.get() == 1));
    if *ALONE { Duration::ZERO } else { time }
}
