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
    any::Any,
    collections::HashSet,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use geobacter_runtime_core::{
    check::CheckFailure,
    driver::{Completion, Dispatch, Memory, WorkError, WorkTimes, check_fault},
    image::HasConstants,
    output::pool::{OutputPool, OutputUse},
};
use hsa_rt_sys::{hsa_agent_t, hsa_amd_profiling_async_copy_time_t, hsa_amd_profiling_dispatch_time_t};

use crate::{
    buffers::Neighbour,
    error::{Error, call},
    executable::Executable,
    graph::GraphRun,
    memory_pool::HostAllocation,
    packet::Words,
    queue::QueueFault,
    queue_pool::PooledQueue,
    segment::Segment,
    session::{Clocks, Session},
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
    /// Where what it prints goes, if it does.
    outputs: Option<Arc<OutputPool<HostAllocation>>>,
    /// `None` where nobody asks for time stamps.
    timer: Option<Timer>,
    in_flight: Mutex<InFlight>,
    outcome: OnceLock<Result<(), WorkError>>,
    times: OnceLock<WorkTimes>,
}

/// How to find out when work ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    pub(crate) agent: hsa_agent_t,
    pub(crate) clocks: Clocks,
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
    /// Where it prints, if it does.
    pub(crate) output: Option<OutputUse<HostAllocation>>,
    /// What the program asked for; `None` for code objects from elsewhere.
    pub(crate) dispatch: Option<Dispatch>,
}

impl KernelRun {
    fn panic(&self) -> Result<(), WorkError> {
        check_fault(&self.segment.record(), self.executable.constants())
    }

    /// What to call a buffer that lies at these addresses.
    fn buffer_name(&self, addresses: Range<u64>) -> String {
        let Some(dispatch) = &self.dispatch else { return "a buffer".to_owned() };
        match dispatch.buffer_in(addresses) {
            Some(param) => format!("the buffer for parameter `{}: {}`", param.name, param.ty),
            None => "a buffer that is not the launch's".to_owned(),
        }
    }
}

/// What to call a kernel.
fn kernel_name<'a>(executable: &'a Executable, dispatch: Option<&'a Dispatch>) -> &'a str {
    match dispatch {
        Some(dispatch) => dispatch.kernel.descriptor.name,
        None => &executable.code().resources.symbol,
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

    /// Whether one has panicked.
    fn panic(&self) -> Result<(), WorkError> {
        match self {
            Self::Graph(run) => self.runs().iter().enumerate().try_for_each(|(index, kernel)| {
                let step = run.first_step() + index;
                kernel.panic().map_err(|error| WorkError::Step { step, error: Box::new(error) })
            }),
            _ => self.runs().iter().try_for_each(KernelRun::panic),
        }
    }

    /// What they have printed is to be handed on. They have ended.
    fn collect_output(&mut self) {
        for run in self.runs_mut() {
            if let Some(output) = &mut run.output {
                output.collect(kernel_name(&run.executable, run.dispatch.as_ref()), &run.executable);
            }
        }
    }

    /// Where the address of a memory fault is, as seen from the buffer next to it.
    fn nearest_buffer(&self, fault: &QueueFault, session: &Session) -> Option<String> {
        let QueueFault::Memory { address, .. } = fault else { return None };
        let Neighbour { start, size, place } = session.buffers().nearest(*address)?;
        let addresses = start..start.saturating_add(size);
        let names = self.runs().iter().map(|run| run.buffer_name(addresses.clone()));
        // Of several kernels the one that was given the buffer says which parameter.
        let name = names.max_by_key(|name| name.contains('`')).unwrap_or_else(|| "a buffer".to_owned());
        Some(format!(": {place} {name} ({size} bytes)"))
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
        let outputs = in_flight.kernels.runs().iter().find_map(|run| Some(Arc::clone(run.output.as_ref()?.pool())));
        let in_flight = Mutex::new(in_flight);
        let (outcome, times) = (OnceLock::new(), OnceLock::new());
        Self { session, signal, engine, limit, outputs, timer: None, in_flight, outcome, times }
    }

    /// The same, which notes when it ran.
    pub(crate) fn with_timer(mut self, timer: Option<Timer>) -> Self {
        // The signal of a graph's part knows its last kernel only.
        let knows_all = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).kernels.runs().len() <= 1;
        self.timer = timer.filter(|_| knows_all);
        self
    }

    /// Asks the runtime when the work ran, which must have ended. Its signal knows until it is used again.
    fn read_times(&self, Timer { agent, clocks }: Timer) -> Option<WorkTimes> {
        let api = self.session.api();
        let signal = self.signal.handle();
        let (start, end) = match self.engine {
            Engine::Queue(_) => {
                let mut time = hsa_amd_profiling_dispatch_time_t { start: 0, end: 0 };
                // SAFETY: the signal is that of a packet that has ended, and the address that of a value of the type.
                unsafe { call!(api, hsa_amd_profiling_get_dispatch_time(agent, signal, &mut time)) }.ok()?;
                (time.start, time.end)
            }
            Engine::Copy => {
                let mut time = hsa_amd_profiling_async_copy_time_t { start: 0, end: 0 };
                // SAFETY: the signal is that of a copy that has ended, and the address that of a value of the type.
                unsafe { call!(api, hsa_amd_profiling_get_async_copy_time(signal, &mut time)) }.ok()?;
                (time.start, time.end)
            }
        };
        Some(WorkTimes { start: self.session.instant(clocks, start), end: self.session.instant(clocks, end) })
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
        // Under the lock, so that nobody sees the outcome before everything is closed, and nobody frees what is looked
        // at here.
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.outcome.get_or_init(|| {
            if let Some(times) = self.timer.and_then(|timer| self.read_times(timer)) {
                let _first = self.times.set(times);
            }
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
                in_flight.kernels.collect_output();
                return in_flight.kernels.panic();
            }
            // From here on no kernel of this queue runs any more.
            let report = queue.close().clone();
            let Some(fault) = queue.fault() else { return Err(WorkError::Device("its queue was closed".into())) };
            if fate == Fate::Abandoned {
                let text = format!("it did not run, for the queue in which it stood has stopped: {fault}");
                return Err(WorkError::Device(text));
            }
            in_flight.kernels.collect_output();
            let near = in_flight.kernels.nearest_buffer(&fault, &self.session).unwrap_or_default();
            let error = Error::Stopped { fault, near, report: report.text };
            Err(stopped(in_flight.kernels.panic(), error, report.check))
        });
        let outcome = outcome.clone();
        let no_longer_held = std::mem::take(&mut *in_flight);
        drop(in_flight);
        drop(no_longer_held);
        outcome
    }
}

