//! Signals: the counters by which a device tells the host, and other queues, that it is done.

use std::{
    ffi::c_void,
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use hsa_rt_sys::{self as hsa, hsa_signal_t};

use crate::{
    error::{HsaError, call},
    session::Session,
};

/// A signal, destroyed when dropped. Nothing on a device may refer to it then.
#[derive(Debug)]
pub struct Signal {
    session: Arc<Session>,
    handle: hsa_signal_t,
}

impl Signal {
    /// A signal with this value.
    ///
    /// # Errors
    /// What the HSA runtime says.
    pub fn new(session: &Arc<Session>, value: i64) -> Result<Self, HsaError> {
        let mut handle = hsa_signal_t { handle: 0 };
        // SAFETY: no consumers are named, so their list may be null; the address to write to is valid.
        unsafe { call!(session.api(), hsa_signal_create(value, 0, ptr::null(), &mut handle))? };
        Ok(Self { session: session.clone(), handle })
    }

    /// The handle, for a packet.
    pub fn handle(&self) -> hsa_signal_t {
        self.handle
    }

    /// Sets the value; what was written before is visible to whoever observes it.
    pub fn store(&self, value: i64) {
        // SAFETY: the signal lives as long as the value.
        unsafe { (self.session.api().hsa_signal_store_screlease)(self.handle, value) }
    }

    /// The value; what was written before it was set is visible.
    pub fn load(&self) -> i64 {
        // SAFETY: the signal lives as long as the value.
        unsafe { (self.session.api().hsa_signal_load_scacquire)(self.handle) }
    }

    /// Counts it down.
    pub(crate) fn subtract(&self, count: i64) {
        // SAFETY: the signal lives as long as the value.
        unsafe { (self.session.api().hsa_signal_subtract_screlease)(self.handle, count) }
    }

    /// Sets the value to `new` if it is `old`; whether it was.
    fn replace(&self, old: i64, new: i64) -> bool {
        // SAFETY: the signal lives as long as the value.
        unsafe { (self.session.api().hsa_signal_cas_scacq_screl)(self.handle, old, new) == old }
    }

    /// Calls `then`, once, from a thread of the runtime's, when the value is below 1. The signal must live until then:
    /// `then` holds what sees to it.
    ///
    /// # Errors
    /// What the HSA runtime says, with the function, which is not called then.
    pub(crate) fn when_done(&self, then: Then) -> Result<(), (HsaError, Then)> {
        let data = Box::into_raw(Box::new(then));
        let api = self.session.api();
        // SAFETY: the handler has the type that the function asks for, and takes the data over.
        let registered = unsafe {
            call!(
                api,
                hsa_amd_signal_async_handler(
                    self.handle,
                    hsa::HSA_SIGNAL_CONDITION_LT,
                    1,
                    Some(on_done),
                    data.cast::<c_void>(),
                )
            )
        };
        // SAFETY: made above, and the runtime has not taken it.
        registered.map_err(|error| (error, *unsafe { Box::from_raw(data) }))
    }

    /// Waits until the value is below `bound` or the time is over, whichever comes first; it may also return early.
    /// Returns the value. `spin` keeps the processor busy for the quickest answer.
    pub fn wait_below(&self, bound: i64, at_most: Duration, spin: bool) -> i64 {
        let state = if spin { hsa::HSA_WAIT_STATE_ACTIVE } else { hsa::HSA_WAIT_STATE_BLOCKED };
        let api = self.session.api();
        let ticks = self.session.ticks(at_most);
        // SAFETY: the signal lives as long as the value.
        unsafe { (api.hsa_signal_wait_scacquire)(self.handle, hsa::HSA_SIGNAL_CONDITION_LT, bound, ticks, state) }
    }
}

/// What [`Signal::when_done`] calls.
pub(crate) type Then = Box<dyn FnOnce() + Send>;

/// The handler of [`Signal::when_done`]. `false`: it is not called again.
unsafe extern "C" fn on_done(_value: hsa::hsa_signal_value_t, data: *mut c_void) -> bool {
    // SAFETY: the data of the registration, and this is the only call.
    let then = unsafe { Box::from_raw(data.cast::<Then>()) };
    // A panic must not reach the runtime's code.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(then)).is_err() {
        tracing::error!("what was to happen after a piece of work has panicked; please report it");
    }
    false
}

