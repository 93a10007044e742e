//! Waits for the first of several signals: listed for one wait, or kept as a group.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::{null, put},
    signal::{Condition, Known, Signal},
    signal_functions::unknown,
    state::{fail, lock, simulator, status},
    watch::{self, Left, Then, Waker},
};

/// What `hsa_amd_signal_wait_any` gives when none of the signals is as asked for.
const NONE: u32 = u32::MAX;

/// What is waited for: a signal and a condition, or a place in the list that is empty.
type Wanted = Option<(Known, Condition)>;

/// Waits until one of the signals is as asked for or is destroyed, or the deadline is over. Gives its place in the list
/// and its value; the first one in the list, if there are several.
fn wait_any(wanted: &[Wanted], deadline: Option<Instant>) -> Option<(usize, i64)> {
    let look = || {
        wanted.iter().enumerate().find_map(|(index, wanted)| {
            let (signal, condition) = (*wanted)?;
            match signal.value() {
                Some(value) => condition.holds(value).then_some((index, value)),
                // As for a wait for one signal: there is nothing left to wait for.
                None => Some((index, signal.signal.load())),
            }
        })
    };
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        let waker = Arc::new(Waker::default());
        let mut watched: Vec<Known> = Vec::new();
        let mut settled = false;
        for (signal, condition) in wanted.iter().flatten() {
            match watch::leave(*signal, *condition, Then::Wake(Arc::clone(&waker))) {
                Left::Waiting => watched.push(*signal),
                Left::Holds(..) | Left::Destroyed(_) => {
                    settled = true;
                    break;
                }
            }
        }
        let woken = settled || waker.wait(deadline);
        for signal in watched {
            watch::withdraw(signal, &waker);
        }
        if !woken {
            return look();
        }
    }
}

/// Reads a list of signals and conditions.
///
/// # Safety
/// There are `count` of each.
unsafe fn wanted(
    signals: &[hsa_signal_t],
    conditions: *const hsa_signal_condition_t,
    values: *const hsa_signal_value_t,
) -> Result<Vec<Wanted>, hsa_status_t> {
    if conditions.is_null() || values.is_null() {
        return Err(null("conditions or values"));
    }
    let entry = |(index, handle): (usize, &hsa_signal_t)| {
        // SAFETY: by this function's contract.
        let (kind, value) = unsafe { (conditions.add(index).read_unaligned(), values.add(index).read_unaligned()) };
        let condition = Condition::new(kind, value)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no signal condition {kind}")))?;
        if handle.handle == 0 {
            return Ok(None);
        }
        let signal = Signal::know(*handle).ok_or_else(|| unknown(*handle))?;
        Ok(Some((signal, condition)))
    };
    signals.iter().enumerate().map(entry).collect()
}

/// Null handles are left out. A list without any signal is never satisfied, and is not waited for.
pub unsafe extern "C" fn hsa_amd_signal_wait_any(
    signal_count: u32,
    signals: *mut hsa_signal_t,
    conds: *mut hsa_signal_condition_t,
    values: *mut hsa_signal_value_t,
    timeout_hint: u64,
    _wait_hint: hsa_wait_state_t,
    satisfying_value: *mut hsa_signal_value_t,
) -> u32 {
    let wait = || {
        simulator()?;
        if signals.is_null() || signal_count == 0 {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no signals to wait for"));
        }
        // SAFETY: the caller gives `signal_count` of each.
        let wanted = unsafe {
            let handles: Vec<_> = (0..signal_count as usize).map(|index| signals.add(index).read_unaligned()).collect();
            wanted(&handles, conds, values)
        }?;
        if wanted.iter().flatten().next().is_none() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "all signals to wait for are null"));
        }
        // Timestamps count nanoseconds; the largest hint is for ever.
        let timeout = (timeout_hint != u64::MAX).then(|| Duration::from_nanos(timeout_hint));
        Ok(wait_any(&wanted, timeout.and_then(|timeout| Instant::now().checked_add(timeout))))
    };
    match wait() {
        Ok(Some((index, value))) => {
            if !satisfying_value.is_null() {
                // SAFETY: not null, and the caller gives room for a value.
                unsafe { satisfying_value.write_unaligned(value) };
            }
            index as u32
        }
        Ok(None) | Err(_) => NONE,
    }
}

/// The groups, by handle.
static GROUPS: LazyLock<Mutex<HashMap<u64, Arc<[hsa_signal_t]>>>> = LazyLock::new(Mutex::default);

pub unsafe extern "C" fn hsa_signal_group_create(
    num_signals: u32,
    signals: *const hsa_signal_t,
    num_consumers: u32,
    consumers: *const hsa_agent_t,
    signal_group: *mut hsa_signal_group_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        if num_signals == 0 || signals.is_null() || signal_group.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no signals, or no place for the group"));
        }
        if (num_consumers == 0) != consumers.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "the consumers' number and list do not agree"));
        }
        // SAFETY: the caller gives so many signals and agents.
        let handles: Vec<_> = unsafe {
            Agent::list(simulator, consumers, num_consumers as usize)?;
            (0..num_signals as usize).map(|index| signals.add(index).read_unaligned()).collect()
        };
        if let Some(handle) = handles.iter().find(|handle| Signal::find(**handle).is_none()) {
            return Err(unknown(*handle));
        }
        let handle = simulator.handle();
        lock(&GROUPS).insert(handle, handles.into());
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { put(signal_group, handle) }
    };
    status(create())
}

fn no_group(group: hsa_signal_group_t) -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_SIGNAL_GROUP, format!("no signal group has the handle {:#x}", group.handle))
}

/// The signals stay.
pub unsafe extern "C" fn hsa_signal_group_destroy(signal_group: hsa_signal_group_t) -> hsa_status_t {
    let destroy = || {
        simulator()?;
        lock(&GROUPS).remove(&signal_group.handle).map(drop).ok_or_else(|| no_group(signal_group))
    };
    status(destroy())
}

pub unsafe extern "C" fn hsa_signal_group_wait_any_scacquire(
    signal_group: hsa_signal_group_t,
    conditions: *const hsa_signal_condition_t,
    compare_values: *const hsa_signal_value_t,
    _wait_state_hint: hsa_wait_state_t,
    signal: *mut hsa_signal_t,
    value: *mut hsa_signal_value_t,
) -> hsa_status_t {
    let wait = || {
        simulator()?;
        let handles = lock(&GROUPS).get(&signal_group.handle).cloned().ok_or_else(|| no_group(signal_group))?;
        if signal.is_null() || value.is_null() {
            return Err(null("signal or value"));
        }
        // SAFETY: the caller gives a condition and a value for each signal of the group.
        let wanted = unsafe { wanted(&handles, conditions, compare_values) }?;
        let (index, found) = wait_any(&wanted, None)
            .ok_or_else(|| fail(HSA_STATUS_ERROR, "a wait without an end has ended with nothing"))?;
        // SAFETY: not null, and the caller gives room for both.
        unsafe {
            put(signal, handles[index])?;
            put(value, found)
        }
    };
    status(wait())
}

pub unsafe extern "C" fn hsa_signal_group_wait_any_relaxed(
    signal_group: hsa_signal_group_t,
    conditions: *const hsa_signal_condition_t,
    compare_values: *const hsa_signal_value_t,
    wait_state_hint: hsa_wait_state_t,
    signal: *mut hsa_signal_t,
    value: *mut hsa_signal_value_t,
) -> hsa_status_t {
    // SAFETY: the same contract.
    unsafe {
        hsa_signal_group_wait_any_scacquire(signal_group, conditions, compare_values, wait_state_hint, signal, value)
    }
}
