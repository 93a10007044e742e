//! From work to calls of the driver: what all streams and launches of one card share.

use std::{
    any::Any,
    ffi::c_void,
    fmt, ptr,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_cuda_driver::sys::{CUdevice_attribute, CUresult, CUstream};
use geobacter_runtime_core::{
    archive, bundle,
    code::{self, CodeError, DeviceCode},
    driver::{CodeTarget, DeviceInfo, Dispatch, DriverError, FillWork, Kernarg, KernelInstance, LoadedKernel, Memory},
    output::{OutputSink, pool::OutputMemory},
};

use crate::{
    card::Card,
    context::Context,
    copy::DeviceCopy,
    cuda_stream::CudaStream,
    error::{Error, call},
    executable::Executable,
    fill::{self, FillStep},
    gpu::{Extent, Options},
    graph::NodePart,
    memory::DeviceMemory,
    operation::{InFlight, KernelRun, Kernels, Operation},
    pinned::Pinned,
    pools::Pools,
    stream_pool::StreamPool,
    target::ComputeCapability,
};

/// What turns work into calls for one card.
pub(crate) struct Submission {
    info: DeviceInfo,
    options: Options,
    pools: Arc<Pools>,
    /// Streams for what somebody waits for.
    streams: StreamPool,
    /// Unique among the devices of the process, and never used again.
    key: usize,
    /// Contexts whose memory this one may use.
    peers: Mutex<Vec<Arc<Context>>>,
}

/// One launch.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    pub(crate) executable: &'a Arc<Executable>,
    pub(crate) extent: Extent,
    pub(crate) kernarg: &'a Kernarg,
    /// What the program asked for, for messages; `None` if there is no more than this.
    pub(crate) of: Option<&'a Dispatch>,
}

impl<'a> Launch<'a> {
    /// A launch of a kernel of the program's.
    pub(crate) fn of(executable: &'a Arc<Executable>, dispatch: &'a Dispatch) -> Self {
        Self { executable, extent: Extent::of(dispatch), kernarg: &dispatch.kernarg, of: Some(dispatch) }
    }
}

/// Work for a stream of the driver.
#[derive(Debug)]
pub(crate) enum DeviceWork {
    Kernel(Arc<Executable>, Dispatch),
    Copy(DeviceCopy),
    Fill(FillWork),
    Nodes(Arc<NodePart>),
    Marker,
}

/// A launch as the driver wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaunchShape {
    pub(crate) groups: [u32; 3],
    pub(crate) workgroup: [u32; 3],
    /// Dynamic shared memory in bytes.
    pub(crate) dynamic: u32,
}

impl Submission {
    /// # Errors
    /// As [`Gpu::open`](crate::Gpu::open).
    pub(crate) fn new(card: &Card, id: &str, options: Options) -> Result<Self, Error> {
        let context = Context::open(card, id.into())?;
        Self::in_context(context, options)
    }

    /// The same card again, after its context was lost.
    ///
    /// # Errors
    /// [`Error::StillHeld`], [`Error::NotRecovered`], or as [`new`](Self::new).
    pub(crate) fn reopened(&self) -> Result<Self, Error> {
        self.pools.trim();
        let context = self.context().replace()?;
        Self::in_context(context, self.options.clone())
    }

    fn in_context(context: Arc<Context>, options: Options) -> Result<Self, Error> {
        let info = Self::describe(&context)?;
        let pools = Pools::new(context, info.memory, options.profile)?;
        let key = code::device_key();
        Ok(Self { info, options, pools, streams: StreamPool::default(), key, peers: Mutex::default() })
    }

