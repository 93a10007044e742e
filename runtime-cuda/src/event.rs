//! Events: marks in a stream that the host, and other streams, can wait for.

use std::{
    fmt, ptr,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_cuda_driver::{
    CudaApi,
    sys::{CUevent, CUevent_flags, CUresult, CUstream},
};

use crate::{
    context::Context,
    error::{Error, call, check},
};

/// Events of one context, to be used again.
pub(crate) struct EventPool {
    context: Arc<Context>,
    free: Mutex<Vec<Handle>>,
    /// Whether they note the time.
    timed: bool,
}

struct Handle(CUevent);

// SAFETY: the driver's functions for events may be called from any thread.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// An event; it goes back to its pool when dropped. Streams that wait for it by then still do: the driver notes what an event
/// stands for when it is told to wait.
pub(crate) struct Event {
    handle: Handle,
    pool: Arc<EventPool>,
}

impl EventPool {
    /// A pool of events of this context; `timed`: of such that note the time, which costs the device some.
    pub(crate) fn new(context: &Arc<Context>, timed: bool) -> Arc<Self> {
        Arc::new(Self { context: Arc::clone(context), free: Mutex::default(), timed })
    }

    /// An event that stands for nothing yet.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Event, Error> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let handle = match free {
            Some(handle) => handle,
            None => {
                let api = self.context.enter()?;
                // Who waits sleeps.
                let mut flags = CUevent_flags::CU_EVENT_BLOCKING_SYNC as u32;
                if !self.timed {
                    flags |= CUevent_flags::CU_EVENT_DISABLE_TIMING as u32;
                }
                let mut handle = ptr::null_mut();
                // SAFETY: the context is current, and the address to write to is valid.
                self.context.check(unsafe { call!(api, cuEventCreate(&mut handle, flags)) })?;
                Handle(handle)
            }
        };
        Ok(Event { handle, pool: Arc::clone(self) })
    }
}

impl Event {
    fn context(&self) -> &Context {
        &self.pool.context
    }

    /// The handle, for streams that wait for it.
    pub(crate) fn handle(&self) -> CUevent {
        self.handle.0
    }

    /// From now on it stands for what is in this stream of the same context.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn record(&self, stream: CUstream) -> Result<(), Error> {
        let api = self.context().enter()?;
        // SAFETY: event and stream live, and are of the context that is current.
        self.context().check(unsafe { call!(api, cuEventRecord(self.handle.0, stream)) })
    }

    /// Whether what it stands for is done.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub(crate) fn is_done(&self) -> Result<bool, Error> {
        let context = self.context();
        context.ended(context.enter().and_then(|api| {
            // SAFETY: the event lives.
            let result = unsafe { (api.cuEventQuery)(self.handle.0) };
            if result == CUresult::CUDA_ERROR_NOT_READY {
                return Ok(false);
            }
            context.check(check(api, "cuEventQuery", result)).map(|()| true)
        }))
    }

    /// Sleeps until what it stands for is done.
    ///
    /// # Errors
    /// As [`is_done`](Self::is_done).
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let context = self.context();
        // SAFETY: the event lives.
        let wait = |api: &CudaApi| context.check(unsafe { call!(api, cuEventSynchronize(self.handle.0)) });
        context.ended(context.enter().and_then(wait))
    }

    /// Milliseconds from what an earlier event stands for to this one. Both are done, and note the time.
    pub(crate) fn since(&self, earlier: &Self) -> Option<f32> {
        let api = self.context().enter().ok()?;
        let mut milliseconds = 0.0;
        // SAFETY: both events live, and the address to write to is valid.
        unsafe { call!(api, cuEventElapsedTime(&mut milliseconds, earlier.handle.0, self.handle.0)) }.ok()?;
        Some(milliseconds)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let handle = Handle(self.handle.0);
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }
}

impl Drop for EventPool {
    fn drop(&mut self) {
        let free = std::mem::take(self.free.get_mut().unwrap_or_else(PoisonError::into_inner));
        // Those of a lost context are gone.
        let Ok(api) = self.context.enter() else { return };
        for handle in free {
            // SAFETY: created by `cuEventCreate`, destroyed once.
            if let Err(error) = unsafe { call!(api, cuEventDestroy_v2(handle.0)) } {
                tracing::warn!(%error, "an event cannot be destroyed");
            }
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&self.handle.0).finish()
    }
}

impl fmt::Debug for EventPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPool").field("timed", &self.timed).finish_non_exhaustive()
    }
}
