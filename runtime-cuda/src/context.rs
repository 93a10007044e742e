//! The primary context of one card, from its begin to its end or its loss.
//!
//! A kernel that faults takes the whole context with it: every call in it fails from then on, and what was allocated in it is
//! gone. So everything that came out of a context holds it, asks it before it calls the driver, and tells it what the driver
//! says. The first who hears that the context is lost writes down why ([`Loss`]); whatever is in flight ends with that, and
//! whoever comes later gets it as an error.
//!
//! ```text
//!   Context --a result that loses it--> lost: Loss --everything pinned is dropped, reset--> another Context
//! ```
//! Nothing of a lost context is given back to the driver: the reset has freed it, and its addresses may be another's by then.

use std::{
    fmt, ptr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use geobacter_cuda_driver::{
    CudaApi,
    sys::{CUcontext, CUlimit},
};

use crate::{
    card::Card,
    cuda_stream::CudaStream,
    error::{CudaError, Error, call},
    session::Session,
};

/// Why a context was lost.
#[derive(Debug)]
pub struct Loss {
    device: Arc<str>,
    /// What the driver said first.
    cause: CudaError,
    /// Names of the kernels that were in flight.
    kernels: Vec<String>,
    /// What the implementation knows beyond that; empty if nothing.
    report: String,
    /// Why the device could not be opened again, if that was tried.
    hindrance: Mutex<Option<String>>,
}

impl Loss {
    /// What the driver said.
    pub fn cause(&self) -> &CudaError {
        &self.cause
    }

    /// The kernels that were in flight, one of which is to blame.
    pub fn kernels(&self) -> &[String] {
        &self.kernels
    }

    /// The same for work that was in flight itself.
    pub(crate) fn of_work(&self) -> String {
        let report = if self.report.is_empty() { String::new() } else { format!("\n{}", self.report.trim_end()) };
        format!("it did not end: {}; {self}{report}", self.cause.text)
    }

    /// The device could not be opened again, for this reason.
    pub(crate) fn hinder(&self, reason: String) {
        *self.hindrance.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }
}

/// What to say to who comes later.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = || self.kernels.iter().map(|kernel| format!("`{kernel}`")).collect::<Vec<_>>().join(", ");
        write!(f, "the context of {} was lost ", self.device)?;
        match self.kernels.len() {
            0 => write!(f, "with no kernel in flight")?,
            1 => write!(f, "by kernel {}", names())?,
            _ => write!(f, "by one of the kernels {}", names())?,
        }
        write!(f, " ({}); ", self.cause.text)?;
        match &*self.hindrance.lock().unwrap_or_else(PoisonError::into_inner) {
            None => write!(f, "open the device again"),
            Some(reason) => f.write_str(reason),
        }
    }
}

/// The primary context of one card.
pub(crate) struct Context {
    card: Card,
    handle: CUcontext,
    /// The device's name, for messages.
    id: Arc<str>,
    loss: OnceLock<Arc<Loss>>,
    /// Streams, with what is in flight in them.
    streams: Mutex<Vec<Weak<CudaStream>>>,
    /// Bytes that the host reaches by address, and that a reset would take from under it.
    host_visible: AtomicU64,
    /// The stack of each work-item that the context was last told to have.
    stack: Mutex<usize>,
}

// SAFETY: the handle may be used from any thread: it is made current on the one that uses it.
unsafe impl Send for Context {}
// SAFETY: as above; what changes is behind locks.
unsafe impl Sync for Context {}

impl Context {
    /// Retains the card's primary context.
    pub(crate) fn open(card: &Card, id: Arc<str>) -> Result<Arc<Self>, CudaError> {
        let mut handle = ptr::null_mut();
        // SAFETY: the address to write to is valid.
        unsafe { call!(card.session().api(), cuDevicePrimaryCtxRetain(&mut handle, card.device()))? };
        Ok(Arc::new(Self {
            card: card.clone(),
            handle,
            id,
            loss: OnceLock::new(),
            streams: Mutex::default(),
            host_visible: AtomicU64::new(0),
            stack: Mutex::default(),
        }))
    }

    /// A new context in place of this one, which is lost.
    ///
    /// # Errors
    /// [`Error::StillHeld`] while the host holds memory that a reset would free; [`Error::NotRecovered`] if the driver does not
    /// give a context that works.
    pub(crate) fn replace(&self) -> Result<Arc<Self>, Error> {
        let bytes = self.host_visible.load(Ordering::Acquire);
        if bytes > 0 {
            return Err(Error::StillHeld { device: Arc::clone(&self.id), bytes });
        }
        let not_recovered =
            |source: CudaError| Error::NotRecovered { device: Arc::clone(&self.id), source: Box::new(source) };
        // SAFETY: the context is lost, so nothing of it runs, and nobody uses what was made in it: everything asks `loss` first,
        // and memory that the host could touch is gone, as was just seen.
        unsafe { call!(self.api(), cuDevicePrimaryCtxReset_v2(self.card.device())) }.map_err(not_recovered)?;
        let new = Self::open(&self.card, Arc::clone(&self.id)).map_err(not_recovered)?;
        // Some losses are the process's: then the new context is of no use, either.
        let probe = new.make_current().and_then(|()| {
            // SAFETY: the context is current.
            unsafe { call!(self.api(), cuCtxSynchronize()) }
        });
        match probe {
            Ok(()) => Ok(new),
            Err(error) => {
                // Nothing is to be given back to it.
                new.lose(&error);
                Err(not_recovered(error))
            }
        }
    }

