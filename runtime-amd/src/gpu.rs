//! One GPU as a `Driver`: what it is, its memory, and a launch from arguments to completion.

use std::{
    env, fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use geobacter_runtime_core::{
    check::CheckFailure,
    code,
    driver::{DeviceInfo, Dispatch, Driver, DriverError, LoadedKernel, Memory, check_fault},
    output::OutputSink,
};
use geobacter_spool::fault::FaultRecord;
use hsa_rt_sys::amd_queue_t;

use crate::{
    agent::Agent,
    buffers::Neighbour,
    error::Error,
    executable::{DYNAMIC_STACK, Executable},
    info,
    kernarg::HiddenValues,
    memory::DeviceMemory,
    memory_pool::Pools,
    packet::{KernelDispatch, KernelDispatchFields},
    queue::{Deadline, QueueFault},
    queue_pool::QueuePool,
};

/// How a GPU is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The longest that one launch may take; a kernel that takes longer is ended and its launch fails. `None`: no limit.
    pub launch_timeout: Option<Duration>,
    /// Packets that a queue has room for; the agent's limits and the next power of two count.
    pub queue_size: u32,
    /// Scratch for each work-item, in bytes, that a kernel gets beyond what the compiler counted if it recurses.
    pub dynamic_stack: u32,
    /// Whether the device checks accesses to LDS: kernels are compiled for it.
    pub checked: bool,
    /// Room for the lines that one launch prints, in bytes; what does not fit is lost, and counted.
    pub output_buffer: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            launch_timeout: Some(Duration::from_secs(600)),
            queue_size: 256,
            dynamic_stack: DYNAMIC_STACK,
            checked: false,
            output_buffer: 1024 * 1024,
        }
    }
}

impl Options {
    /// The defaults, changed by the environment: `GEOBACTER_LAUNCH_TIMEOUT` is the limit for a launch in seconds (0: none),
    /// `GEOBACTER_DYNAMIC_STACK` the stack of recursive kernels in bytes for each work-item, `GEOBACTER_OUTPUT_BUFFER` the
    /// room for what a launch prints in bytes. What is no number is logged and ignored.
    pub fn from_environment() -> Self {
        let mut options = Self::default();
        options.read(|name| env::var(name).ok());
        options
    }

    fn read(&mut self, variable: impl Fn(&str) -> Option<String>) {
        if let Some(limit) = parsed(&variable, "GEOBACTER_LAUNCH_TIMEOUT", |text| {
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        }) {
            self.launch_timeout = Some(limit).filter(|limit| !limit.is_zero());
        }
        if let Some(bytes) = parsed(&variable, "GEOBACTER_DYNAMIC_STACK", |text| text.parse().ok()) {
            self.dynamic_stack = bytes;
        }
        if let Some(bytes) = parsed(&variable, "GEOBACTER_OUTPUT_BUFFER", |text| text.parse().ok()) {
            self.output_buffer = bytes;
        }
    }
}

fn parsed<T>(variable: impl Fn(&str) -> Option<String>, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = variable(name)?;
    let value = parse(text.trim());
    if value.is_none() {
        tracing::warn!(name, text, "the environment variable is not a number that makes sense; it is ignored");
    }
    value
}

/// The extent of one launch, in whole work-groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Dimensions that count: 1, 2 or 3.
    pub dimensions: u32,
    /// Work-groups along x, y and z.
    pub groups: [u32; 3],
    /// Work-items of a work-group along x, y and z.
    pub workgroup: [u32; 3],
    /// LDS of a work-group that is sized at launch, in bytes; what the kernel's code asks for comes on top.
    pub dynamic_lds: u32,
}

/// One GPU.
pub struct Gpu {
    info: DeviceInfo,
    agent: Agent,
    pools: Pools,
    queues: QueuePool,
    options: Options,
    output: OutputSink,
    /// Unique among the devices of the process, and never used again.
    key: usize,
}

