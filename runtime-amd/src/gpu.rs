//! One GPU as a `Driver`: what it is, its memory, and a launch from arguments to completion.

use std::{any::Any, env, sync::Arc, time::Duration};

use geobacter_runtime_core::{
    code::DeviceCode,
    driver::{
        CodeTarget, Completion, CopyWork, DeviceInfo, Dispatch, Driver, DriverError, DriverGraph, DriverStream,
        GraphStep, Kernarg, KernelInstance, Memory, MemoryKind, Priority,
    },
    output::OutputSink,
};

use crate::{
    agent::Agent,
    error::Error,
    executable::{DYNAMIC_STACK, Executable},
    graph::GpuGraph,
    memory::DeviceMemory,
    stream::GpuStream,
    submission::{Launch, Submission},
};

/// How a GPU is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The longest that one launch may take; a kernel that takes longer is ended and its launch fails. `None`: no
    /// limit.
    pub launch_timeout: Option<Duration>,
    /// Packets that a queue has room for, and launches that can be in flight in one stream; the agent's limits and the
    /// next power of two count.
    pub queue_size: u32,
    /// Scratch for each work-item, in bytes, that a kernel gets beyond what the compiler counted if it recurses.
    pub dynamic_stack: u32,
    /// Whether the device checks accesses to LDS: kernels are compiled for it.
    pub checked: bool,
    /// Whether the device writes down when work began and ended.
    pub profile: bool,
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
            profile: false,
            output_buffer: 1024 * 1024,
        }
    }
}

impl Options {
    /// The defaults, changed by the environment: `GEOBACTER_LAUNCH_TIMEOUT` is the limit for a launch in seconds (0:
    /// none), `GEOBACTER_DYNAMIC_STACK` the stack of recursive kernels in bytes for each work-item,
    /// `GEOBACTER_OUTPUT_BUFFER` the room for what a launch prints in bytes, `GEOBACTER_QUEUE_SIZE` the room of a queue
    /// in packets. What is no number is logged and ignored. `GEOBACTER_PROFILE=1`, or a file for `GEOBACTER_TRACE`,
    /// asks for time stamps.
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
        let is_set = |name| variable(name).is_some_and(|value| !matches!(value.trim(), "" | "0"));
        self.profile |= is_set("GEOBACTER_PROFILE") || is_set("GEOBACTER_TRACE");
        if let Some(packets) = parsed(&variable, "GEOBACTER_QUEUE_SIZE", |text| text.parse().ok()) {
            self.queue_size = packets;
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
#[derive(Debug)]
pub struct Gpu {
    submission: Arc<Submission>,
}

impl Gpu {
    /// Opens one agent among all agents of its session, under this device id.
    ///
    /// # Errors
    /// What the HSA runtime says; [`Error::Unusable`] if the agent lacks an instruction set or a memory pool.
    pub fn open(agent: &Agent, agents: &[Agent], id: impl Into<String>, options: Options) -> Result<Self, Error> {
        let submission = Submission::new(agent, agents, id.into(), options)?;
        Ok(Self { submission: Arc::new(submission) })
    }

    /// Its agent.
    pub fn agent(&self) -> &Agent {
        self.submission.agent()
    }

    /// Loads a kernel. [`Driver::dispatch`] does this by itself; here for code objects from elsewhere.
    ///
    /// # Errors
    /// As [`Executable::load`].
    pub fn load(&self, code: DeviceCode) -> Result<Arc<Executable>, Error> {
        Ok(Arc::new(Executable::load(self.agent(), code)?))
    }

    /// Runs a loaded kernel over whole work-groups and waits for its end.
    ///
    /// # Safety
    /// As [`Driver::dispatch`]: the explicit kernarg bytes must be what the kernel takes, and every address in them
    /// must lie in memory of this device that stays allocated until the call returns and that nobody else touches
    /// meanwhile against its use by the kernel. The executable must have been loaded on this GPU.
    ///
    /// # Errors
    /// [`WorkError::Panicked`](geobacter_runtime_core::driver::WorkError::Panicked) if the kernel panicked,
    /// [`WorkError::Check`](geobacter_runtime_core::driver::WorkError::Check) if the device checks kernels and this one
    /// broke a rule, otherwise what the device says.
    pub unsafe fn launch(
        &self,
        executable: &Arc<Executable>,
        extent: Extent,
        kernarg: &Kernarg,
    ) -> Result<(), DriverError> {
        let launch = Launch { executable, extent, kernarg, of: None };
        // SAFETY: this function's contract.
        unsafe { self.run(launch) }
    }

    /// # Safety
    /// As [`launch`](Self::launch).
    unsafe fn run(&self, launch: Launch<'_>) -> Result<(), DriverError> {
        let mut queue = self.submission.queue(Priority::Normal)?;
        let operation = self.submission.on_running_queue(&mut queue, Priority::Normal, |queue| {
            // SAFETY: the caller promises it until the call returns, before which the operation has ended.
            unsafe { self.submission.kernel(queue, launch, &[]) }
        })?;
        Ok(operation.wait()?)
    }
}

impl Driver for Gpu {
    fn info(&self) -> &DeviceInfo {
        self.submission.info()
    }

    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        Ok(Arc::new(DeviceMemory::allocate(self.submission.pools(), self.agent(), bytes, kind)?))
    }

    fn open_stream(&self, priority: Priority) -> Result<Box<dyn DriverStream>, DriverError> {
        Ok(Box::new(GpuStream::new(Arc::clone(&self.submission), priority)?))
    }

    fn build_graph(&self, steps: Vec<GraphStep>) -> Result<Arc<dyn DriverGraph>, DriverError> {
        Ok(Arc::new(GpuGraph::new(&self.submission, steps)?))
    }

    fn enable_peer_access(&self, peer: &dyn Driver) -> Result<(), DriverError> {
        let any: &dyn Any = peer;
        match any.downcast_ref::<Self>() {
            Some(peer) => self.submission.enable_peer_access(&peer.submission),
            None => Err(DriverError::Unsupported(format!("access to the memory of {}", peer.info().id))),
        }
    }

    fn reaches(&self, memory: &dyn Memory) -> bool {
        self.submission.reaches(memory)
    }

    fn output(&self) -> &OutputSink {
        self.submission.output()
    }

    unsafe fn copy(&self, copy: &CopyWork) -> Result<(), DriverError> {
        // SAFETY: the caller promises it until the call returns, before which the operation has ended.
        match unsafe { self.submission.copy(copy, &[]) }? {
            Some(operation) => Ok(operation.wait()?),
            // SAFETY: this function's contract.
            None => unsafe { copy.by_host() },
        }
    }

    fn code_target(&self) -> Option<CodeTarget<'_>> {
        Some(self.submission.code_target())
    }