/// The error of a launch that stopped its queue, with the panic that another work-item may have left, and the rule that
/// was broken.
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

impl Operation {
    /// Waits until the signal is done.
    fn wait_for_signal(&self) {
        if self.signal.is_done() {
            return;
        }
        // What it waits for is not its queue's fault, and has limits of its own.
        let mut operations = Vec::new();
        for earlier in self.waits_for() {
            let any: &dyn Any = earlier.as_ref();
            if any.is::<Self>() {
                operations.push(earlier);
            } else {
                // Whether it failed is for the layer above to consider.
                let _outcome = earlier.wait();
            }
        }
        for earlier in &operations {
            let any: &dyn Any = earlier.as_ref();
            if let Some(operation) = any.downcast_ref::<Self>() {
                operation.wait_for_engine();
            }
        }
        self.wait_for_engine();
    }

    fn wait_for_engine(&self) {
        match &self.engine {
            Engine::Queue(queue) => {
                queue.wait(&self.signal, self.limit);
            }
            Engine::Copy => while self.signal.signal().wait_below(1, SLICE, false) >= 1 {},
        }
    }

    /// What is not done and must be before this, directly or not, on other engines; the oldest first. Found without
    /// recursion, for the list can be as long as what is in flight.
    fn waits_for(&self) -> Vec<Arc<dyn Completion>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut to_visit = self.after();
        while let Some(earlier) = to_visit.pop() {
            let address = Arc::as_ptr(&earlier).cast::<()>();
            if !seen.insert(address) || earlier.poll().is_some() {
                continue;
            }
            let any: &dyn Any = earlier.as_ref();
            let operation = any.downcast_ref::<Self>();
            if let Some(operation) = operation {
                to_visit.extend(operation.after());
            }
            // What stands in the same queue is waited for with this.
            let same_queue = match (operation, &self.engine) {
                (Some(operation), Engine::Queue(queue)) => operation.is_in(queue),
                _ => false,
            };
            if !same_queue {
                found.push(earlier);
            }
        }
        found.reverse();
        found
    }

    fn after(&self) -> Vec<Arc<dyn Completion>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).after.clone()
    }
}

impl Completion for Operation {
    fn poll(&self) -> Option<Result<(), WorkError>> {
        if let Some(outcome) = self.outcome.get() {
            return Some(outcome.clone());
        }
        if !self.signal.is_done() {
            return None;
        }
        let outcome = self.settle();
        if let Some(outputs) = &self.outputs {
            outputs.deliver_later();
        }
        Some(outcome)
    }

    fn wait(&self) -> Result<(), WorkError> {
        let outcome = match self.outcome.get() {
            Some(outcome) => outcome.clone(),
            None => {
                self.wait_for_signal();
                self.settle()
            }
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
        // Whoever submits work keeps its operation until it has ended. Should somebody not, what the device uses must
        // stay.
        if self.outcome.get().is_none() {
            self.wait_for_signal();
            let _outcome = self.settle();
        }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("outcome", &self.outcome.get()).finish_non_exhaustive()
    }
}
