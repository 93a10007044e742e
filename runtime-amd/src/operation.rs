//! A piece of work on a GPU, from its submission to its outcome.
//!
//! ```text
//!   submitted --completion signal below 1--> done --settle, by whoever looks first--> outcome
//!                                              |  its queue stopped: the queue is closed first, so that nothing of it runs any more
//!                                              |  a kernel's fault record is read
//!                                              v
//!                       kernarg segments, executables and memory are free; the signal stays for those who wait for it
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use geobacter_runtime_core::{
    check::CheckFailure,
    driver::{Completion, Memory, WorkError, check_fault},
};

use crate::{
    error::Error,
    executable::Executable,
    graph::GraphRun,
    packet::Words,
    queue_pool::PooledQueue,
    segment::Segment,
    session::Session,
    signal::{Fate, WorkSignal},
};

/// How long a waiter for a copy sleeps at most.
const SLICE: Duration = Duration::from_millis(50);

/// A piece of work on a GPU.
pub(crate) struct Operation {
    session: Arc<Session>,
    signal: Arc<WorkSignal>,
    engine: Engine,
    /// The longest that a queue may make no progress.
    limit: Option<Duration>,
    in_flight: Mutex<InFlight>,
    outcome: OnceLock<Result<(), WorkError>>,
}

/// What does the work.
pub(crate) enum Engine {
    /// A queue.
    Queue(Arc<PooledQueue>),
    /// A copy engine.
    Copy,
}

/// What work holds until it has ended.
#[derive(Default)]
#[expect(dead_code, reason = "some of it is only held")]
pub(crate) struct InFlight {
    pub(crate) kernels: Kernels,
    /// What it waits for: their signals must not be used again before.
    pub(crate) after: Vec<Arc<dyn Completion>>,
    /// Signals that stand for work that has none of its own.
    pub(crate) stand_ins: Vec<Arc<WorkSignal>>,
    /// Memory that a copy engine uses.
    pub(crate) memory: Vec<Arc<dyn Memory>>,
}

/// Kernels in flight.
#[derive(Default)]
pub(crate) enum Kernels {
    /// None: a marker, or a copy.
    #[default]
    None,
    /// One.
    One(KernelRun),
    /// Those of a graph.
    Graph(GraphRun),
}

/// A kernel in flight.
#[derive(Debug)]
pub(crate) struct KernelRun {
    pub(crate) executable: Arc<Executable>,
    pub(crate) segment: Segment,
}

impl KernelRun {
    fn panic(&self) -> Result<(), WorkError> {
        check_fault(&self.segment.record(), &self.executable.code().code_object)
    }
}

impl Kernels {
    /// Whether one has panicked.
    fn panic(&self) -> Result<(), WorkError> {
        match self {
            Self::None => Ok(()),
            Self::One(kernel) => kernel.panic(),
            Self::Graph(run) => run.kernels().enumerate().try_for_each(|(index, kernel)| {
                kernel
                    .panic()
                    .map_err(|error| WorkError::Step { step: run.first_step() + index, error: Box::new(error) })
            }),
        }
    }
}

impl Operation {
    pub(crate) fn new(
        session: Arc<Session>,
        signal: Arc<WorkSignal>,
        engine: Engine,
        limit: Option<Duration>,
        in_flight: InFlight,
    ) -> Self {
        Self { session, signal, engine, limit, in_flight: Mutex::new(in_flight), outcome: OnceLock::new() }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn signal(&self) -> &Arc<WorkSignal> {
        &self.signal
    }

    /// Gives packets of a graph back to it, if it is still in flight.
    pub(crate) fn keep_packets(&self, packets: Vec<Words>) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Kernels::Graph(run) = &mut in_flight.kernels {
            run.keep_packets(packets);
        }
    }

    /// Whether it stands in this queue.
    pub(crate) fn is_in(&self, queue: &Arc<PooledQueue>) -> bool {
        matches!(&self.engine, Engine::Queue(own) if Arc::ptr_eq(own, queue))
    }

