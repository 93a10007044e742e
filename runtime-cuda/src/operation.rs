//! A piece of work on a card, from its submission to its outcome.
//!
//! ```text
//!   submitted --its event is done, or the context is lost--> done --settle, by whoever looks first--> outcome
//!                                              |  a kernel's fault record is read, and what it has printed
//!                                              v
//!                       slots, executables and memory are free; the event stays for those who wait for it
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use geobacter_runtime_core::{
    driver::{Completion, Dispatch, Memory, WorkError, WorkTimes, check_fault},
    image::HasConstants,
    output::pool::{OutputPool, OutputUse},
};

use crate::{
    clock::Timer,
    context::{Context, Loss},
    cuda_stream::{CudaStream, KernelNames},
    error::Error,
    event::Event,
    executable::Executable,
    graph::GraphRun,
    pinned::Pinned,
    pools::Pools,
    slot::Slot,
};

/// How long a waiter keeps the processor busy before it sleeps.
const SPIN: Duration = Duration::from_micros(20);

/// How work ended; nothing while nobody has seen it.
pub(crate) type Outcome = OnceLock<Result<(), WorkError>>;

/// A piece of work on a card.
pub(crate) struct Operation {
    pools: Arc<Pools>,
    stream: Arc<CudaStream>,
    /// Its place in the stream.
    number: u64,
    event: Event,
    /// `None` where nobody asks for time stamps.
    timer: Option<Timer>,
    /// Where what it prints goes, if it does.
    outputs: Option<Arc<OutputPool<Pinned>>>,
    in_flight: Mutex<InFlight>,
    outcome: Arc<Outcome>,
    times: OnceLock<WorkTimes>,
}

/// What work holds until it has ended.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "some of it is only held")]
pub(crate) struct InFlight {
    pub(crate) kernels: Kernels,
    /// Memory that is copied or filled.
    pub(crate) memory: Vec<Arc<dyn Memory>>,
    /// What a fill repeats.
    pub(crate) pattern: Option<Pinned>,
}

/// Kernels in flight.
#[derive(Debug, Default)]
pub(crate) enum Kernels {
    /// None: a marker, a copy, a fill.
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
    /// Where it writes that it has panicked, if it can.
    pub(crate) slot: Option<Slot>,
    /// Where it prints, if it does.
    pub(crate) output: Option<OutputUse<Pinned>>,
    /// What the program asked for; `None` for PTX from elsewhere.
    pub(crate) dispatch: Option<Dispatch>,
    /// Its number in the graph that it is of.
    pub(crate) step: Option<usize>,
}

impl KernelRun {
    fn panic(&self) -> Result<(), WorkError> {
        let Some(slot) = &self.slot else { return Ok(()) };
        check_fault(&slot.record(), self.executable.constants()).map_err(|error| match self.step {
            Some(step) => WorkError::Step { step, error: Box::new(error) },
            None => error,
        })
    }

    fn name(&self) -> &str {
        match &self.dispatch {
            Some(dispatch) => dispatch.kernel.descriptor.name,
            None => &self.executable.code().resources.symbol,
        }
    }
}

impl Kernels {
    fn runs(&self) -> &[KernelRun] {
        match self {
            Self::None => &[],
            Self::One(kernel) => std::slice::from_ref(kernel),
            Self::Graph(run) => run.kernels(),
        }
    }

    fn runs_mut(&mut self) -> &mut [KernelRun] {
        match self {
            Self::None => &mut [],
            Self::One(kernel) => std::slice::from_mut(kernel),
            Self::Graph(run) => run.kernels_mut(),
        }
    }

    /// Their names.
    pub(crate) fn names(&self) -> KernelNames {
        match self {
            Self::None => KernelNames::None,
            Self::One(KernelRun { dispatch: Some(dispatch), .. }) => {
                KernelNames::One(dispatch.kernel.descriptor.name.into())
            }
            Self::One(run) => KernelNames::One(run.name().to_owned().into()),
            Self::Graph(run) => KernelNames::Several(Arc::clone(run.names())),
        }
    }

    /// Whether one has panicked.
    fn panic(&self) -> Result<(), WorkError> {
        self.runs().iter().try_for_each(KernelRun::panic)
    }

