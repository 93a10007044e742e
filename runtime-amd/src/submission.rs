//! From work to packets: what all streams and launches of one GPU share.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_runtime_core::{
    code,
    completion::Sequence,
    driver::{
        CodeTarget, Completion, CopyWork, DeviceInfo, Dispatch, DriverError, Kernarg, KernelInstance, LoadedKernel,
        Memory, Place, Priority,
    },
    output::{OutputSink, pool::OutputPool},
};
use hsa_rt_sys::{self as hsa, amd_queue_t, hsa_signal_t};

use crate::{
    agent::Agent,
    error::{Error, call},
    executable::Executable,
    gpu::{Extent, Options},
    info,
    kernarg::HiddenValues,
    memory::DeviceMemory,
    memory_pool::{HostAllocation, Pools},
    operation::{Engine, InFlight, KernelRun, Kernels, Operation, Timer},
    packet::{BarrierAnd, KernelDispatch, KernelDispatchFields, Packet, Words},
    queue_pool::{PooledQueue, QueuePool, QueueUse},
    segment::SegmentPool,
    session::{Clocks, Session},
    signal::{Fate, SignalPool, WorkSignal},
};

/// What turns work into packets for one GPU.
pub(crate) struct Submission {
    info: DeviceInfo,
    agent: Agent,
    pools: Pools,
    options: Options,
    queues: QueuePool,
    signals: Arc<SignalPool>,
    segments: Arc<SegmentPool>,
    outputs: Arc<OutputPool<HostAllocation>>,
    /// Unique among the devices of the process, and never used again.
    key: usize,
    /// For time stamps, if they are asked for.
    clocks: Option<Clocks>,
    /// Agents whose memory this one may use.
    peers: Mutex<Vec<u64>>,
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

/// What work waits for, as a device sees it.
#[derive(Default)]
struct Waits {
    signals: Vec<hsa_signal_t>,
    /// Signals that stand for work that has none.
    stand_ins: Vec<Arc<WorkSignal>>,
}

impl Submission {
    /// # Errors
    /// As [`Gpu::open`](crate::Gpu::open).
    pub(crate) fn new(agent: &Agent, agents: &[Agent], id: String, options: Options) -> Result<Self, Error> {
        let pools = Pools::of(agent, agents)?;
        let session = agent.session();
        let mut info = DeviceInfo::new(id, session.origin().kind);
        info.name = agent.product_name().unwrap_or_else(|| agent.name().to_owned());
        info.isa = agent.target()?;
        info.memory = pools.local.size();
        info.compute_units = agent.info(&info::AGENT_COMPUTE_UNITS)?;
        info.wave_size = agent.info(&info::AGENT_WAVE_SIZE)?;
        info.lds = pools.lds;
        info.max_workgroup = agent.info(&info::AGENT_WORKGROUP_MAX_SIZE)?;
        info.max_grid = agent.info(&info::AGENT_GRID_MAX_DIM)?.map(u64::from);
        info.max_grid_items = agent.info(&info::AGENT_GRID_MAX_SIZE)?.into();
        info.driver = session.driver();
        let (queues, signals) = (QueuePool::new(options.profile), SignalPool::new(session));
        let clocks = if options.profile { Some(Self::start_clocks(session)?) } else { None };
        let (segments, outputs) = (Arc::default(), Arc::default());
        let key = code::device_key();
        Ok(Self {
            info,
            agent: agent.clone(),
            pools,
            options,
            queues,
            signals,
            segments,
            outputs,
            key,
            clocks,
            peers: Mutex::default(),
        })
    }

    fn start_clocks(session: &Session) -> Result<Clocks, Error> {
        // SAFETY: may be called at any time after `hsa_init`.
        if let Err(error) = unsafe { call!(session.api(), hsa_amd_profiling_async_copy_enable(true)) } {
            tracing::warn!(%error, "the device does not say when copies began and ended");
        }
        Ok(session.read_clocks()?)
    }