    /// The outcome of work whose signal is done.
    fn settle(&self) -> Result<(), WorkError> {
        // Under the lock, so that nobody sees the outcome before everything is closed, and nobody frees what is looked at here.
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.outcome.get_or_init(|| {
            let value = self.signal.signal().load();
            let queue = match &self.engine {
                Engine::Copy if value < 0 => {
                    return Err(WorkError::Device(format!("the device's copy engine failed (signal {value})")));
                }
                Engine::Copy => return Ok(()),
                Engine::Queue(queue) => queue,
            };
            let fate = match queue.fate(&self.signal) {
                Fate::Ran if value < 0 => {
                    // A device that reports failure in the signal and calls nobody back.
                    queue.stop_for_signal(value);
                    Fate::Stopped
                }
                fate => fate,
            };
            if fate == Fate::Ran {
                return in_flight.kernels.panic();
            }
            // From here on no kernel of this queue runs any more.
            let report = queue.close().clone();
            let Some(fault) = queue.fault() else { return Err(WorkError::Device("its queue was closed".into())) };
            if fate == Fate::Abandoned {
                let text = format!("it did not run, for the queue in which it stood has stopped: {fault}");
                return Err(WorkError::Device(text));
            }
            let error = Error::Stopped { fault, report: report.text };
            Err(stopped(in_flight.kernels.panic(), error, report.check))
        });
        let outcome = outcome.clone();
        let no_longer_held = std::mem::take(&mut *in_flight);
        drop(in_flight);
        drop(no_longer_held);
        outcome
    }
}

/// The error of a launch that stopped its queue, with the panic that another work-item may have left, and the rule that was broken.
fn stopped(panic: Result<(), WorkError>, error: Error, check: Option<CheckFailure>) -> WorkError {
    match (panic, check) {
        // An item that has panicked does not write what others read: the broken rule follows from that.
        (Err(panicked), Some(_)) => panicked,
        (Ok(()), Some(check)) => WorkError::Check(Box::new(check)),
        (Err(WorkError::Panicked(panic)), None) => WorkError::Device(format!(
            "{error}\nwork-item {:?} of work-group {:?} had panicked before: {}",
            panic.item, panic.group, panic.message
        )),
        (_, None) => WorkError::Device(error.to_string()),
    }
}

impl Completion for Operation {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        if let Some(outcome) = self.outcome.get() {
            return Some(outcome.clone());
        }
        self.signal.is_done().then(|| self.settle())
    }

    fn wait(&self) -> Result<(), WorkError> {
        if let Some(outcome) = self.poll() {
            return outcome;
        }
        // What it waits for is not its queue's fault, and has limits of its own.
        let after = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).after.clone();
        for earlier in after {
            // Whether it failed is for the layer above to consider.
            let _outcome = earlier.wait();
        }
        match &self.engine {
            Engine::Queue(queue) => {
                queue.wait(&self.signal, self.limit);
            }
            Engine::Copy => while self.signal.signal().wait_below(1, SLICE, false) >= 1 {},
        }
        self.settle()
    }

    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>) {
        let this = Arc::clone(&self);
        let hold_and_call: Box<dyn FnOnce() + Send> = Box::new(move || {
            // The signal must be there until the runtime has called.
            drop(this);
            then();
        });
        if let Err((error, then)) = self.signal.signal().when_done(hold_and_call) {
            tracing::debug!(%error, "the runtime does not call back; a thread waits instead");
            let waiter = thread::Builder::new().name("geobacter-wait".into()).spawn(move || {
                let _outcome = self.wait();
                then();
            });
            if let Err(error) = waiter {
                tracing::error!(%error, "nobody will be told that a piece of work is done");
            }
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // Whoever submits work keeps its operation until it has ended. Should somebody not, what the device uses must stay.
        if self.outcome.get().is_none() {
            let _outcome = self.wait();
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("outcome", &self.outcome.get()).finish_non_exhaustive()
    }
}
