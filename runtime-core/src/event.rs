//! Work in flight, as a program holds it.
//!
//! ```text
//!   in flight --the device is done--> done, not seen --poll or wait--> settled: Ok, or failed
//!                                                                       |  what it held (memory, earlier events) is freed
//!                                                                       v
//!                                       failed, not reported --wait, download, Stream::wait--> failed, reported
//! ```
//! Whoever looks first settles an event: a thread that waits, new work on the same stream, or new work on the same
//! buffer. Until then it keeps the memory that the work touches alive, so that events, streams and buffers can be
//! dropped, or forgotten, at any time.
//!
//! A failure is told at least once: to the first who waits for the event, for its stream, or for a buffer that the work
//! writes. Work that was submitted meanwhile and needs what the failed work writes fails with it. Once it has been
//! told, the buffer is as the failed work left it, and can be used.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::{
    allocation::Allocation,
    device::Error,
    driver::{Completion, Dispatch, WorkError, WorkTimes},
    lane::Lane,
    launch::LaunchError,
    trace,
};

/// Some work in flight: a launch, a copy, a call. Cloning gives another handle to the same.
///
/// It is a [`Future`], for any executor. Dropping it changes nothing: the work runs, and if it fails, the next one who
/// waits for its stream, or for what it should have written, hears of it.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    completion: Arc<dyn Completion>,
    what: What,
    /// Name of the device.
    device: Arc<str>,
    /// Number of the stream, unique in the process.
    stream: u64,
    enqueued: Instant,
    held: Mutex<Held>,
    outcome: OnceLock<Result<(), Failure>>,
    reported: AtomicBool,
    wakers: OnceLock<Arc<Mutex<Vec<Waker>>>>,
}

/// What an event holds until it is settled.
#[derive(Debug, Default)]
struct Held {
    #[expect(dead_code, reason = "it is only held")]
    memory: Vec<Arc<Allocation>>,
    writers: Vec<Event>,
}

/// When work was enqueued, began and ended, by the host's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// It was put into its stream.
    pub enqueued: Instant,
    /// It began.
    pub start: Instant,
    /// It ended.
    pub end: Instant,
}

impl Profile {
    /// How long it ran.
    pub fn duration(&self) -> Duration {
        self.end.saturating_duration_since(self.start)
    }

    /// How long it stood in its stream before.
    pub fn waited(&self) -> Duration {
        self.start.saturating_duration_since(self.enqueued)
    }
}

/// What runs, for messages.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A launch.
    Kernel(Dispatch),
    /// A copy, a fill, a call: in words.
    Other(&'static str),
    /// Several things, in this order.
    Graph(Arc<[What]>),
}

impl What {
    fn name(&self) -> String {
        match self {
            Self::Kernel(dispatch) => format!("kernel `{}`", dispatch.kernel.descriptor.name),
            Self::Other(what) => (*what).to_owned(),
            Self::Graph(steps) => format!("a graph of {} steps", steps.len()),
        }
    }
}

/// Why work did not succeed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// It failed itself.
    Own(WorkError),
    /// This failed, on which it depends.
    Dependency(Event),
}

impl Event {
    pub(crate) fn new(
        completion: Arc<dyn Completion>,
        what: What,
        device: Arc<str>,
        stream: u64,
        enqueued: Instant,
        memory: Vec<Arc<Allocation>>,
        writers: Vec<Event>,
    ) -> Self {
        Self(Arc::new(Inner {
            completion,
            what,
            device,
            stream,
            enqueued,
            held: Mutex::new(Held { memory, writers }),
            outcome: OnceLock::new(),
            reported: AtomicBool::new(false),
            wakers: OnceLock::new(),
        }))
    }

    /// Waits until the work is done.
    ///
    /// Blocks the thread. Returns the same each time it is called.
    ///
    /// # Errors
    /// [`Error::Launch`] if a kernel failed, [`Error::Transfer`] if a copy or call did, [`Error::Dependency`] if work
    /// failed whose results this one needs.
    pub fn wait(&self) -> Result<(), Error> {
        self.wait_unreported().map_err(|failure| self.report(failure))
    }

