//! Graphs: packets that are made once.
//!
//! A run of kernels without anything else between them is a *part*. Its packets and kernarg segments are made with its
//! first launch on a queue and used again; a launch fills in one completion signal and writes the packets. A part can
//! be in flight several times: each time has packets and segments of its own ([`Instance`]). Copies and fills are
//! submitted as those of streams are.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_runtime_core::driver::{Completion, CopyWork, Dispatch, DriverError, DriverGraph, FillWork, GraphStep};
use geobacter_spool::fault::FaultRecord;

use crate::{
    error::Error,
    executable::Executable,
    gpu::Extent,
    operation::{KernelRun, Kernels, Operation},
    packet::{KernelDispatch, KernelDispatchFields, Packet, Words},
    queue_pool::PooledQueue,
    submission::{Launch, Submission},
};

/// A graph for one GPU.
#[derive(Debug)]
pub(crate) struct GpuGraph {
    /// Whose it is.
    submission: Arc<Submission>,
    parts: Vec<Part>,
}

impl DriverGraph for GpuGraph {}

#[derive(Debug)]
pub(crate) enum Part {
    Kernels(Arc<KernelPart>),
    Copy(CopyWork, usize),
    Fill(FillWork, usize),
}

/// Kernels one after the other.
#[derive(Debug)]
pub(crate) struct KernelPart {
    /// Number of the first of them in the graph.
    first_step: usize,
    kernels: Vec<KernelStep>,
    /// Those that are not in flight.
    instances: Mutex<Vec<Instance>>,
}

#[derive(Debug)]
struct KernelStep {
    executable: Arc<Executable>,
    fields: KernelDispatchFields,
    dispatch: Dispatch,
}

/// What one launch of a part needs.
#[derive(Debug)]
struct Instance {
    /// Address of the queue for which the segments were filled.
    queue: u64,
    runs: Vec<KernelRun>,
    packets: Vec<Words>,
}

/// A part in flight; it gives its instance back when dropped, and the device must not use it any more then.
#[derive(Debug)]
pub(crate) struct GraphRun {
    part: Arc<KernelPart>,
    /// `None` only while it is dropped.
    instance: Option<Instance>,
}

impl GpuGraph {
    /// # Errors
    /// What code generation or the device says.
    pub(crate) fn new(submission: &Arc<Submission>, steps: Vec<GraphStep>) -> Result<Self, DriverError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut kernels = Vec::new();
        let close = |kernels: &mut Vec<KernelStep>, parts: &mut Vec<Part>, end: usize| {
            if !kernels.is_empty() {
                let kernels = std::mem::take(kernels);
                let first_step = end - kernels.len();
                parts.push(Part::Kernels(Arc::new(KernelPart { first_step, kernels, instances: Mutex::default() })));
            }
        };
        let count = steps.len();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                GraphStep::Kernel(dispatch) => {
                    let executable = submission.executable(dispatch.kernel, &dispatch.constants())?;
                    let fields = submission.checked(&executable, Extent::of(&dispatch))?;
                    kernels.push(KernelStep { executable, fields, dispatch });
                    continue;
                }
                GraphStep::Copy(copy) => {
                    close(&mut kernels, &mut parts, number);
                    parts.push(Part::Copy(copy, number));
                }
                GraphStep::Fill(fill) => {
                    close(&mut kernels, &mut parts, number);
                    parts.push(Part::Fill(fill, number));
                }
                _ => return Err(DriverError::Unsupported("steps of this kind".into())),
            }
        }
        close(&mut kernels, &mut parts, count);
        Ok(Self { submission: Arc::clone(submission), parts })
    }

    /// The same graph as this GPU's, if it is one.
    pub(crate) fn of<'g>(graph: &'g dyn DriverGraph, submission: &Arc<Submission>) -> Result<&'g Self, DriverError> {
        let graph: &dyn Any = graph;
        let own = graph.downcast_ref::<Self>().filter(|graph| Arc::ptr_eq(&graph.submission, submission));
        own.ok_or_else(|| DriverError::device("the graph was made for another device"))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl KernelPart {
    /// Puts all kernels into a queue.
    ///
    /// # Safety
    /// As [`Submission::kernel`] for each of them.
    pub(crate) unsafe fn submit(
        self: &Arc<Self>,
        submission: &Submission,
        queue: &Arc<PooledQueue>,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<Operation>, DriverError> {
        let signal = submission.signal()?;
        let mut instance = self.instance(submission, queue)?;
        let mut packets = std::mem::take(&mut instance.packets);
        if let Some((last, step)) = packets.last_mut().zip(self.kernels.last())
            && let Some(run) = instance.runs.last()
        {
            *last = packet(step, run, Some(signal.handle()));
        }
        let run = GraphRun { part: Arc::clone(self), instance: Some(instance) };
        // SAFETY: the instance has what the packets name, and the operation has the instance; the rest is this
        // function's contract.
        let operation = unsafe { submission.submit(queue, &packets, signal, Kernels::Graph(run), after) }?;
        operation.keep_packets(packets);
        Ok(operation)
    }

    fn instance(&self, submission: &Submission, queue: &Arc<PooledQueue>) -> Result<Instance, Error> {
        let address = queue.address().map_or(0, |queue| queue.as_ptr() as u64);
        let mut free = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = free.iter().position(|instance| instance.queue == address);
        let mut instance = match fits.map(|index| free.swap_remove(index)).or_else(|| free.pop()) {
            Some(instance) => instance,
            None => {
                let launches = self.kernels.iter().map(|step| Launch::of(&step.executable, &step.dispatch));
                let runs = launches.map(|launch| submission.kernel_run(queue, launch)).collect::<Result<_, Error>>()?;
                Instance { queue: 0, runs, packets: Vec::new() }
            }
        };
        drop(free);
        if instance.queue != address || instance.packets.len() != self.kernels.len() {
            for (step, run) in self.kernels.iter().zip(&mut instance.runs) {
                run.fill(queue, Extent::of(&step.dispatch), &step.dispatch.kernarg)?;
            }
            let runs = self.kernels.iter().zip(&instance.runs);
            instance.packets = runs.map(|(step, run)| packet(step, run, None)).collect();
            instance.queue = address;
        }
        Ok(instance)
    }
}

fn packet(step: &KernelStep, run: &KernelRun, completion: Option<hsa_rt_sys::hsa_signal_t>) -> Words {
    let mut fields = step.fields;
    fields.kernarg = run.segment.kernarg_address();
    if let Some(completion) = completion {
        fields.completion = completion;
    }
    KernelDispatch::new(&fields).words()
}

impl GraphRun {
    pub(crate) fn first_step(&self) -> usize {
        self.part.first_step
    }

    pub(crate) fn kernels(&self) -> &[KernelRun] {
        self.instance.as_ref().map_or(&[], |instance| &instance.runs)
    }

    pub(crate) fn kernels_mut(&mut self) -> &mut [KernelRun] {
        self.instance.as_mut().map_or(&mut [], |instance| &mut instance.runs)
    }

    /// Takes the packets back, to be used again.
    pub(crate) fn keep_packets(&mut self, packets: Vec<Words>) {
        if let Some(instance) = &mut self.instance {
            instance.packets = packets;
        }
    }
}

impl Drop for GraphRun {
    fn drop(&mut self) {
        if let Some(mut instance) = self.instance.take() {
            for run in &mut instance.runs {
                if run.segment.record() != FaultRecord::CLEAR {
                    run.segment.clear_record();
                }
            }
            self.part.instances.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        }
    }
}
