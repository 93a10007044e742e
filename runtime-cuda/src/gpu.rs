//! One card as a `Driver`: what it is, its memory, and a launch from arguments to completion.

use std::{any::Any, env, sync::Arc};

use geobacter_cuda_driver::{CudaApi, sys::CUdevice};
use geobacter_runtime_core::{
    code::DeviceCode,
    driver::{
        CodeTarget, Completion, CopyWork, DeviceInfo, Dispatch, Driver, DriverError, DriverGraph, DriverStream,
        GraphStep, Kernarg, KernelInstance, Memory, MemoryKind, Priority,
    },
    output::OutputSink,
};

use crate::{
    card::Card,
    context::Loss,
    copy::DeviceCopy,
    error::Error,
    executable::Executable,
    graph::GpuGraph,
    memory::DeviceMemory,
    stream::GpuStream,
    submission::{DeviceWork, Launch, Submission},
};

/// How a card is used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The stack of each work-item, in bytes, that a kernel gets beyond what the compiler counted if it recurses. The driver
    /// reserves it for all work-items that the card can run at once.
    pub dynamic_stack: u32,
    /// Whether the device writes down when work began and ended.
    pub profile: bool,
    /// Room for the lines that one launch prints, in bytes; what does not fit is lost, and counted.
    pub output_buffer: u32,
    /// Whether what the driver compiles is kept in the user's disk cache, and taken from there.
    pub disk_cache: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { dynamic_stack: 16 * 1024, profile: false, output_buffer: 1024 * 1024, disk_cache: false }
    }
}

impl Options {
    /// The defaults, changed by the environment: `GEOBACTER_DYNAMIC_STACK` is the stack of recursive kernels in bytes for each
    /// work-item, `GEOBACTER_OUTPUT_BUFFER` the room for what a launch prints in bytes. What is no number is logged and
    /// ignored. `GEOBACTER_PROFILE=1`, or a file for `GEOBACTER_TRACE`, asks for time stamps. The disk cache is used, unless
    /// `GEOBACTER_CACHE` is `off`.
    ///
    /// A limit for the time of a launch is not among them: a driver's kernels cannot be ended.
    pub fn from_environment() -> Self {
        let mut options = Self { disk_cache: true, ..Self::default() };
        options.read(|name| env::var(name).ok());
        options
    }

    fn read(&mut self, variable: impl Fn(&str) -> Option<String>) {
        let is_set = |name| variable(name).is_some_and(|value| !matches!(value.trim(), "" | "0"));
        self.profile |= is_set("GEOBACTER_PROFILE") || is_set("GEOBACTER_TRACE");
        for (name, option) in
            [("GEOBACTER_DYNAMIC_STACK", &mut self.dynamic_stack), ("GEOBACTER_OUTPUT_BUFFER", &mut self.output_buffer)]
        {
            let Some(text) = variable(name) else { continue };
            match text.trim().parse() {
                Ok(bytes) => *option = bytes,
                Err(_) => tracing::warn!(name, text, "the environment variable is no number; it is ignored"),
            }
        }
    }
}

/// The extent of one launch, in whole work-groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Work-groups along x, y and z.
    pub groups: [u32; 3],
    /// Work-items of a work-group along x, y and z.
    pub workgroup: [u32; 3],
    /// LDS of a work-group that is sized at launch, in bytes; what the kernel's code asks for comes on top.
    pub dynamic_lds: u32,
}

impl Extent {
    /// That of a launch.
    pub(crate) fn of(dispatch: &Dispatch) -> Self {
        let workgroup = dispatch.kernel.descriptor.workgroup;
        Self { groups: dispatch.groups(), workgroup, dynamic_lds: dispatch.dynamic_lds }
    }
}

/// One card, in one context: when that is lost, all that it does is an error, and [`reopened`](Self::reopened) gives another one.
#[derive(Debug)]
pub struct Gpu {
    submission: Arc<Submission>,
}

impl Gpu {
    /// Opens a card under this device id. A process has one for each card: all would be in the same context, of which one would
    /// not know what the others do with it.
    ///
    /// # Errors
    /// What the driver says; [`Error::Unusable`] if the card is too old.
    pub fn open(card: &Card, id: &str, options: Options) -> Result<Self, Error> {
        Ok(Self { submission: Arc::new(Submission::new(card, id, options)?) })
    }

