//! Graphs: work that the driver is told of once.
//!
//! Steps that the driver can do in one context are nodes of a driver's graph, one after the other: a *part*. It can be in flight
//! several times: each time has a graph with slots of its own ([`Instance`]), which are used again. What copies or fills
//! memory of another device or driver stands between two parts, and is submitted as such work of streams is.

use std::{
    any::Any,
    borrow::Cow,
    ptr,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_cuda_driver::sys::{
    CUDA_KERNEL_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUgraph, CUgraphExec, CUgraphNode, CUmemorytype,
};
use geobacter_runtime_core::{
    driver::{CopyWork, Dispatch, DriverError, DriverGraph, FillWork, GraphStep},
    output::pool::OutputMemory,
};
use geobacter_spool::fault::FaultRecord;

use crate::{
    context::Context,
    copy::DeviceCopy,
    error::{CudaError, Error, call},
    executable::Executable,
    fill::{self, FillStep},
    memory::DeviceMemory,
    operation::KernelRun,
    pinned::Pinned,
    submission::{Launch, LaunchShape, Parameters, Submission},
};

/// A graph for one card.
#[derive(Debug)]
pub(crate) struct GpuGraph {
    /// Whose it is.
    submission: Arc<Submission>,
    parts: Vec<Part>,
}

impl DriverGraph for GpuGraph {}

#[derive(Debug)]
pub(crate) enum Part {
    Nodes(Arc<NodePart>),
    Copy(CopyWork, usize),
    Fill(FillWork, usize),
}

/// Nodes one after the other.
#[derive(Debug)]
pub(crate) struct NodePart {
    steps: Vec<Step>,
    names: Arc<[Cow<'static, str>]>,
    /// Those that are not in flight.
    instances: Mutex<Vec<Instance>>,
}

/// What becomes of one step of a graph.
#[derive(Debug)]
enum Step {
    Kernel { executable: Arc<Executable>, shape: LaunchShape, dispatch: Dispatch, number: usize },
    Copy(DeviceCopy),
    Fill(FillWork),
}

/// A graph that can be launched, and what its nodes name.
#[derive(Debug)]
struct Instance {
    exec: Exec,
    runs: Vec<KernelRun>,
    _patterns: Vec<Pinned>,
}

/// A driver's graph, destroyed when dropped. It must not be in flight then.
#[derive(Debug)]
struct Exec {
    context: Arc<Context>,
    handle: CUgraphExec,
}

// SAFETY: the handle may be used from any thread, by one at a time; an instance is in one hand at a time.
unsafe impl Send for Exec {}
// SAFETY: as above.
unsafe impl Sync for Exec {}

/// A part in flight; it gives its instance back when dropped, and the device must not use it any more then.
#[derive(Debug)]
pub(crate) struct GraphRun {
    part: Arc<NodePart>,
    /// `None` only while it is dropped.
    instance: Option<Instance>,
}

impl GpuGraph {
    /// # Errors
    /// What code generation or the driver says.
    pub(crate) fn new(submission: &Arc<Submission>, steps: Vec<GraphStep>) -> Result<Self, DriverError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut nodes = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let node = match step {
                GraphStep::Kernel(dispatch) => {
                    let executable = submission.executable(dispatch.kernel, &dispatch.constants())?;
                    let shape = submission.checked(Launch::of(&executable, &dispatch))?;
                    Step::Kernel { executable, shape, dispatch, number }
                }
                GraphStep::Copy(copy) if copy.rows == 0 || copy.row_bytes == 0 => continue,
                GraphStep::Copy(copy) => {
                    let user = submission.context();
                    match DeviceCopy::of(&copy, user).filter(|copy| copy.is_within(user)) {
                        Some(copy) => Step::Copy(copy),
                        None => {
                            parts.extend(NodePart::of(&mut nodes));
                            parts.push(Part::Copy(copy, number));
                            continue;
                        }
                    }
                }
                GraphStep::Fill(fill) if DeviceMemory::is_usable(&*fill.memory, submission.context()) => {
                    Step::Fill(fill)
                }
                GraphStep::Fill(fill) => {
                    parts.extend(NodePart::of(&mut nodes));
                    parts.push(Part::Fill(fill, number));
                    continue;
                }
                _ => return Err(DriverError::Unsupported("steps of this kind".into())),
            };
            nodes.push(node);
        }
        parts.extend(NodePart::of(&mut nodes));
        for part in &parts {
            // The first instance is made now, so that the first launch is like any other.
            if let Part::Nodes(part) = part {
                drop(part.take(submission)?);
            }
        }
        Ok(Self { submission: Arc::clone(submission), parts })
    }

    /// The same graph as this card's, if it is one.
    pub(crate) fn of<'g>(graph: &'g dyn DriverGraph, submission: &Arc<Submission>) -> Result<&'g Self, DriverError> {
        let graph: &dyn Any = graph;
        let own = graph.downcast_ref::<Self>().filter(|graph| Arc::ptr_eq(&graph.submission, submission));
        own.ok_or_else(|| DriverError::device("the graph was made for another device"))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl NodePart {
    /// A part with these nodes; none if there are none.
    fn of(steps: &mut Vec<Step>) -> Option<Part> {
        let steps = std::mem::take(steps);
        let names = steps.iter().filter_map(|step| match step {
            Step::Kernel { dispatch, .. } => Some(Cow::Borrowed(dispatch.kernel.descriptor.name)),
            _ => None,
        });
        let names = names.collect();
        (!steps.is_empty()).then(|| Part::Nodes(Arc::new(Self { steps, names, instances: Mutex::default() })))
    }

    /// An instance for one launch.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn take(self: &Arc<Self>, submission: &Submission) -> Result<GraphRun, Error> {
        let free = self.instances.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let instance = match free {
            Some(instance) => instance,
            None => self.instantiate(submission)?,
        };
        Ok(GraphRun { part: Arc::clone(self), instance: Some(instance) })
    }

    fn instantiate(&self, submission: &Submission) -> Result<Instance, Error> {
        let mut chain = Chain::new(submission.context())?;
        let (mut runs, mut patterns) = (Vec::new(), Vec::new());
        for step in &self.steps {
            match step {
                Step::Kernel { executable, shape, dispatch, number } => {
                    let mut run = submission.kernel_run(Launch::of(executable, dispatch))?;
                    run.step = Some(*number);
                    chain.kernel(&run, shape, &Parameters::of(&run, &dispatch.kernarg))?;
                    runs.push(run);
                }
                Step::Copy(copy) => chain.copy(copy)?,
                Step::Fill(fill) => {
                    let address = fill.memory.address() + fill.offset;
                    let (steps, seed) = fill::steps(address, fill.bytes as usize, &fill.pattern);
                    let pattern = submission.pattern(&seed)?;
                    let from = pattern.as_ref().map_or(0, OutputMemory::address);
                    steps.iter().try_for_each(|step| chain.fill(step, from))?;
                    patterns.extend(pattern);
                }
            }
        }
        Ok(Instance { exec: chain.instantiate()?, runs, _patterns: patterns })
    }
}