    fn prepare(&self, kernel: KernelInstance, constants: &[u8]) -> Result<(), DriverError> {
        self.submission.executable(kernel, constants).map(drop)
    }

    unsafe fn dispatch(&self, dispatch: &Dispatch) -> Result<(), DriverError> {
        let executable = self.submission.executable(dispatch.kernel, &dispatch.constants())?;
        // SAFETY: the caller promises it for the kernarg bytes; the executable was loaded above under this GPU's key.
        unsafe { self.run(Launch::of(&executable, dispatch)) }
    }
}

impl Extent {
    /// That of a launch.
    pub(crate) fn of(dispatch: &Dispatch) -> Self {
        let descriptor = dispatch.kernel.descriptor;
        Self {
            dimensions: descriptor.dimensions,
            groups: dispatch.groups(),
            workgroup: descriptor.workgroup,
            dynamic_lds: dispatch.dynamic_lds,
        }
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
        assert_eq!(read(&[("GEOBACTER_QUEUE_SIZE", "64")]).queue_size, 64);
        assert!(read(&[("GEOBACTER_PROFILE", "1")]).profile && read(&[("GEOBACTER_TRACE", "t.json")]).profile);
        assert!(!read(&[("GEOBACTER_PROFILE", "0")]).profile);
        assert_eq!(read(&[("GEOBACTER_OUTPUT_BUFFER", "4096")]).output_buffer, 4096);
        for nonsense in ["", "-1", "soon", "1e300", "NaN"] {
            let names = ["GEOBACTER_LAUNCH_TIMEOUT", "GEOBACTER_DYNAMIC_STACK", "GEOBACTER_OUTPUT_BUFFER"];
            let pairs = names.map(|name| (name, nonsense));
            assert_eq!(read(&pairs), default, "{nonsense}");
        }
    }
}