    /// Whether the work is done, successfully or not. Never blocks.
    pub fn is_done(&self) -> bool {
        self.settle().is_some()
    }

    /// When the work was enqueued, began and ended. `None` while it is in flight, for graphs of several parts, and on
    /// GPUs unless `GEOBACTER_PROFILE=1` or `GEOBACTER_TRACE` asks for time stamps: those cost the device some time.
    pub fn profile(&self) -> Option<Profile> {
        let WorkTimes { start, end } = self.0.completion.times()?;
        Some(Profile { enqueued: self.0.enqueued, start, end })
    }

    /// Calls `then` with the outcome once the work is done.
    ///
    /// It runs on a thread that all such calls of the process share, one after the other: it should be short, and must
    /// not wait for other work.
    pub fn on_done(&self, then: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let event = self.clone();
        self.when_done(move || then(event.wait()));
    }

    /// Runs a function on that thread once the work is done.
    pub(crate) fn when_done(&self, then: impl FnOnce() + Send + 'static) {
        // Not on the driver's thread: freeing memory there, or closing a queue, could make it wait for itself.
        self.notify(Box::new(move || callbacks().push(Box::new(then))));
    }

    fn notify(&self, then: Box<dyn FnOnce() + Send>) {
        Arc::clone(&self.0.completion).notify(then);
    }

    pub(crate) fn completion(&self) -> &Arc<dyn Completion> {
        &self.0.completion
    }

    pub(crate) fn stream(&self) -> u64 {
        self.0.stream
    }

    /// Waits, and tells nobody.
    pub(crate) fn wait_unreported(&self) -> Result<(), &Failure> {
        // Asked even if the outcome is known: who waits also waits for what the work has printed.
        let _outcome = self.0.completion.wait();
        self.settle().unwrap_or(Ok(()))
    }