impl GraphRun {
    fn instance(&self) -> &Instance {
        match &self.instance {
            Some(instance) => instance,
            None => unreachable!("it is taken out only when the value is dropped"),
        }
    }

    /// The driver's graph.
    pub(crate) fn exec(&self) -> CUgraphExec {
        self.instance().exec.handle
    }

    /// Names of the kernels.
    pub(crate) fn names(&self) -> &Arc<[Cow<'static, str>]> {
        &self.part.names
    }

    pub(crate) fn kernels(&self) -> &[KernelRun] {
        &self.instance().runs
    }

    pub(crate) fn kernels_mut(&mut self) -> &mut [KernelRun] {
        self.instance.as_mut().map_or(&mut [], |instance| &mut instance.runs)
    }
}

impl Drop for GraphRun {
    fn drop(&mut self) {
        if let Some(mut instance) = self.instance.take() {
            for slot in instance.runs.iter_mut().filter_map(|run| run.slot.as_mut()) {
                if slot.record() != FaultRecord::CLEAR {
                    slot.clear_record();
                }
            }
            self.part.instances.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        }
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        // That of a lost context is gone.
        let Ok(api) = self.context.enter() else { return };
        // SAFETY: made by `cuGraphInstantiateWithFlags`, destroyed once.
        if let Err(error) = unsafe { call!(api, cuGraphExecDestroy(self.handle)) } {
            tracing::warn!(%error, "a graph cannot be destroyed");
        }
    }
}

/// A graph in the making: each node comes after the one before.
struct Chain<'c> {
    context: &'c Arc<Context>,
    graph: CUgraph,
    last: Option<CUgraphNode>,
}

impl<'c> Chain<'c> {
    fn new(context: &'c Arc<Context>) -> Result<Self, Error> {
        let api = context.enter()?;
        let mut graph = ptr::null_mut();
        // SAFETY: the context is current, the flags must be 0, and the address to write to is valid.
        context.check(unsafe { call!(api, cuGraphCreate(&mut graph, 0)) })?;
        Ok(Self { context, graph, last: None })
    }

    /// Adds what `add` makes of the graph and the nodes to come after.
    fn add(
        &mut self,
        add: impl FnOnce(*mut CUgraphNode, *const CUgraphNode, usize) -> Result<(), CudaError>,
    ) -> Result<(), Error> {
        self.context.enter()?;
        let mut node = ptr::null_mut();
        let (after, count) = self.last.as_ref().map_or((ptr::null(), 0), |last| (ptr::from_ref(last), 1));
        self.context.check(add(&mut node, after, count))?;
        self.last = Some(node);
        Ok(())
    }

