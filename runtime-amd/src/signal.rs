//! Signals: the counters by which a device tells the host that it is done.

use std::{ptr, sync::Arc, time::Duration};

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

impl Drop for Signal {
    fn drop(&mut self) {
        // SAFETY: created by `hsa_signal_create`, destroyed once.
        if let Err(error) = unsafe { call!(self.session.api(), hsa_signal_destroy(self.handle)) } {
            tracing::warn!(%error, "a signal cannot be destroyed");
        }
    }
}