    fn describe(context: &Context) -> Result<DeviceInfo, Error> {
        use CUdevice_attribute as Is;
        let (card, session) = (context.card(), context.session());
        let of = |attribute| Ok::<_, Error>(u32::try_from(context.check(card.attribute(attribute))?).unwrap_or(0));
        let unusable = |what| Error::Unusable { device: format!("{} ({})", context.id(), card.name()), what };
        let target = card.capability().target().ok_or_else(|| unusable("compute capability of 7.0 or higher"))?;
        if of(Is::CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING)? == 0 {
            return Err(unusable("unified addressing"));
        }
        let mut info = DeviceInfo::new(&**context.id(), session.origin().kind);
        info.name = card.name().to_owned();
        info.isa = target.to_owned();
        info.memory = context.check(card.memory())?;
        info.compute_units = of(Is::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        info.wave_size = of(Is::CU_DEVICE_ATTRIBUTE_WARP_SIZE)?;
        info.lds = of(Is::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        info.max_workgroup = of(Is::CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?;
        info.max_groups = [
            of(Is::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X)?.into(),
            of(Is::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y)?.into(),
            of(Is::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z)?.into(),
        ];
        info.max_grid_items = u64::MAX;
        info.driver = session.driver();
        Ok(info)
    }

    pub(crate) fn info(&self) -> &DeviceInfo {
        &self.info
    }

    pub(crate) fn pools(&self) -> &Arc<Pools> {
        &self.pools
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        self.pools.context()
    }

    pub(crate) fn streams(&self) -> &StreamPool {
        &self.streams
    }

    /// Where the lines that kernels print go.
    pub(crate) fn output(&self) -> &OutputSink {
        self.pools.outputs().sink()
    }

    /// Has kernels of this card reach all memory of another one.
    pub(crate) fn enable_peer_access(&self, peer: &Self) -> Result<(), DriverError> {
        let unconnected = || DriverError::Unsupported(format!("access to the memory of {}", peer.info.id));
        let (context, other) = (self.context(), peer.context());
        if !Arc::ptr_eq(context.session(), other.session()) {
            return Err(unconnected());
        }
        if let Some(loss) = other.loss() {
            return Err(Error::Lost(Arc::clone(loss)).into());
        }
        let api = context.enter()?;
        if !context.check(context.card().reaches(other.card()))? {
            return Err(unconnected());
        }
        // SAFETY: this context is current, the other one lives, and the flags must be 0.
        match unsafe { call!(api, cuCtxEnablePeerAccess(other.handle(), 0)) } {
            Err(error) if error.result == CUresult::CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED => {}
            answer => context.check(answer)?,
        }
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(other));
        Ok(())
    }

    /// Whether kernels of this card can be given that memory.
    pub(crate) fn reaches(&self, memory: &dyn Memory) -> bool {
        let memory: &dyn Any = memory;
        let Some(memory) = memory.downcast_ref::<DeviceMemory>() else { return false };
        let owner = memory.context();
        let is_own = Arc::ptr_eq(owner, self.context());
        let is_peer =
            || self.peers.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|peer| Arc::ptr_eq(peer, owner));
        // Memory of no bytes is anywhere; what a lost context had is nowhere.
        memory.is_empty()
            || (owner.loss().is_none()
                && Arc::ptr_eq(owner.session(), self.context().session())
                && (is_own || memory.is_everyones() || is_peer()))
    }

    /// What code is made for: what the card takes, or, if the program carries code and nothing that other could be made from, what
    /// that is for. Code that is for this kind of card alone was asked for when the program was built.
    pub(crate) fn code_target(&self) -> CodeTarget<'_> {
        let capability = self.context().card().capability();
        let is_own = |target: &&str| ComputeCapability::architecture_specific(target) == Some(capability);
        let own = bundle::targets().into_iter().find(is_own);
        let other = || if archive::is_empty() { self.newest_carried() } else { None };
        CodeTarget { isa: own.or_else(other).unwrap_or(&self.info.isa), checked: false }
    }

    /// A kernel of this program with these specialisation constants, loaded on this card the first time.
    pub(crate) fn executable(&self, kernel: KernelInstance, constants: &[u8]) -> Result<Arc<Executable>, DriverError> {
        // The record would have it for good.
        if let Some(loss) = self.context().loss() {
            return Err(Error::Lost(Arc::clone(loss)).into());
        }
        let loaded = code::loaded(kernel, self.key, constants, |constants| {
            Ok(self.load(self.code(kernel, constants)?)? as LoadedKernel)
        })?;
        loaded.downcast::<Executable>().map_err(|_| {
            DriverError::device("another driver has loaded this kernel under this device's key; please report it")
        })
    }

    /// The kernel's PTX for this card: for the target that code is made for, or, where the program carries no such code and nobody
    /// can make it, the newest that the program carries and that the card takes.
    fn code(&self, kernel: KernelInstance, constants: &[u8]) -> Result<DeviceCode, CodeError> {
        let missing = match code::device_code(kernel, self.code_target().isa, false, constants) {
            Err(missing @ (CodeError::NotCarried { .. } | CodeError::GpuOnly { .. })) => missing,
            other => return other,
        };
        match self.newest_carried() {
            Some(older) => code::device_code(kernel, older, false, constants),
            None => Err(missing),
        }
    }