    pub(crate) fn card(&self) -> &Card {
        &self.card
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        self.card.session()
    }

    pub(crate) fn api(&self) -> &CudaApi {
        self.card.session().api()
    }

    pub(crate) fn handle(&self) -> CUcontext {
        self.handle
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Why it was lost; `None` if it was not.
    pub(crate) fn loss(&self) -> Option<&Arc<Loss>> {
        self.loss.get()
    }

    /// Makes it the current context of the calling thread, as every function that works in a context asks for. Nobody makes the
    /// thread's earlier context current again: the driver's users set theirs before they call it.
    ///
    /// # Errors
    /// [`Error::Lost`], or what the driver says.
    pub(crate) fn enter(&self) -> Result<&CudaApi, Error> {
        match self.loss() {
            Some(loss) => Err(Error::Lost(Arc::clone(loss))),
            None => {
                self.check(self.make_current())?;
                Ok(self.api())
            }
        }
    }

    pub(crate) fn make_current(&self) -> Result<(), CudaError> {
        let mut current = ptr::null_mut();
        // SAFETY: the address to write to is valid.
        unsafe { call!(self.api(), cuCtxGetCurrent(&mut current))? };
        if current == self.handle {
            return Ok(());
        }
        // SAFETY: the handle is that of a context that this value has retained.
        unsafe { call!(self.api(), cuCtxSetCurrent(self.handle)) }
    }

    /// What the driver has answered: if that loses the context, it is lost from now on.
    pub(crate) fn check<T>(&self, answer: Result<T, CudaError>) -> Result<T, Error> {
        answer.map_err(|error| match (self.loss(), error.loses_context()) {
            (Some(loss), _) => Error::Lost(Arc::clone(loss)),
            (None, true) => Error::Lost(Arc::clone(self.lose(&error))),
            (None, false) => {
                let more = self.session().explain().and_then(|explain| explain.last_error());
                let text = more.map_or_else(|| error.text.clone(), |more| format!("{}: {more}", error.text));
                Error::Cuda(CudaError { text, ..error })
            }
        })
    }

    /// What the driver has answered to the question whether work has ended. If it does not say, nobody knows: nothing that the work
    /// uses may be touched any more, and the context is lost, whatever the answer is.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub(crate) fn ended<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        answer.map_err(|error| match error {
            Error::Cuda(error) => Error::Lost(Arc::clone(self.lose(&error))),
            error => error,
        })
    }

    /// The context is lost, for this reason, if it is not already.
    pub(crate) fn lose(&self, cause: &CudaError) -> &Arc<Loss> {
        self.loss.get_or_init(|| {
            let streams: Vec<_> = self.streams().iter().filter_map(Weak::upgrade).collect();
            let mut kernels: Vec<_> = streams.iter().flat_map(|stream| stream.kernels_in_flight()).collect();
            kernels.sort_unstable();
            kernels.dedup();
            let report = self.session().explain().and_then(|explain| explain.device_fault(self.card.device()));
            Arc::new(Loss {
                device: Arc::clone(&self.id),
                cause: cause.clone(),
                kernels,
                report: report.unwrap_or_default(),
                hindrance: Mutex::default(),
            })
        })
    }

    fn streams(&self) -> MutexGuard<'_, Vec<Weak<CudaStream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work may be in flight in this stream.
    pub(crate) fn add_stream(&self, stream: &Arc<CudaStream>) {
        let mut streams = self.streams();
        streams.retain(|other| other.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    /// The host reaches so many bytes more by address.
    pub(crate) fn lend_to_host(&self, bytes: u64) {
        self.host_visible.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It does not any more.
    pub(crate) fn take_from_host(&self, bytes: u64) {
        self.host_visible.fetch_sub(bytes, Ordering::Release);
    }

    /// Has every work-item have a stack of at least so many bytes.
    ///
    /// # Errors
    /// What the driver says: it reserves such a stack for all work-items that the device can run at once.
    pub(crate) fn grow_stack(&self, bytes: usize) -> Result<(), Error> {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        if *stack >= bytes {
            return Ok(());
        }
        let api = self.enter()?;
        // SAFETY: the context is current.
        self.check(unsafe { call!(api, cuCtxSetLimit(CUlimit::CU_LIMIT_STACK_SIZE.into(), bytes)) })?;
        *stack = bytes;
        Ok(())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.loss().is_some() {
            return;
        }
        // SAFETY: retained once by this value, and everything that came out of it is gone.
        if let Err(error) = unsafe { call!(self.api(), cuDevicePrimaryCtxRelease_v2(self.card.device())) } {
            tracing::warn!(%error, "a context cannot be released");
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("id", &self.id).field("loss", &self.loss()).finish_non_exhaustive()
    }
}
