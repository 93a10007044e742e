//! The driver's streams: work in order, beside that of other streams.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt, ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use geobacter_cuda_driver::{
    CudaApi,
    sys::{CUstream, CUstream_flags},
};
use geobacter_runtime_core::driver::Priority;

use crate::{
    context::Context,
    error::{Error, call},
    operation::{Operation, Outcome},
};

/// A stream of one context, destroyed when dropped; what is in flight in it runs to its end.
pub(crate) struct CudaStream {
    context: Arc<Context>,
    handle: CUstream,
    /// Unique in the process.
    id: u64,
    /// Operations submitted so far.
    submitted: AtomicU64,
    in_flight: Mutex<VecDeque<InFlight>>,
}

/// Work in flight, for the day on which its context is lost.
struct InFlight {
    /// Its outcome, once somebody has seen its end.
    outcome: Arc<Outcome>,
    kernels: KernelNames,
}

/// The names of the kernels of one operation.
#[derive(Clone, Debug)]
pub(crate) enum KernelNames {
    None,
    One(Cow<'static, str>),
    /// Those of a graph.
    Several(Arc<[Cow<'static, str>]>),
}

// SAFETY: the handle may be used from any thread.
unsafe impl Send for CudaStream {}
// SAFETY: as above; what changes is behind locks.
unsafe impl Sync for CudaStream {}

impl CudaStream {
    /// A stream that waits for no other one by itself.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(context: &Arc<Context>, priority: Priority) -> Result<Arc<Self>, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let api = context.enter()?;
        // The least has the greatest number: 0, and the others are below.
        let (mut least, mut greatest) = (0, 0);
        // SAFETY: the context is current, and the addresses to write to are valid.
        context.check(unsafe { call!(api, cuCtxGetStreamPriorityRange(&mut least, &mut greatest)) })?;
        let number = match priority {
            Priority::Low => least,
            Priority::High => greatest,
            _ => i32::midpoint(least, greatest),
        };
        let flags = CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        let mut handle = ptr::null_mut();
        // SAFETY: as above.
        context.check(unsafe { call!(api, cuStreamCreateWithPriority(&mut handle, flags, number)) })?;
        let stream = Arc::new(Self {
            context: Arc::clone(context),
            handle,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            submitted: AtomicU64::new(0),
            in_flight: Mutex::default(),
        });
        context.add_stream(&stream);
        Ok(stream)
    }

    pub(crate) fn handle(&self) -> CUstream {
        self.handle
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The number of the next operation in this stream.
    pub(crate) fn next_number(&self) -> u64 {
        self.submitted.fetch_add(1, Ordering::Relaxed)
    }

    /// Has what comes later in this stream wait for the operation, of whatever stream and context of the same driver.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn wait_for(&self, earlier: &Operation) -> Result<(), Error> {
        let api = self.context.enter()?;
        // SAFETY: stream and event live; the flags must be 0.
        self.context.check(unsafe { call!(api, cuStreamWaitEvent(self.handle, earlier.event().handle(), 0)) })
    }

    /// Waits until nothing is in flight.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub(crate) fn synchronize(&self) -> Result<(), Error> {
        // SAFETY: the stream lives.
        let wait = |api: &CudaApi| self.context.check(unsafe { call!(api, cuStreamSynchronize(self.handle)) });
        self.context.ended(self.context.enter().and_then(wait))
    }

    fn in_flight(&self) -> MutexGuard<'_, VecDeque<InFlight>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an operation was submitted, with these kernels.
    pub(crate) fn note(&self, outcome: &Arc<Outcome>, kernels: KernelNames) {
        let mut in_flight = self.in_flight();
        while in_flight.front().is_some_and(|earlier| !earlier.is_open()) {
            in_flight.pop_front();
        }
        in_flight.push_back(InFlight { outcome: Arc::clone(outcome), kernels });
    }

    /// The names of the kernels whose end nobody has seen.
    pub(crate) fn kernels_in_flight(&self) -> Vec<String> {
        let in_flight = self.in_flight();
        let open = in_flight.iter().filter(|operation| operation.is_open());
        open.flat_map(|operation| operation.kernels.all().iter().map(|name| name.clone().into_owned())).collect()
    }
}

impl InFlight {
    fn is_open(&self) -> bool {
        self.outcome.get().is_none()
    }
}

impl KernelNames {
    fn all(&self) -> &[Cow<'static, str>] {
        match self {
            Self::None => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl Drop for CudaStream {
    fn drop(&mut self) {
        // That of a lost context is gone.
        let Ok(api) = self.context.enter() else { return };
        // SAFETY: created by `cuStreamCreateWithPriority`, destroyed once.
        if let Err(error) = unsafe { call!(api, cuStreamDestroy_v2(self.handle)) } {
            tracing::warn!(%error, "a stream cannot be destroyed");
        }
    }
}

impl fmt::Debug for CudaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CudaStream").field("id", &self.id).field("context", &self.context).finish_non_exhaustive()
    }
}