impl Gpu {
    /// Opens one agent among all agents of its session, under this device id.
    ///
    /// # Errors
    /// What the HSA runtime says; [`Error::Unusable`] if the agent lacks an instruction set or a memory pool.
    pub fn open(agent: &Agent, agents: &[Agent], id: impl Into<String>, options: Options) -> Result<Self, Error> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
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
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        let (queues, output) = (QueuePool::default(), OutputSink::default());
        Ok(Self { info, agent: agent.clone(), pools, queues, options, output, key })
    }

    /// Its agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Loads a kernel. [`Driver::dispatch`] does this by itself; here for code objects from elsewhere.
    ///
    /// # Errors
    /// As [`Executable::load`].
    pub fn load(&self, code: code::DeviceCode) -> Result<Executable, Error> {
        Executable::load(&self.agent, code)
    }

    /// Runs a loaded kernel over whole work-groups and waits for its end.
    ///
    /// # Safety
    /// As [`Driver::dispatch`]: the explicit kernarg bytes must be what the kernel takes, and every address in them must
    /// lie in memory of this device that stays allocated until the call returns and that nobody else touches meanwhile
    /// against its use by the kernel. The executable must have been loaded on this GPU.
    ///
    /// # Errors
    /// [`DriverError::Panicked`] if the kernel panicked, [`DriverError::Check`] if the device checks kernels and this one
    /// broke a rule, otherwise what the device says.
    pub unsafe fn launch(&self, executable: &Executable, extent: Extent, kernarg: &[u8]) -> Result<(), DriverError> {
        // SAFETY: the caller's.
        unsafe {
            self.run(
                executable,
                extent,
                kernarg,
                &Names { kernel: &executable.code().resources.symbol, buffer: &|_| "a buffer".to_owned() },
            )
        }
    }

    /// [`launch`](Self::launch), with names for what is reported.
    ///
    /// # Safety
    /// As there.
    unsafe fn run(
        &self,
        executable: &Executable,
        extent: Extent,
        kernarg: &[u8],
        names: &Names<'_>,
    ) -> Result<(), DriverError> {
        let mut fields = self.checked(executable, extent)?;
        let layout = executable.layout();
        let queue = self.queues.acquire(&self.agent, self.options.queue_size)?;
        let mut slot = queue.slot(&self.pools, &self.agent, layout.size())?;

        let mut values = HiddenValues {
            dimensions: fields.dimensions,
            groups: extent.groups,
            workgroup: fields.workgroup,
            fault_record: slot.record_address(),
            ..HiddenValues::default()
        };
        if executable.prints() {
            match slot.output_address(&self.pools, &self.agent, self.options.output_buffer) {
                Ok(address) => values.output_buffer = address,
                Err(error) => {
                    queue.give_back(slot);
                    return Err(error.into());
                }
            }
        }
        if let Some(queue) = queue.address() {
            values.queue = queue.as_ptr() as u64;
            if layout.asks_for_apertures() {
                // SAFETY: on AMD agents an HSA queue is the first field of an `amd_queue_t`, which lives as long as it.
                let fields = unsafe { queue.cast::<amd_queue_t>().as_ref() };
                values.private_base = fields.private_segment_aperture_base_hi;
                values.shared_base = fields.group_segment_aperture_base_hi;
            }
        }
        let segment = &mut slot.kernarg.bytes_mut()[..layout.size()];
        if let Err(source) = layout.fill(segment, kernarg, &values) {
            queue.give_back(slot);
            let kernel = executable.code().resources.symbol.clone();
            return Err(Error::Kernarg { kernel, source }.into());
        }
        slot.clear_record();
        slot.completion.store(1);
        fields.kernarg = slot.kernarg.address();
        fields.completion = slot.completion.handle();

        let deadline = Deadline::after(self.options.launch_timeout);
        let packet = KernelDispatch::new(&fields);
        // SAFETY: kernel, slot and the memory that the arguments name stay until `wait` says that the launch has ended, or
        // until the queue is closed.
        let ended = unsafe { queue.submit(&packet, deadline) }.and_then(|()| queue.wait(&slot.completion, deadline));
        let kernel = names.kernel;
        match ended {
            Ok(()) => {
                let record = slot.record();
                slot.deliver_output(kernel, &executable.code().code_object, &self.output);
                queue.give_back(slot);
                check_fault(&record, &executable.code().code_object)
            }
            Err(fault) => {
                // From here on no kernel of this queue runs any more.
                let report = queue.close().clone();
                slot.deliver_output(kernel, &executable.code().code_object, &self.output);
                let near = self.nearest_buffer(&fault, names.buffer).unwrap_or_default();
                Err(stopped(
                    executable,
                    &slot.record(),
                    Error::Stopped { fault, near, report: report.text },
                    report.check,
                ))
            }
        }
    }

    /// Where the address of a memory fault is, as seen from the buffer next to it.
    fn nearest_buffer(&self, fault: &QueueFault, buffer: &dyn Fn(Range<u64>) -> String) -> Option<String> {
        let QueueFault::Memory { address, .. } = fault else { return None };
        let Neighbour { start, size, place } = self.agent.session().buffers().nearest(*address)?;
        Some(format!(": {place} {} ({size} bytes)", buffer(start..start.saturating_add(size))))
    }

    /// What the packet holds of the kernel and the extent, checked against the device.
    fn checked(&self, executable: &Executable, extent: Extent) -> Result<KernelDispatchFields, Error> {
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
            completion: hsa_rt_sys::hsa_signal_t { handle: 0 },
        })
    }
}