impl Drop for Signal {
    fn drop(&mut self) {
        // SAFETY: created by `hsa_signal_create`, destroyed once.
        if let Err(error) = unsafe { call!(self.session.api(), hsa_signal_destroy(self.handle)) } {
            tracing::warn!(%error, "a signal cannot be destroyed");
        }
    }
}

/// How work ended whose queue was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its queue was not stopped before it had ended.
    Ran,
    /// It was the first in the queue.
    Stopped,
    /// It stood behind that one.
    Abandoned,
}

/// Signals for work in flight, to be used again.
pub(crate) struct SignalPool {
    session: Arc<Session>,
    free: Mutex<Vec<Completed>>,
}

/// A signal, and what a stop has left for whoever looks at it.
#[derive(Debug)]
struct Completed {
    signal: Signal,
    fate: AtomicU8,
}

/// The signal of one piece of work: above 0 while that is in flight. Goes back to its pool when nobody needs to know
/// any more; until then, packets of other queues may wait for it.
#[derive(Debug)]
pub(crate) struct WorkSignal {
    /// `None` only while it is dropped.
    completed: Option<Completed>,
    pool: Arc<SignalPool>,
}

impl SignalPool {
    pub(crate) fn new(session: &Arc<Session>) -> Arc<Self> {
        Arc::new(Self { session: session.clone(), free: Mutex::default() })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Completed>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A signal for work that counts it down `count` times.
    pub(crate) fn take(self: &Arc<Self>, count: i64) -> Result<Arc<WorkSignal>, HsaError> {
        let free = self.free().pop();
        let completed = match free {
            Some(completed) => {
                completed.fate.store(Fate::Ran as u8, Ordering::Relaxed);
                completed.signal.store(count);
                completed
            }
            None => Completed { signal: Signal::new(&self.session, count)?, fate: AtomicU8::new(Fate::Ran as u8) },
        };
        Ok(Arc::new(WorkSignal { completed: Some(completed), pool: Arc::clone(self) }))
    }
}

impl WorkSignal {
    fn completed(&self) -> &Completed {
        match &self.completed {
            Some(completed) => completed,
            None => unreachable!("it is taken out only when the value is dropped"),
        }
    }

    pub(crate) fn signal(&self) -> &Signal {
        &self.completed().signal
    }

    pub(crate) fn handle(&self) -> hsa_signal_t {
        self.signal().handle()
    }

    /// Whether the work has ended, in whatever way.
    pub(crate) fn is_done(&self) -> bool {
        self.signal().load() < 1
    }

    pub(crate) fn fate(&self) -> Fate {
        match self.completed().fate.load(Ordering::Relaxed) {
            fate if fate == Fate::Stopped as u8 => Fate::Stopped,
            fate if fate == Fate::Abandoned as u8 => Fate::Abandoned,
            _ => Fate::Ran,
        }
    }

    /// Ends the work, for its queue runs no more, if it has not ended by itself; whether it had not. The value becomes
    /// 0, so that packets of other queues that wait for it go on; they find out on the host.
    pub(crate) fn stop(&self, fate: Fate) -> bool {
        let stopped = self.signal().replace(1, 0);
        if stopped {
            self.completed().fate.store(fate as u8, Ordering::Relaxed);
        }
        stopped
    }
}

impl Drop for WorkSignal {
    fn drop(&mut self) {
        if let Some(completed) = self.completed.take() {
            self.pool.free().push(completed);
        }
    }
}

impl std::fmt::Debug for SignalPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalPool").finish_non_exhaustive()
    }
}