    /// What they have printed is to be handed on. They have ended.
    fn collect_output(&mut self) {
        for run in self.runs_mut() {
            if let Some(mut output) = run.output.take() {
                output.collect(run.name(), &run.executable);
                run.output = Some(output);
            }
        }
    }
}

impl Operation {
    /// Work that was put into a stream, behind which the event was recorded.
    pub(crate) fn new(
        pools: &Arc<Pools>,
        stream: &Arc<CudaStream>,
        event: Event,
        timer: Option<Timer>,
        in_flight: InFlight,
    ) -> Arc<Self> {
        let prints = in_flight.kernels.runs().iter().any(|run| run.output.is_some());
        let names = in_flight.kernels.names();
        let operation = Arc::new(Self {
            pools: Arc::clone(pools),
            stream: Arc::clone(stream),
            number: stream.next_number(),
            event,
            timer,
            outputs: prints.then(|| Arc::clone(pools.outputs())),
            in_flight: Mutex::new(in_flight),
            outcome: Arc::default(),
            times: OnceLock::new(),
        });
        stream.note(&operation.outcome, names);
        operation
    }

    pub(crate) fn event(&self) -> &Event {
        &self.event
    }

    pub(crate) fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// Its place in its stream.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        self.pools.context()
    }

    /// How it has ended, if it has: well, or with its context ([`Error::Lost`]). `None` while it is in flight. Never waits, and
    /// settles nothing.
    pub(crate) fn end(&self) -> Option<Result<(), Error>> {
        match self.event.is_done() {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for its end.
    fn wait_for_end(&self) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            if let Some(end) = self.end() {
                return end;
            }
            if start.elapsed() >= SPIN {
                return self.event.wait();
            }
            std::hint::spin_loop();
        }
    }

    /// The outcome of work that has ended.
    fn settle(&self, end: Result<(), Error>) -> Result<(), WorkError> {
        // Under the lock, so that nobody frees what is looked at here.
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.outcome.get_or_init(|| {
            let loss = match end {
                Ok(()) => {
                    if let Some(times) = self.timer.as_ref().and_then(|timer| timer.times(&self.event)) {
                        let _first = self.times.set(times);
                    }
                    in_flight.kernels.collect_output();
                    return in_flight.kernels.panic();
                }
                Err(Error::Lost(loss)) => loss,
                Err(error) => return Err(WorkError::Device(error.to_string())),
            };
            in_flight.kernels.collect_output();
            Err(lost(in_flight.kernels.panic(), &loss))
        });
        let outcome = outcome.clone();
        let no_longer_held = std::mem::take(&mut *in_flight);
        drop(in_flight);
        drop(no_longer_held);
        outcome
    }
}

/// The error of work whose context was lost, with the panic that a work-item may have left before.
fn lost(panic: Result<(), WorkError>, loss: &Loss) -> WorkError {
    let mut text = loss.of_work();
    if let Err(WorkError::Panicked(panic)) = panic {
        let (item, group) = (panic.item, panic.group);
        text.push_str(&format!("\nwork-item {item:?} of work-group {group:?} had panicked before: {}", panic.message));
    }
    WorkError::Device(text)
}

impl Completion for Operation {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        if let Some(outcome) = self.outcome.get() {
            return Some(outcome.clone());
        }
        let outcome = self.settle(self.end()?);
        if let Some(outputs) = &self.outputs {
            outputs.deliver_later();
        }
        Some(outcome)
    }

    fn wait(&self) -> Result<(), WorkError> {
        let outcome = match self.outcome.get() {
            Some(outcome) => outcome.clone(),
            None => self.settle(self.wait_for_end()),
        };
        if let Some(outputs) = &self.outputs {
            outputs.deliver();
        }
        outcome
    }

    fn times(&self) -> Option<WorkTimes> {
        self.times.get().copied()
    }

    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>) {
        if self.outcome.get().is_some() || self.end().is_some() {
            then();
            return;
        }
        let pools = Arc::clone(&self.pools);
        pools.watch().when_done(self, then);
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // Whoever submits work keeps its operation until it has ended. Should somebody not, what the device uses must stay.
        if self.outcome.get().is_none() {
            let _outcome = self.settle(self.wait_for_end());
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("outcome", &self.outcome.get()).finish_non_exhaustive()
    }
}