    /// How operations find out when they ran.
    fn timer(&self) -> Option<Timer> {
        self.clocks.map(|clocks| Timer { agent: self.agent.handle(), clocks })
    }

    pub(crate) fn info(&self) -> &DeviceInfo {
        &self.info
    }

    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// A queue, of one's own if there are few enough.
    pub(crate) fn queue(&self, priority: Priority) -> Result<QueueUse, Error> {
        self.queues.acquire(&self.agent, self.options.queue_size, priority)
    }

    /// Where the lines that kernels print go.
    pub(crate) fn output(&self) -> &OutputSink {
        self.outputs.sink()
    }

    /// A signal for work that counts it down from 1.
    pub(crate) fn signal(&self) -> Result<Arc<WorkSignal>, Error> {
        Ok(self.signals.take(1)?)
    }

    /// Has `submit` put work into a queue, and into another one if that is stopped by what else stands in it: the work
    /// has not begun then.
    pub(crate) fn on_running_queue<T>(
        &self,
        queue: &mut QueueUse,
        priority: Priority,
        submit: impl Fn(&Arc<PooledQueue>) -> Result<T, DriverError>,
    ) -> Result<T, DriverError> {
        /// Queues that are tried in all.
        const TRIES: usize = 4;
        let mut answer = None;
        for _ in 0..TRIES {
            if queue.queue().fault().is_some() {
                *queue = self.queue(priority)?;
            }
            match submit(queue.queue()) {
                Err(error) if queue.queue().fault().is_some() => answer = Some(error),
                other => return other,
            }
        }
        Err(answer.unwrap_or_else(|| DriverError::device("no queue of the device runs")))
    }

    /// Has kernels of this GPU reach all memory of another one.
    pub(crate) fn enable_peer_access(&self, peer: &Self) -> Result<(), DriverError> {
        let unconnected = || DriverError::Unsupported(format!("access to the memory of {}", peer.info.id));
        let same_runtime = Arc::ptr_eq(self.agent.session(), peer.agent.session());
        let access = if same_runtime { peer.pools.local.access(&self.agent).map_err(Error::from)? } else { 0 };
        if !same_runtime || access == hsa::HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED {
            return Err(unconnected());
        }
        self.peers.lock().unwrap_or_else(PoisonError::into_inner).push(peer.agent.handle().handle);
        Ok(())
    }

    /// Whether kernels of this GPU can be given that memory, and if so, gives them access.
    pub(crate) fn reaches(&self, memory: &dyn Memory) -> bool {
        let memory: &dyn std::any::Any = memory;
        let Some(memory) = memory.downcast_ref::<DeviceMemory>() else { return false };
        // Memory of no bytes is anywhere.
        let Some(allocation) = memory.allocation() else { return true };
        let owner = memory.owner().handle;
        let is_peer = || self.peers.lock().unwrap_or_else(PoisonError::into_inner).contains(&owner);
        let same_runtime = Arc::ptr_eq(allocation.session(), self.agent.session());
        if !same_runtime || !(owner == self.pools.host.handle || is_peer()) {
            return false;
        }
        let allowed = allocation.allow(&self.agent);
        allowed
            .inspect_err(|error| tracing::warn!(%error, "a device is not given access to a buffer of another"))
            .is_ok()
    }

    /// What code is made for.
    pub(crate) fn code_target(&self) -> CodeTarget<'_> {
        CodeTarget { isa: &self.info.isa, checked: self.options.checked }
    }

    /// A kernel of this program with these specialisation constants, loaded on this GPU the first time.
    pub(crate) fn executable(&self, kernel: KernelInstance, constants: &[u8]) -> Result<Arc<Executable>, DriverError> {
        let loaded = code::loaded(kernel, self.key, constants, |constants| {
            let code = code::device_code(kernel, &self.info.isa, self.options.checked, constants)?;
            Ok(Arc::new(Executable::load(&self.agent, code)?) as LoadedKernel)
        })?;
        loaded.downcast::<Executable>().map_err(|_| {
            DriverError::device("another driver has loaded this kernel under this device's key; please report it")
        })
    }