impl Driver for Gpu {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn output(&self) -> &OutputSink {
        &self.output
    }

    fn allocate(&self, bytes: u64) -> Result<Box<dyn Memory>, DriverError> {
        Ok(Box::new(DeviceMemory::new(&self.pools.local, &self.agent, bytes)?))
    }

    unsafe fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<(), DriverError> {
        let kernel = dispatch.kernel;
        let loaded = code::loaded(kernel, self.key, || {
            let code = code::device_code(kernel, &self.info.isa, self.options.checked)?;
            Ok(Arc::new(self.load(code)?) as LoadedKernel)
        })?;
        let executable = loaded.downcast::<Executable>().map_err(|_| {
            DriverError::Device(
                "another driver has loaded this kernel under this device's key; please report it".into(),
            )
        })?;
        let extent = Extent {
            dimensions: kernel.descriptor.dimensions,
            groups: dispatch.groups(),
            workgroup: kernel.descriptor.workgroup,
            dynamic_lds: dispatch.dynamic_lds,
        };
        let buffer = |addresses| match dispatch.buffer_in(addresses) {
            Some(param) => format!("the buffer for parameter `{}: {}`", param.name, param.ty),
            None => "a buffer that is not the launch's".to_owned(),
        };
        // SAFETY: the caller promises it for the kernarg bytes; the executable was loaded above under this GPU's key.
        unsafe {
            self.run(&executable, extent, dispatch.kernarg, &Names { kernel: kernel.descriptor.name, buffer: &buffer })
        }
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("info", &self.info).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a launch is called in what is reported of it.
struct Names<'a> {
    kernel: &'a str,
    /// What to call a buffer that lies at these addresses.
    buffer: &'a dyn Fn(Range<u64>) -> String,
}

/// The error of a launch whose queue stopped, with the panic that another work-item may have left.
fn stopped(executable: &Executable, record: &FaultRecord, error: Error, check: Option<CheckFailure>) -> DriverError {
    let panic = check_fault(record, &executable.code().code_object);
    match (panic, check) {
        // An item that has panicked does not write what others read: the broken rule follows from that.
        (Err(panicked), Some(_)) => panicked,
        (Ok(()), Some(check)) => DriverError::Check(Box::new(check)),
        (Err(DriverError::Panicked(panic)), None) => DriverError::Device(format!(
            "{error}\nwork-item {:?} of work-group {:?} had panicked before: {}",
            panic.item, panic.group, panic.message
        )),
        (_, None) => DriverError::Device(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_changes_options() {
        let read = |pairs: &[(&str, &str)]| {
            let mut options = Options::default();
            let value = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
            options.read(value);
            options
        };
        let default = Options::default();
        assert_eq!(read(&[]), default);
        assert_eq!(read(&[("GEOBACTER_LAUNCH_TIMEOUT", "0")]).launch_timeout, None);
        assert_eq!(read(&[("GEOBACTER_LAUNCH_TIMEOUT", " 1.5 ")]).launch_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(read(&[("GEOBACTER_DYNAMIC_STACK", "65536")]).dynamic_stack, 65536);
        assert_eq!(read(&[("GEOBACTER_OUTPUT_BUFFER", "4096")]).output_buffer, 4096);
        for nonsense in ["", "-1", "soon", "1e300", "NaN"] {
            let names = ["GEOBACTER_LAUNCH_TIMEOUT", "GEOBACTER_DYNAMIC_STACK", "GEOBACTER_OUTPUT_BUFFER"];
            let pairs = names.map(|name| (name, nonsense));
            assert_eq!(read(&pairs), default, "{nonsense}");
        }
    }
}