    /// The newest target of the code that the program carries and that the card takes.
    fn newest_carried(&self) -> Option<&'static str> {
        let carried = bundle::targets();
        self.context().card().capability().targets().find(|target| carried.contains(target))
    }

    /// Loads a kernel.
    ///
    /// # Errors
    /// As [`Executable::load`].
    pub(crate) fn load(&self, code: DeviceCode) -> Result<Arc<Executable>, Error> {
        Ok(Arc::new(Executable::load(&self.pools, code, &self.options)?))
    }

    /// Puts work into a stream.
    ///
    /// # Safety
    /// What the work names stays valid, and is touched by nobody else against its use by the work, until the operation has
    /// ended. Executables are this card's, and take the explicit kernarg bytes that they are given.
    ///
    /// # Errors
    /// What the driver says. Nothing of the work runs then.
    pub(crate) unsafe fn begin(
        &self,
        stream: &Arc<CudaStream>,
        work: &DeviceWork,
        after: &[Arc<Operation>],
    ) -> Result<Arc<Operation>, DriverError> {
        match work {
            // SAFETY: this function's contract.
            DeviceWork::Kernel(executable, dispatch) => unsafe {
                self.kernel(stream, Launch::of(executable, dispatch), after)
            },
            DeviceWork::Copy(copy) => {
                let in_flight = InFlight { memory: copy.memory(), ..InFlight::default() };
                // SAFETY: the operation has the memory; the rest is this function's contract.
                self.submit(stream, after, in_flight, |_| unsafe { copy.enqueue(stream) })
            }
            DeviceWork::Fill(fill) => {
                let address = fill.memory.address() + fill.offset;
                let (steps, seed) = fill::steps(address, fill.bytes as usize, &fill.pattern);
                let pattern = self.pattern(&seed)?;
                let from = pattern.as_ref().map_or(0, OutputMemory::address);
                let in_flight = InFlight { memory: vec![Arc::clone(&fill.memory)], pattern, ..InFlight::default() };
                self.submit(stream, after, in_flight, |_| {
                    // SAFETY: the operation has memory and pattern; the rest is this function's contract.
                    steps.iter().try_for_each(|step| unsafe { self.fill_step(stream, step, from) })
                })
            }
            DeviceWork::Nodes(part) => {
                let run = part.take(self)?;
                let exec = run.exec();
                let in_flight = InFlight { kernels: Kernels::Graph(run), ..InFlight::default() };
                self.submit(stream, after, in_flight, |_| {
                    let context = self.context();
                    let api = context.enter()?;
                    // SAFETY: the operation has the graph and what its nodes name; the rest is this function's contract.
                    context.check(unsafe { call!(api, cuGraphLaunch(exec, stream.handle())) })
                })
            }
            DeviceWork::Marker => self.submit(stream, after, InFlight::default(), |_| Ok(())),
        }
    }

    /// Puts a kernel into a stream.
    ///
    /// # Safety
    /// As [`begin`](Self::begin).
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) unsafe fn kernel(
        &self,
        stream: &Arc<CudaStream>,
        launch: Launch<'_>,
        after: &[Arc<Operation>],
    ) -> Result<Arc<Operation>, DriverError> {
        let shape = self.checked(launch)?;
        let run = self.kernel_run(launch)?;
        let in_flight = InFlight { kernels: Kernels::One(run), ..InFlight::default() };
        self.submit(stream, after, in_flight, |in_flight| {
            let Kernels::One(run) = &in_flight.kernels else { return Ok(()) };
            let context = self.context();
            let api = context.enter()?;
            let (function, nothing) = (run.executable.function(), ptr::null_mut());
            let [x, y, z] = shape.groups;
            let [along_x, along_y, along_z] = shape.workgroup;
            Parameters::of(run, launch.kernarg).with(|parameters| {
                // SAFETY: the function is this card's, and takes these parameters: so many bytes of arguments, as `checked` has
                // seen, and the address of the hidden block if it has one. The operation has what they name, or the caller sees
                // to it.
                context.check(unsafe {
                    call!(
                        api,
                        cuLaunchKernel(
                            function,
                            x,
                            y,
                            z,
                            along_x,
                            along_y,
                            along_z,
                            shape.dynamic,
                            stream.handle(),
                            parameters,
                            nothing
                        )
                    )
                })
            })
        })
    }

    /// Puts work into a stream with what it holds until it has ended. `enqueue` calls the driver.
    fn submit(
        &self,
        stream: &Arc<CudaStream>,
        after: &[Arc<Operation>],
        in_flight: InFlight,
        enqueue: impl FnOnce(&InFlight) -> Result<(), Error>,
    ) -> Result<Arc<Operation>, DriverError> {
        let event = match self.pools.clock() {
            Some(clock) => clock.event()?,
            None => self.pools.events().take()?,
        };
        for earlier in after.iter().filter(|earlier| !Arc::ptr_eq(earlier.stream(), stream)) {
            stream.wait_for(earlier)?;
        }
        let timer = self.pools.clock().map(|clock| clock.start(stream)).transpose()?;
        if let Err(error) = enqueue(&in_flight) {
            // Some of it may be under way.
            let _ended_or_lost = stream.synchronize();
            return Err(error.into());
        }
        // Known to the stream before its event is recorded: that may be what says that this work has lost the context.
        let operation = Operation::new(&self.pools, stream, event, timer, in_flight);
        match operation.event().record(stream.handle()) {
            // Whoever waits for it hears that it did not end.
            Ok(()) | Err(Error::Lost(_)) => Ok(operation),
            Err(error) => {
                // Before the operation is dropped, which asks its event.
                let _ended_or_lost = stream.synchronize();
                Err(error.into())
            }
        }
    }

    /// What a launch needs beside its arguments.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn kernel_run(&self, launch: Launch<'_>) -> Result<KernelRun, Error> {
        let executable = Arc::clone(launch.executable);
        let output = match executable.prints() {
            true => Some(self.pools.output(self.options.output_buffer)?),
            false => None,
        };
        let slot = match executable.has_hidden_block() {
            true => {
                let output = output.as_ref().map_or(0, |output| output.address());
                Some(self.pools.slots().take(self.context(), output)?)
            }
            false => None,
        };
        Ok(KernelRun { executable, slot, output, dispatch: launch.of.cloned(), step: None })
    }

    /// The launch as the driver wants it, checked against kernel and card.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::Arguments`], or what the driver says.
    pub(crate) fn checked(&self, launch: Launch<'_>) -> Result<LaunchShape, Error> {
        let Launch { executable, extent, kernarg, .. } = launch;
        let check = |what, requested: u64, limit: u64| {
            if requested <= limit {
                return Ok(());
            }
            Err(Error::Limit { what, requested, limit })
        };
        let items: u64 = extent.workgroup.iter().map(|&items| u64::from(items)).product();
        check("its work-group", items, self.info.max_workgroup.into())?;
        check("its work-group, with the registers that the kernel takes,", items, executable.max_workgroup().into())?;
        let (lds, dynamic) = executable.lds(extent.dynamic_lds);
        check("its LDS in bytes", lds, self.info.lds.into())?;
        let axes =
            ["its grid along x in work-groups", "its grid along y in work-groups", "its grid along z in work-groups"];
        for ((what, groups), limit) in axes.into_iter().zip(extent.groups).zip(self.info.max_groups) {
            check(what, groups.into(), limit)?;
        }
        let (expected, given) = (executable.explicit(), kernarg.as_bytes().len());
        if given < expected {
            return Err(Error::Arguments { kernel: executable.code().resources.symbol.clone(), expected, given });
        }
        let dynamic = dynamic as u32;
        executable.allow_dynamic(dynamic)?;
        Ok(LaunchShape { groups: extent.groups, workgroup: extent.workgroup, dynamic })
    }

    /// Pinned memory that begins with these bytes; none for none.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn pattern(&self, bytes: &[u8]) -> Result<Option<Pinned>, Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut pattern = Pinned::allocate(self.context(), bytes.len())?;
        pattern.bytes_mut().copy_from_slice(bytes);
        Ok(Some(pattern))
    }

    /// # Safety
    /// The memory that the step names lives until it has ended, and nobody else uses it; `pattern` is the address of the pinned
    /// memory.
    unsafe fn fill_step(&self, stream: &CudaStream, step: &FillStep, pattern: u64) -> Result<(), Error> {
        let context = self.context();
        let api = context.enter()?;
        let on: CUstream = stream.handle();
        // SAFETY: this function's contract; units are aligned.
        context.check(unsafe {
            match *step {
                FillStep::Set { address, value, size: 1, count } => {
                    call!(api, cuMemsetD8Async(address, value as u8, count, on))
                }
                FillStep::Set { address, value, size: 2, count } => {
                    call!(api, cuMemsetD16Async(address, value as u16, count, on))
                }
                FillStep::Set { address, value, count, .. } => call!(api, cuMemsetD32Async(address, value, count, on)),
                FillStep::Seed { address, bytes } => call!(api, cuMemcpyAsync(address, pattern, bytes, on)),
                FillStep::Copy { from, to, bytes } => call!(api, cuMemcpyAsync(to, from, bytes, on)),
            }
        })
    }
}

/// A kernel's parameters, for the call that takes their addresses.
pub(crate) struct Parameters<'k> {
    kernarg: &'k Kernarg,
    /// Address of the hidden block, if the kernel has one.
    hidden: u64,
}

impl<'k> Parameters<'k> {
    pub(crate) fn of(run: &KernelRun, kernarg: &'k Kernarg) -> Self {
        Self { kernarg, hidden: run.slot.as_ref().map_or(0, |slot| slot.address()) }
    }

    /// Calls with the addresses of the parameters, which are read only, and valid until the call returns.
    pub(crate) fn with<T>(&self, call: impl FnOnce(*mut *mut c_void) -> T) -> T {
        let kernarg = self.kernarg.as_bytes().as_ptr().cast_mut().cast::<c_void>();
        let hidden = (&raw const self.hidden).cast_mut().cast::<c_void>();
        // A kernel without a hidden block has one parameter, and its second address is not looked at.
        let mut parameters = [kernarg, hidden];
        call(parameters.as_mut_ptr())
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("info", &self.info).field("options", &self.options).finish_non_exhaustive()
    }
}