    /// Puts a kernel into a queue.
    ///
    /// # Safety
    /// The executable is loaded on this GPU, and takes these explicit kernarg bytes. What they name stays valid, and is
    /// touched by nobody else against its use by the kernel, until the operation has ended.
    pub(crate) unsafe fn kernel(
        &self,
        queue: &Arc<PooledQueue>,
        launch: Launch<'_>,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<Operation>, DriverError> {
        let mut fields = self.checked(launch.executable, launch.extent)?;
        let kernel = self.kernel_run(queue, launch)?;
        let signal = self.signal()?;
        fields.kernarg = kernel.segment.kernarg_address();
        fields.completion = signal.handle();
        let packet = KernelDispatch::new(&fields).words();
        // SAFETY: kernel, segment and signal stay until the operation has ended, or the queue is closed, for the
        // operation has them; the rest is this function's contract.
        unsafe { self.submit(queue, &[packet], signal, Kernels::One(kernel), after) }
    }

    /// What a launch needs beside its packet, with its arguments written.
    pub(crate) fn kernel_run(&self, queue: &PooledQueue, launch: Launch<'_>) -> Result<KernelRun, Error> {
        let segment = self.segments.take(&self.pools, &self.agent, launch.executable.layout().size())?;
        let output = match launch.executable.prints() {
            true => Some(
                self.outputs
                    .take(self.options.output_buffer, |bytes| self.pools.shared.allocate(bytes, &self.agent))?,
            ),
            false => None,
        };
        let executable = Arc::clone(launch.executable);
        let mut kernel = KernelRun { executable, segment, output, dispatch: launch.of.cloned() };
        kernel.fill(queue, launch.extent, launch.kernarg)?;
        Ok(kernel)
    }