    /// Its outcome, if it is done; then what it held is freed.
    pub(crate) fn settle(&self) -> Option<Result<(), &Failure>> {
        if self.0.outcome.get().is_none() {
            let _outcome = self.0.completion.poll()?;
            // What it depends on comes first, and what that depends on. Not by recursion: a chain is as long as what is
            // in flight.
            let mut path = vec![self.clone()];
            while let Some(event) = path.last() {
                match event.unsettled_writer() {
                    Some(writer) => path.push(writer),
                    None => {
                        event.settle_after_writers();
                        path.pop();
                    }
                }
            }
        }
        self.0.outcome.get().map(|outcome| outcome.as_ref().map(|&()| ()))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled_writer(&self) -> Option<Self> {
        self.held().writers.iter().find(|writer| writer.0.outcome.get().is_none()).cloned()
    }

    /// Finds the outcome of work that is done, whose writers have theirs.
    fn settle_after_writers(&self) {
        // Under the lock, so that of two threads only the one that sees the writers decides.
        let mut held = self.held();
        let is_first = self.0.outcome.get().is_none();
        self.0.outcome.get_or_init(|| {
            // Writers were to be done before the work began, so this does not wait. (And if it could, it would hand on
            // what was printed, which must not happen under a lock.)
            let outcome = self.0.completion.poll().unwrap_or_else(|| self.0.completion.wait());
            outcome.map_err(Failure::Own)?;
            let failed = |writer: &Self| match writer.0.outcome.get() {
                Some(Err(Failure::Dependency(root))) => Some(root.clone()),
                Some(Err(Failure::Own(_))) => Some(writer.clone()),
                _ => None,
            };
            held.writers.iter().find_map(failed).map_or(Ok(()), |root| Err(Failure::Dependency(root)))
        });
        let no_longer_held = std::mem::take(&mut *held);
        drop(held);
        if is_first && trace::is_on() {
            self.trace();
        }
        drop(no_longer_held);
    }

    fn trace(&self) {
        if let Some(Profile { enqueued, start, end }) = self.profile() {
            let Inner { what, device, stream, .. } = &*self.0;
            trace::write(&trace::Span { what: &what.name(), device, stream: *stream, enqueued, start, end });
        }
    }

    /// Whether somebody has been told of the failure.
    pub(crate) fn is_reported(&self) -> bool {
        self.0.reported.load(Ordering::Relaxed)
    }

    /// The failure as an error for the program, which has been told now.
    pub(crate) fn report(&self, failure: &Failure) -> Error {
        self.0.reported.store(true, Ordering::Relaxed);
        let device = self.0.device.to_string();
        match failure {
            Failure::Own(error) => self.own_error(error.clone()),
            Failure::Dependency(root) => {
                let Some(Err(cause)) = root.settle() else {
                    return Error::Dependency { device, what: self.0.what.name(), cause: None };
                };
                let cause = Some(Box::new(root.report(cause)));
                Error::Dependency { device, what: self.0.what.name(), cause }
            }
        }
    }

    fn own_error(&self, error: WorkError) -> Error {
        match &self.0.what {
            What::Kernel(dispatch) => LaunchError::of(dispatch, &self.0.device, error.into()).into(),
            What::Other(_) => Error::Transfer { device: self.0.device.to_string(), source: error.into() },
            What::Graph(steps) => match error {
                WorkError::Step { step, error } => {
                    let what = steps.get(step).cloned().unwrap_or(What::Other("a step of a graph"));
                    let step = Self::new(
                        Arc::clone(&self.0.completion),
                        what,
                        Arc::clone(&self.0.device),
                        self.0.stream,
                        self.0.enqueued,
                        Vec::new(),
                        Vec::new(),
                    );
                    let error = step.own_error(*error);
                    step.0.reported.store(true, Ordering::Relaxed);
                    error
                }
                error => Error::Transfer { device: self.0.device.to_string(), source: error.into() },
            },
        }
    }
}

/// Where [`Event::on_done`]'s functions run.
fn callbacks() -> &'static Lane {
    static CALLBACKS: LazyLock<Lane> = LazyLock::new(|| Lane::new("geobacter-callbacks", usize::MAX));
    &CALLBACKS
}

impl Future for Event {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_done() {
            return Poll::Ready(self.wait());
        }
        let wakers = self.0.wakers.get_or_init(|| {
            let wakers = Arc::new(Mutex::new(Vec::new()));
            let to_wake = Arc::clone(&wakers);
            self.notify(Box::new(move || {
                let wakers = std::mem::take(&mut *to_wake.lock().unwrap_or_else(PoisonError::into_inner));
                wakers.into_iter().for_each(Waker::wake);
            }));
            wakers
        });
        {
            let mut wakers = wakers.lock().unwrap_or_else(PoisonError::into_inner);
            if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
        }
        // It may have ended before the waker was there to be seen.
        if self.is_done() { Poll::Ready(self.wait()) } else { Poll::Pending }
    }
}

impl PartialEq for Event {
    /// Whether both are handles to the same work.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("what", &self.0.what.name())
            .field("device", &self.0.device)
            .field("outcome", &self.0.outcome.get())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A chain of events that nobody has looked at is taken apart piece by piece, for the stack's sake.
        let mut writers = std::mem::take(&mut self.held.get_mut().unwrap_or_else(PoisonError::into_inner).writers);
        while let Some(writer) = writers.pop() {
            if let Some(mut inner) = Arc::into_inner(writer.0) {
                let held = inner.held.get_mut().unwrap_or_else(PoisonError::into_inner);
                writers.append(&mut held.writers);
            }
        }
        if let Some(Err(Failure::Own(error))) = self.outcome.get()
            && !*self.reported.get_mut()
        {
            tracing::warn!(what = self.what.name(), device = &*self.device, %error, "work failed, and nobody asked how it went");
        }
    }
}