    /// Why its context was lost; `None` if it was not.
    pub fn loss(&self) -> Option<&Arc<Loss>> {
        self.submission.context().loss()
    }

    /// The same card in a new context, after this one's was lost.
    ///
    /// # Errors
    /// [`Error::StillHeld`] as long as pinned or unified memory of the lost context is in use; [`Error::NotRecovered`] if the
    /// driver gives no context that works. The errors of this one name the reason from then on.
    pub fn reopened(&self) -> Result<Self, Error> {
        let submission = self.submission.reopened().inspect_err(|error| {
            if let Some(loss) = self.loss() {
                loss.hinder(error.to_string());
            }
        })?;
        Ok(Self { submission: Arc::new(submission) })
    }

    /// The driver's functions, and its number of the card: for a program that calls the driver, too. Geobacter's work is in the
    /// card's primary context, and addresses are those of its memory.
    pub fn driver_api(&self) -> (&CudaApi, CUdevice) {
        let context = self.submission.context();
        (context.api(), context.card().device())
    }

    /// Loads a kernel. [`Driver::dispatch`] does this by itself; here for PTX from elsewhere.
    ///
    /// # Errors
    /// What the driver says; [`Error::Jit`] if it does not compile the PTX, [`Error::PtxVersion`] if it is too old for it;
    /// [`Error::UnknownArgument`] if the kernel takes what this runtime does not know.
    pub fn load(&self, code: DeviceCode) -> Result<Arc<Executable>, Error> {
        self.submission.load(code)
    }

    /// Runs a loaded kernel over whole work-groups and waits for its end.
    ///
    /// # Safety
    /// As [`Driver::dispatch`]: the explicit kernarg bytes must be what the kernel takes, and every address in them must lie in
    /// memory of this device that stays allocated until the call returns and that nobody else touches meanwhile against its use
    /// by the kernel. The executable must have been loaded on this card.
    ///
    /// # Errors
    /// [`WorkError::Panicked`](geobacter_runtime_core::driver::WorkError::Panicked) if the kernel panicked, otherwise what the
    /// driver says.
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
        let stream = self.submission.streams().take(self.submission.context())?;
        // SAFETY: the caller promises it until the call returns, before which the operation has ended.
        let operation = unsafe { self.submission.kernel(&stream, launch, &[]) }?;
        Ok(operation.wait()?)
    }
}

impl Driver for Gpu {
    fn info(&self) -> &DeviceInfo {
        self.submission.info()
    }

    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        Ok(Arc::new(DeviceMemory::allocate(self.submission.pools(), bytes, kind)?))
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
        let is_empty = copy.rows == 0 || copy.row_bytes == 0;
        match DeviceCopy::of(copy, self.submission.context()).filter(|_| !is_empty) {
            Some(copy) => {
                let stream = self.submission.streams().take(self.submission.context())?;
                // SAFETY: the caller promises it until the call returns, before which the operation has ended.
                let operation = unsafe { self.submission.begin(&stream, &DeviceWork::Copy(copy), &[]) }?;
                Ok(operation.wait()?)
            }
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
        // SAFETY: the caller promises it for the kernarg bytes; the executable was loaded above under this card's key.
        unsafe { self.run(Launch::of(&executable, dispatch)) }
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
        assert_eq!(read(&[("GEOBACTER_DYNAMIC_STACK", " 65536 ")]).dynamic_stack, 65536);
        assert!(read(&[("GEOBACTER_PROFILE", "1")]).profile && read(&[("GEOBACTER_TRACE", "t.json")]).profile);
        assert!(!read(&[("GEOBACTER_PROFILE", "0")]).profile);
        assert_eq!(read(&[("GEOBACTER_OUTPUT_BUFFER", "4096")]).output_buffer, 4096);
        for nonsense in ["", "-1", "soon", "1e300"] {
            let pairs = ["GEOBACTER_DYNAMIC_STACK", "GEOBACTER_OUTPUT_BUFFER"].map(|name| (name, nonsense));
            assert_eq!(read(&pairs), default, "{nonsense}");
        }
    }
}
