//! Signals: 64-bit values that threads wait for.
//!
//! A handle is the address of an `amd_signal_t`, as on hardware, so that device code and debuggers find the value where
//! they expect it. Live signals are registered; a handle that is not registered is refused, and a signal that is
//! destroyed wakes who waits for it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use hsa_rt_sys::*;

use super::{
    out::null,
    state::{fail, lock, simulator, status},
};

/// `amd_signal_kind_t`: a signal whose value is in memory.
const AMD_SIGNAL_KIND_USER: i64 = 1;
/// How often a waiter looks at the value unasked: kernels may store to it without waking anybody.
const LOOK: Duration = Duration::from_millis(10);

#[repr(C, align(64))]
#[derive(Debug)]
struct Block {
    kind: i64,
    value: AtomicI64,
    rest: [u64; 6],
}

/// A signal.
#[derive(Debug)]
pub struct Signal {
    block: Box<Block>,
    highest: AtomicI64,
    destroyed: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

static SIGNALS: RwLock<Option<HashMap<u64, Arc<Signal>>>> = RwLock::new(None);

impl Signal {
    /// Makes and registers a signal.
    pub fn create(value: i64) -> Arc<Self> {
        let block = Box::new(Block { kind: AMD_SIGNAL_KIND_USER, value: AtomicI64::new(value), rest: [0; 6] });
        let signal = Arc::new(Self {
            block,
            highest: AtomicI64::new(value),
            destroyed: AtomicBool::new(false),
            lock: Mutex::new(()),
            changed: Condvar::new(),
        });
        let mut signals = SIGNALS.write().unwrap_or_else(PoisonError::into_inner);
        signals.get_or_insert_default().insert(signal.handle().handle, Arc::clone(&signal));
        signal
    }

    /// The live signal of a handle.
    pub fn find(handle: hsa_signal_t) -> Option<Arc<Self>> {
        let signals = SIGNALS.read().unwrap_or_else(PoisonError::into_inner);
        signals.as_ref().and_then(|signals| signals.get(&handle.handle).cloned())
    }

    /// Takes the handle back, and wakes who waits. False if it was not live.
    pub fn destroy(handle: hsa_signal_t) -> bool {
        let mut signals = SIGNALS.write().unwrap_or_else(PoisonError::into_inner);
        let Some(signal) = signals.as_mut().and_then(|signals| signals.remove(&handle.handle)) else { return false };
        signal.destroyed.store(true, Ordering::Release);
        signal.wake();
        true
    }

    /// Its handle.
    pub fn handle(&self) -> hsa_signal_t {
        hsa_signal_t { handle: std::ptr::from_ref::<Block>(&self.block) as u64 }
    }

    /// Has waiters look again.
    pub fn wake(&self) {
        // Taking the lock makes sure that no waiter is between its look and its sleep.
        drop(lock(&self.lock));
        self.changed.notify_all();
    }

    /// Its value.
    pub fn load(&self) -> i64 {
        self.block.value.load(Ordering::SeqCst)
    }

    /// Sets its value.
    pub fn store(&self, value: i64) {
        self.block.value.store(value, Ordering::SeqCst);
        self.highest.fetch_max(value, Ordering::SeqCst);
        self.wake();
    }

    /// The highest value that was ever stored: a doorbell's, which several producers ring in any order.
    pub fn highest(&self) -> i64 {
        self.highest.load(Ordering::SeqCst)
    }

    /// Takes 1 from its value.
    pub fn decrement(&self) {
        self.block.value.fetch_sub(1, Ordering::SeqCst);
        self.wake();
    }

    /// Waits until the value is as asked for, the time is over, or the signal is destroyed; gives the value.
    pub fn wait(&self, done: impl Fn(i64) -> bool, timeout: Option<Duration>) -> i64 {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut guard = lock(&self.lock);
        loop {
            let value = self.load();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if done(value) || left.is_some_and(|left| left.is_zero()) || self.destroyed.load(Ordering::Acquire) {
                return value;
            }
            let pause = left.map_or(LOOK, |left| left.min(LOOK));
            guard = self.changed.wait_timeout(guard, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

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
            super::agent::Agent::find(simulator, agent)
                .map_err(|_| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "a consumer is no agent"))?;
        }
        // SAFETY: not null, and the caller gives room for a handle.
        unsafe { signal.write(Signal::create(initial_value).handle()) };
        Ok(())
    };
    status(create())
}

pub unsafe extern "C" fn hsa_signal_destroy(signal: hsa_signal_t) -> hsa_status_t {
    let destroy = || {
        simulator()?;
        if signal.handle == 0 {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "the signal is null"));
        }
        if Signal::destroy(signal) { Ok(()) } else { Err(unknown(signal)) }
    };
    status(destroy())
}

fn unknown(signal: hsa_signal_t) -> hsa_status_t {
    tracing::error!(handle = signal.handle, "no live signal has this handle");
    fail(HSA_STATUS_ERROR_INVALID_SIGNAL, format!("no live signal has the handle {:#x}", signal.handle))
}

pub unsafe extern "C" fn hsa_signal_load_scacquire(signal: hsa_signal_t) -> hsa_signal_value_t {
    match Signal::find(signal) {
        Some(signal) => signal.load(),
        None => {
            unknown(signal);
            0
        }
    }
}

pub unsafe extern "C" fn hsa_signal_store_screlease(signal: hsa_signal_t, value: hsa_signal_value_t) {
    match Signal::find(signal) {
        Some(signal) => signal.store(value),
        None => {
            unknown(signal);
        }
    }
}

pub unsafe extern "C" fn hsa_signal_store_relaxed(signal: hsa_signal_t, value: hsa_signal_value_t) {
    // SAFETY: the same contract.
    unsafe { hsa_signal_store_screlease(signal, value) }
}

pub unsafe extern "C" fn hsa_signal_wait_scacquire(
    signal: hsa_signal_t,
    condition: hsa_signal_condition_t,
    compare_value: hsa_signal_value_t,
    timeout_hint: u64,
    _wait_state_hint: hsa_wait_state_t,
) -> hsa_signal_value_t {
    let Some(signal) = Signal::find(signal) else {
        unknown(signal);
        return 0;
    };
    let done = |value: i64| match condition {
        HSA_SIGNAL_CONDITION_EQ => value == compare_value,
        HSA_SIGNAL_CONDITION_NE => value != compare_value,
        HSA_SIGNAL_CONDITION_LT => value < compare_value,
        HSA_SIGNAL_CONDITION_GTE => value >= compare_value,
        // No such condition: there is nothing to wait for.
        _ => true,
    };
    // Timestamps count nanoseconds; the largest hint is for ever.
    let timeout = (timeout_hint != u64::MAX).then(|| Duration::from_nanos(timeout_hint));
    signal.wait(done, timeout)
}