    /// Puts a packet into a queue that ends when everything before it has.
    pub(crate) fn marker(
        &self,
        queue: &Arc<PooledQueue>,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<Operation>, DriverError> {
        let signal = self.signal()?;
        let packet = BarrierAnd::new([hsa_signal_t { handle: 0 }; BarrierAnd::SIGNALS], Some(signal.handle())).words();
        // SAFETY: the packet names nothing but its signal, which the operation has.
        unsafe { self.submit(queue, &[packet], signal, Kernels::None, after) }
    }

    /// Puts packets into a queue, the last of which signals.
    ///
    /// # Safety
    /// What the packets name stays valid until the operation has ended.
    pub(crate) unsafe fn submit(
        &self,
        queue: &Arc<PooledQueue>,
        packets: &[Words],
        signal: Arc<WorkSignal>,
        kernels: Kernels,
        after: &[Arc<dyn Completion>],
    ) -> Result<Arc<Operation>, DriverError> {
        let Waits { signals, stand_ins } = self.waits(after, Some(queue))?;
        let in_flight = InFlight { kernels, after: after.to_vec(), stand_ins, memory: Vec::new() };
        let engine = Engine::Queue(Arc::clone(queue));
        let session = Arc::clone(self.agent.session());
        let limit = self.options.launch_timeout;
        let operation =
            Arc::new(Operation::new(session, Arc::clone(&signal), engine, limit, in_flight).with_timer(self.timer()));
        let submitted = if signals.is_empty() {
            // SAFETY: this function's contract; the operation keeps its parts until the signal says so, even if nobody
            // has it: see below.
            unsafe { queue.submit(packets, &signal, limit) }
        } else {
            let barriers = signals.chunks(BarrierAnd::SIGNALS).map(|signals| {
                let mut five = [hsa_signal_t { handle: 0 }; BarrierAnd::SIGNALS];
                five[..signals.len()].copy_from_slice(signals);
                BarrierAnd::new(five, None).words()
            });
            let packets: Vec<_> = barriers.chain(packets.iter().copied()).collect();
            // SAFETY: as above.
            unsafe { queue.submit(&packets, &signal, limit) }
        };
        if let Err(fault) = submitted {
            // Nobody will count it down. (If the queue's stop has not come to it, for it was not in flight then.)
            signal.stop(Fate::Abandoned);
            // Parts of it may be in the ring: nothing of it is given back before the queue is closed.
            let report = queue.close().text.clone();
            return Err(Error::Stopped { fault, near: String::new(), report }.into());
        }
        Ok(operation)
    }

    /// The signals to wait for. What is done, or stands in this queue already, which is in order, needs none.
    fn waits(&self, after: &[Arc<dyn Completion>], queue: Option<&Arc<PooledQueue>>) -> Result<Waits, Error> {
        let mut waits = Waits::default();
        for earlier in after {
            let earlier = Sequence::last_of(earlier);
            let any: &dyn std::any::Any = earlier.as_ref();
            match any.downcast_ref::<Operation>() {
                Some(operation) if queue.is_some_and(|queue| operation.is_in(queue)) => {}
                Some(operation) if Arc::ptr_eq(operation.session(), self.agent.session()) => {
                    if !operation.signal().is_done() {
                        waits.signals.push(operation.signal().handle());
                    }
                }
                // Work of another driver, or of the host.
                _ => {
                    if earlier.poll().is_none() {
                        let stand_in = self.signals.take(1)?;
                        waits.signals.push(stand_in.handle());
                        let signal = Arc::clone(&stand_in);
                        Arc::clone(earlier).notify(Box::new(move || signal.signal().store(0)));
                        waits.stand_ins.push(stand_in);
                    }
                }
            }
        }
        Ok(waits)
    }

    /// Gives a copy to a copy engine; `None` if it is none between two memories of this HSA runtime.
    ///
    /// # Safety
    /// As `DriverStream::submit` for a copy, until the operation has ended.
    pub(crate) unsafe fn copy(
        &self,
        copy: &CopyWork,
        after: &[Arc<dyn Completion>],
    ) -> Result<Option<Arc<Operation>>, DriverError> {
        let own = |place: &Place| {
            let memory: &dyn std::any::Any = place.memory.as_ref();
            let memory = memory.downcast_ref::<DeviceMemory>()?;
            let allocation = memory.allocation()?;
            let start = allocation.address().cast::<u8>().wrapping_add(place.offset as usize);
            Arc::ptr_eq(allocation.session(), self.agent.session()).then_some((start, memory.owner()))
        };
        let (Some((source, from)), Some((destination, to))) = (own(&copy.source), own(&copy.destination)) else {
            return Ok(None);
        };
        if copy.rows == 0 || copy.row_bytes == 0 {
            return Ok(None);
        }
        let Waits { signals, stand_ins } = self.waits(after, None)?;
        // Rows that lie side by side are one.
        let dense = copy.source.pitch == copy.row_bytes && copy.destination.pitch == copy.row_bytes;
        let (rows, row_bytes) = if dense { (1, copy.rows * copy.row_bytes) } else { (copy.rows, copy.row_bytes) };
        // Each row counts it down.
        let signal = self.signals.take(rows as i64).map_err(Error::from)?;
        let memory: [Arc<dyn Memory>; 2] = [copy.source.memory.clone(), copy.destination.memory.clone()];
        let in_flight = InFlight { kernels: Kernels::None, after: after.to_vec(), stand_ins, memory: memory.into() };
        let session = Arc::clone(self.agent.session());
        let operation = Operation::new(session, Arc::clone(&signal), Engine::Copy, None, in_flight);
        // Rows of their own have times of their own.
        let operation = operation.with_timer(self.timer().filter(|_| rows == 1));
        for row in 0..rows {
            let at = |start: *mut u8, pitch: u64| start.wrapping_add((row * pitch) as usize).cast();
            // SAFETY: the rows lie in live memory of this runtime, which the operation holds, as it does the signals;
            // the rest is this function's contract.
            let answer = unsafe {
                call!(
                    self.agent.session().api(),
                    hsa_amd_memory_async_copy(
                        at(destination, copy.destination.pitch),
                        to,
                        at(source, copy.source.pitch),
                        from,
                        row_bytes as usize,
                        signals.len() as u32,
                        signals.as_ptr(),
                        signal.handle(),
                    )
                )
            };
            if let Err(error) = answer {
                // Rows that were given away run to their end, and hold what they need until then.
                signal.signal().subtract((rows - row) as i64);
                let _outcome = operation.wait();
                return Err(Error::from(error).into());
            }
        }
        Ok(Some(Arc::new(operation)))
    }

    /// What the packet holds of the kernel and the extent, checked against the device.
    pub(crate) fn checked(&self, executable: &Executable, extent: Extent) -> Result<KernelDispatchFields, Error> {
        let resources = &executable.code().resources;
        let check = |what, requested: u64, limit: u64| {
            if requested <= limit {
                return Ok(());
            }
            Err(Error::Limit { what, requested, limit })
        };
        let items: u64 = extent.workgroup.iter().map(|&items| u64::from(items)).product();
        check("its work-group", items, self.info.max_workgroup.into())?;
        check("its work-group", items, resources.max_workgroup.into())?;
        // What is sized at launch stands behind the kernel's own, aligned to 16 bytes.
        let group_segment = match extent.dynamic_lds {
            0 => u64::from(resources.lds),
            dynamic => u64::from(resources.lds).next_multiple_of(16) + u64::from(dynamic),
        };
        check("its LDS in bytes", group_segment, self.info.lds.into())?;
        check("its number of dimensions", extent.dimensions.into(), 3)?;
        let (mut grid, mut workgroup) = ([0; 3], [0; 3]);
        for dimension in 0..3 {
            let along = u64::from(extent.groups[dimension]) * u64::from(extent.workgroup[dimension]);
            check("its grid along one dimension", along, self.info.max_grid[dimension].min(u32::MAX.into()))?;
            (grid[dimension], workgroup[dimension]) = (along as u32, extent.workgroup[dimension] as u16);
        }
        Ok(KernelDispatchFields {
            dimensions: extent.dimensions as u16,
            workgroup,
            grid,
            private_segment: executable.private_segment(self.options.dynamic_stack),
            group_segment: group_segment as u32,
            kernel_object: executable.object(),
            kernarg: 0,
            completion: hsa_signal_t { handle: 0 },
        })
    }
}

impl KernelRun {
    /// Writes explicit and hidden arguments.
    pub(crate) fn fill(&mut self, queue: &PooledQueue, extent: Extent, kernarg: &Kernarg) -> Result<(), Error> {
        let layout = self.executable.layout();
        let mut values = HiddenValues {
            dimensions: extent.dimensions as u16,
            groups: extent.groups,
            workgroup: extent.workgroup.map(|items| items as u16),
            fault_record: self.segment.record_address(),
            output_buffer: self.output.as_ref().map_or(0, |output| output.address()),
            ..HiddenValues::default()
        };
        if let Some(queue) = queue.address() {
            values.queue = queue.as_ptr() as u64;
            if layout.asks_for_apertures() {
                // SAFETY: on AMD agents an HSA queue is the first field of an `amd_queue_t`, which lives as long as it.
                let fields = unsafe { queue.cast::<amd_queue_t>().as_ref() };
                values.private_base = fields.private_segment_aperture_base_hi;
                values.shared_base = fields.group_segment_aperture_base_hi;
            }
        }
        let segment = &mut self.segment.kernarg_mut()[..layout.size()];
        layout
            .fill(segment, kernarg.as_bytes(), &values)
            .map_err(|source| Error::Kernarg { kernel: self.executable.code().resources.symbol.clone(), source })
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("info", &self.info).field("options", &self.options).finish_non_exhaustive()
    }
}
