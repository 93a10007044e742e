//! A stream on a GPU: work in order, whatever does it.
//!
//! Kernels run in a queue, copies on copy engines, and calls on a thread of the host. What follows on the same queue is
//! in order by itself; where one hands over to another, the later one waits for the signal of the earlier.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use geobacter_runtime_core::{
    completion::{HostCompletion, Sequence},
    driver::{Call, Completion, CopyWork, DriverError, DriverStream, FillWork, Priority, Work},
    lane::Lane,
};

use crate::{
    error::Error,
    executable::Executable,
    graph::{GpuGraph, Part},
    queue_pool::QueueUse,
    submission::{Launch, Submission},
};

/// Calls that may wait in a stream: one who enqueues more waits as well.
const CALLS: usize = 1024;

#[derive(Debug)]
pub(crate) struct GpuStream {
    submission: Arc<Submission>,
    priority: Priority,
    /// Held while something is submitted, so that what threads submit is in order.
    state: Mutex<State>,
    /// Where calls run; started with the first.
    calls: OnceLock<Lane>,
}

#[derive(Debug)]
struct State {
    queue: QueueUse,
    /// What was submitted last.
    last: Option<Arc<dyn Completion>>,
}

impl GpuStream {
    pub(crate) fn new(submission: Arc<Submission>, priority: Priority) -> Result<Self, Error> {
        let state = State { queue: submission.queue(priority)?, last: None };
        Ok(Self { submission, priority, state: Mutex::new(state), calls: OnceLock::new() })
    }

    /// Has a thread of the host run a function after all that.
    fn call(&self, after: Vec<Arc<dyn Completion>>, call: Call) -> Arc<dyn Completion> {
        let completion = Arc::new(HostCompletion::default());
        let done = Arc::clone(&completion);
        self.calls.get_or_init(|| Lane::new("geobacter-calls", CALLS)).push(Box::new(move || {
            for earlier in after {
                // Whether it failed is for the layer above to consider.
                let _outcome = earlier.wait();
            }
            done.run(call);
        }));
        completion
    }
}

impl DriverStream for GpuStream {
    unsafe fn submit(&self, work: Work, after: &[Arc<dyn Completion>]) -> Result<Arc<dyn Completion>, DriverError> {
        // Before the lock: code generation may take a while.
        let executable = match &work {
            Work::Kernel(dispatch) => Some(self.submission.executable(dispatch.kernel, &dispatch.constants())?),
            _ => None,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = after.to_vec();
        after.extend(state.last.iter().filter(|last| last.poll().is_none()).cloned());
        // SAFETY: this function's contract.
        let completion = unsafe { self.begin(&mut state.queue, work, executable, after) }?;
        state.last = Some(Arc::clone(&completion));
        Ok(completion)
    }
}

impl GpuStream {
    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn begin(
        &self,
        queue: &mut QueueUse,
        work: Work,
        executable: Option<Arc<Executable>>,
        after: Vec<Arc<dyn Completion>>,
    ) -> Result<Arc<dyn Completion>, DriverError> {
        let submission = &self.submission;
        Ok(match (work, executable) {
            (Work::Kernel(dispatch), Some(executable)) => {
                let launch = Launch::of(&executable, &dispatch);
                submission.on_running_queue(queue, self.priority, |queue| {
                    // SAFETY: this function's contract; the executable is this GPU's.
                    unsafe { submission.kernel(queue, launch, &after) }
                })?
            }
            (Work::Marker, _) => {
                submission.on_running_queue(queue, self.priority, |queue| submission.marker(queue, &after))?
            }
            // SAFETY: this function's contract.
            (Work::Copy(copy), _) => unsafe { self.copy(&copy, after) }?,
            (Work::Fill(fill), _) => self.fill(fill, after),
            (Work::Call(call), _) => self.call(after, call),
            (Work::Graph(graph), _) => {
                let graph = GpuGraph::of(graph.as_ref(), submission)?;
                // SAFETY: this function's contract.
                unsafe { self.graph(queue, graph, after) }?
            }
            _ => return Err(DriverError::Unsupported("work of this kind".into())),
        })
    }

    /// # Safety
    /// As [`DriverStream::submit`] for a copy.
    unsafe fn copy(
        &self,
        copy: &CopyWork,
        after: Vec<Arc<dyn Completion>>,
    ) -> Result<Arc<dyn Completion>, DriverError> {
        // SAFETY: this function's contract.
        if let Some(operation) = unsafe { self.submission.copy(copy, &after) }? {
            return Ok(operation);
        }
        let copy = copy.clone();
        // SAFETY: this function's contract, until the completion is done.
        let by_host = move || unsafe { copy.by_host() }.map_err(DriverError::into_work_error);
        Ok(self.call(after, Box::new(by_host)))
    }

    fn fill(&self, fill: FillWork, after: Vec<Arc<dyn Completion>>) -> Arc<dyn Completion> {
        self.call(after, Box::new(move || fill.by_host().map_err(DriverError::into_work_error)))
    }

    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn graph(
        &self,
        queue: &mut QueueUse,
        graph: &GpuGraph,
        mut after: Vec<Arc<dyn Completion>>,
    ) -> Result<Arc<dyn Completion>, DriverError> {
        let mut begun: Vec<(Arc<dyn Completion>, Option<usize>)> = Vec::new();
        for part in graph.parts() {
            let part: Result<(Arc<dyn Completion>, Option<usize>), _> = match part {
                Part::Kernels(kernels) => self
                    .submission
                    .on_running_queue(queue, self.priority, |queue| {
                        // SAFETY: this function's contract.
                        unsafe { kernels.submit(&self.submission, queue, &after) }
                    })
                    .map(|operation| (operation as _, None)),
                // SAFETY: as above.
                Part::Copy(copy, step) => unsafe { self.copy(copy, after) }.map(|copy| (copy, Some(*step))),
                Part::Fill(fill, step) => Ok((self.fill(fill.clone(), after), Some(*step))),
            };
            match part {
                Ok(part) => {
                    after = vec![Arc::clone(&part.0)];
                    begun.push(part);
                }
                Err(error) => {
                    // The caller holds the memory no longer than this call.
                    let _outcome = Sequence::new(begun).wait();
                    return Err(error);
                }
            }
        }
        match begun.len() {
            1 => Ok(begun.remove(0).0),
            0 => Ok(self
                .submission
                .on_running_queue(queue, self.priority, |queue| self.submission.marker(queue, &after))?),
            _ => Ok(Arc::new(Sequence::new(begun))),
        }
    }
}