    fn kernel(&mut self, run: &KernelRun, shape: &LaunchShape, parameters: &Parameters<'_>) -> Result<(), Error> {
        let (graph, api) = (self.graph, *self.context.api());
        parameters.with(|parameters| {
            let params = CUDA_KERNEL_NODE_PARAMS {
                func: run.executable.function(),
                gridDimX: shape.groups[0],
                gridDimY: shape.groups[1],
                gridDimZ: shape.groups[2],
                blockDimX: shape.workgroup[0],
                blockDimY: shape.workgroup[1],
                blockDimZ: shape.workgroup[2],
                sharedMemBytes: shape.dynamic,
                kernelParams: parameters,
                extra: ptr::null_mut(),
                kern: ptr::null_mut(),
                ctx: ptr::null_mut(),
            };
            self.add(|node, after, count| {
                // SAFETY: graph and earlier node live, the function takes these parameters, which the driver copies, and the
                // address to write to is valid.
                unsafe { call!(&api, cuGraphAddKernelNode_v2(node, graph, after, count, &params)) }
            })
        })
    }

    fn copy(&mut self, copy: &DeviceCopy) -> Result<(), Error> {
        let (from, to) = (&copy.source, &copy.destination);
        // The pitch of a single row means nothing.
        let pitch = |pitch: usize| if copy.rows == 1 { copy.row_bytes } else { pitch };
        self.memcpy((from.address, pitch(from.pitch)), (to.address, pitch(to.pitch)), (copy.row_bytes, copy.rows))
    }

    /// Adds a copy, each side of which has an address and a pitch.
    fn memcpy(&mut self, from: (u64, usize), to: (u64, usize), (row_bytes, rows): (usize, usize)) -> Result<(), Error> {
        let unified = CUmemorytype::CU_MEMORYTYPE_UNIFIED;
        let params = CUDA_MEMCPY3D {
            srcXInBytes: 0,
            srcY: 0,
            srcZ: 0,
            srcLOD: 0,
            srcMemoryType: unified,
            srcHost: ptr::null(),
            srcDevice: from.0,
            srcArray: ptr::null_mut(),
            reserved0: ptr::null_mut(),
            srcPitch: from.1,
            srcHeight: rows,
            dstXInBytes: 0,
            dstY: 0,
            dstZ: 0,
            dstLOD: 0,
            dstMemoryType: unified,
            dstHost: ptr::null_mut(),
            dstDevice: to.0,
            dstArray: ptr::null_mut(),
            reserved1: ptr::null_mut(),
            dstPitch: to.1,
            dstHeight: rows,
            WidthInBytes: row_bytes,
            Height: rows,
            Depth: 1,
        };
        let (graph, api, context) = (self.graph, *self.context.api(), self.context.handle());
        self.add(|node, after, count| {
            // SAFETY: graph, context and earlier node live, and the address to write to is valid.
            unsafe { call!(&api, cuGraphAddMemcpyNode(node, graph, after, count, &params, context)) }
        })
    }

    fn fill(&mut self, step: &FillStep, pattern: u64) -> Result<(), Error> {
        let (address, value, size, width) = match *step {
            FillStep::Set { address, value, size, count } => (address, value, size, count),
            FillStep::Seed { address, bytes } => return self.memcpy((pattern, bytes), (address, bytes), (bytes, 1)),
            FillStep::Copy { from, to, bytes } => return self.memcpy((from, bytes), (to, bytes), (bytes, 1)),
        };
        let params = CUDA_MEMSET_NODE_PARAMS { dst: address, pitch: 0, value, elementSize: size, width, height: 1 };
        let (graph, api, context) = (self.graph, *self.context.api(), self.context.handle());
        self.add(|node, after, count| {
            // SAFETY: as in `memcpy`.
            unsafe { call!(&api, cuGraphAddMemsetNode(node, graph, after, count, &params, context)) }
        })
    }

    fn instantiate(self) -> Result<Exec, Error> {
        let api = self.context.enter()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the graph lives, and the address to write to is valid.
        self.context.check(unsafe { call!(api, cuGraphInstantiateWithFlags(&mut handle, self.graph, 0)) })?;
        Ok(Exec { context: Arc::clone(self.context), handle })
    }
}

impl Drop for Chain<'_> {
    fn drop(&mut self) {
        // That of a lost context is gone.
        let Ok(api) = self.context.enter() else { return };
        // SAFETY: created by `cuGraphCreate`, destroyed once; what was made of it does not need it.
        if let Err(error) = unsafe { call!(api, cuGraphDestroy(self.graph)) } {
            tracing::warn!(%error, "a graph cannot be destroyed");
        }
    }
}
