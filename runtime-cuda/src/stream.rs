//! A stream on a card: work in order, whatever does it.
//!
//! Kernels, copies and fills run in a stream of the driver. Calls run on a thread of the host, and so does everything that the
//! driver cannot do. What follows in the driver's stream is in order by itself; what comes after the host's work is put there by the
//! same thread, when that is done ([`Deferred`]).

use std::{
    any::Any,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use geobacter_runtime_core::{
    completion::{HostCompletion, Sequence},
    driver::{Call, Completion, CopyWork, DriverError, DriverStream, FillWork, Priority, Work},
    lane::Lane,
};

use crate::{
    copy::DeviceCopy,
    cuda_stream::CudaStream,
    deferred::{Deferred, Standing},
    error::Error,
    graph::{GpuGraph, Part},
    memory::DeviceMemory,
    operation::Operation,
    submission::{DeviceWork, Submission},
};

/// Work of the host, or that waits for the host, that may wait in a stream: one who enqueues more waits as well.
const JOBS: usize = 1024;

#[derive(Debug)]
pub(crate) struct GpuStream {
    submission: Arc<Submission>,
    stream: Arc<CudaStream>,
    /// What was submitted last. Held while something is submitted, so that what threads submit is in order.
    last: Mutex<Option<Arc<dyn Completion>>>,
    /// The host's work; started with the first.
    lane: OnceLock<Lane>,
}

/// Who does some work.
enum Doer {
    /// The driver.
    Device(DeviceWork),
    /// A thread of the host.
    Host(Call),
}

impl GpuStream {
    pub(crate) fn new(submission: Arc<Submission>, priority: Priority) -> Result<Self, Error> {
        let stream = CudaStream::new(submission.context(), priority)?;
        Ok(Self { submission, stream, last: Mutex::default(), lane: OnceLock::new() })
    }

    fn lane(&self) -> &Lane {
        self.lane.get_or_init(|| Lane::new("geobacter-cuda", JOBS))
    }
}

impl DriverStream for GpuStream {
    unsafe fn submit(&self, work: Work, after: &[Arc<dyn Completion>]) -> Result<Arc<dyn Completion>, DriverError> {
        let graph = match work {
            Work::Graph(graph) => graph,
            work => {
                // Before the lock: code generation may take a while.
                // SAFETY: this function's contract.
                let doer = unsafe { self.doer(work) }?;
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                // SAFETY: as above.
                return unsafe { self.put(&mut last, doer, after) };
            }
        };
        let graph = GpuGraph::of(graph.as_ref(), &self.submission)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: this function's contract.
        unsafe { self.put_graph(&mut last, graph, after) }
    }
}

impl GpuStream {
    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn doer(&self, work: Work) -> Result<Doer, DriverError> {
        Ok(match work {
            Work::Kernel(dispatch) => {
                let executable = self.submission.executable(dispatch.kernel, &dispatch.constants())?;
                Doer::Device(DeviceWork::Kernel(executable, dispatch))
            }
            Work::Marker => Doer::Device(DeviceWork::Marker),
            // SAFETY: this function's contract.
            Work::Copy(copy) => unsafe { self.copy(copy) },
            Work::Fill(fill) => self.fill(fill),
            Work::Call(call) => Doer::Host(call),
            _ => return Err(DriverError::Unsupported("work of this kind".into())),
        })
    }

    /// # Safety
    /// As [`DriverStream::submit`] for a copy.
    unsafe fn copy(&self, copy: CopyWork) -> Doer {
        if copy.rows == 0 || copy.row_bytes == 0 {
            return Doer::Device(DeviceWork::Marker);
        }
        match DeviceCopy::of(&copy, self.submission.context()) {
            Some(copy) => Doer::Device(DeviceWork::Copy(copy)),
            // SAFETY: this function's contract, until the completion is done.
            None => Doer::Host(Box::new(move || unsafe { copy.by_host() }.map_err(DriverError::into_work_error))),
        }
    }

    fn fill(&self, fill: FillWork) -> Doer {
        match DeviceMemory::is_usable(&*fill.memory, self.submission.context()) {
            true => Doer::Device(DeviceWork::Fill(fill)),
            false => Doer::Host(Box::new(move || fill.by_host().map_err(DriverError::into_work_error))),
        }
    }

    /// Puts work behind what was submitted last.
    ///
    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn put(
        &self,
        last: &mut Option<Arc<dyn Completion>>,
        doer: Doer,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<dyn Completion>, DriverError> {
        let completion: Arc<dyn Completion> = match doer {
            Doer::Host(call) => self.call(after.iter().chain(last.iter()).cloned().collect(), call),
            Doer::Device(work) => {
                // What stands in the driver's stream is in order by itself.
                let before = last.iter().filter(|last| !self.has(last));
                // SAFETY: this function's contract.
                unsafe { self.on_device(after.iter().chain(before).cloned().collect(), work) }?
            }
        };
        *last = Some(Arc::clone(&completion));
        Ok(completion)
    }

    /// Whether this work stands in the driver's stream.
    fn has(&self, work: &Arc<dyn Completion>) -> bool {
        let any: &dyn Any = work.as_ref();
        any.downcast_ref::<Operation>().is_some_and(|operation| Arc::ptr_eq(operation.stream(), &self.stream))
    }

    /// Has the stream's thread run a function after all that.
    fn call(&self, earlier: Vec<Arc<dyn Completion>>, call: Call) -> Arc<dyn Completion> {
        let completion = Arc::new(HostCompletion::default());
        let done = Arc::clone(&completion);
        self.lane().push(Box::new(move || {
            for earlier in earlier {
                // Whether it failed is for the layer above to consider.
                let _outcome = earlier.wait();
            }
            done.run(call);
        }));
        completion
    }

    /// Has the driver do work after all that: at once, if the driver knows all that, or else when it does.
    ///
    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn on_device(
        &self,
        earlier: Vec<Arc<dyn Completion>>,
        work: DeviceWork,
    ) -> Result<Arc<dyn Completion>, DriverError> {
        let session = self.submission.context().session();
        let known: Option<Vec<Arc<Operation>>> = earlier.iter().try_fold(Vec::new(), |mut known, earlier| {
            match Standing::of(earlier) {
                Standing::Done => {}
                Standing::Operation(operation) if Arc::ptr_eq(operation.context().session(), session) => {
                    known.push(operation);
                }
                _ => return None,
            }
            Some(known)
        });
        if let Some(known) = known {
            // SAFETY: this function's contract.
            return Ok(unsafe { self.submission.begin(&self.stream, &work, &known) }?);
        }
        let deferred = Arc::new(Deferred::default());
        let waiting = Arc::clone(&deferred);
        let (submission, stream) = (Arc::clone(&self.submission), Arc::clone(&self.stream));
        self.lane().push(Box::new(move || {
            let session = submission.context().session();
            let mut known = Vec::new();
            for earlier in earlier {
                match Standing::of(&earlier) {
                    Standing::Done => {}
                    Standing::Operation(operation) if Arc::ptr_eq(operation.context().session(), session) => {
                        known.push(operation);
                    }
                    // As soon as the driver knows it, the rest is the driver's.
                    Standing::Deferred(deferred) => match deferred.wait_until_submitted() {
                        Ok(operation) if Arc::ptr_eq(operation.context().session(), session) => known.push(operation),
                        Ok(operation) => drop(operation.wait()),
                        Err(_) => {}
                    },
                    // Whether it failed is for the layer above to consider.
                    _ => drop(earlier.wait()),
                }
            }
            // SAFETY: this function's contract, until the completion is done.
            waiting.submit(unsafe { submission.begin(&stream, &work, &known) });
        }));
        Ok(deferred)
    }

    /// # Safety
    /// As [`DriverStream::submit`].
    unsafe fn put_graph(
        &self,
        last: &mut Option<Arc<dyn Completion>>,
        graph: &GpuGraph,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<dyn Completion>, DriverError> {
        let mut begun: Vec<(Arc<dyn Completion>, Option<usize>)> = Vec::new();
        for part in graph.parts() {
            let (doer, step) = match part {
                Part::Nodes(nodes) => (Doer::Device(DeviceWork::Nodes(Arc::clone(nodes))), None),
                // SAFETY: this function's contract.
                Part::Copy(copy, step) => (unsafe { self.copy(copy.clone()) }, Some(*step)),
                Part::Fill(fill, step) => (self.fill(fill.clone()), Some(*step)),
            };
            // What comes first in a graph waits for the others, and the rest for what comes before it.
            let after = if begun.is_empty() { after } else { &[] };
            // SAFETY: as above.
            match unsafe { self.put(last, doer, after) } {
                Ok(part) => begun.push((part, step)),
                Err(error) => {
                    // The caller holds the memory no longer than this call.
                    let _outcome = Sequence::new(begun).wait();
                    return Err(error);
                }
            }
        }
        match begun.len() {
            1 if begun[0].1.is_none() => Ok(begun.remove(0).0),
            // SAFETY: a marker touches nothing.
            0 => unsafe { self.put(last, Doer::Device(DeviceWork::Marker), after) },
            _ => Ok(Arc::new(Sequence::new(begun))),
        }
    }
}
