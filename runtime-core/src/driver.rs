//! What a back end provides: the seam between `runtime-core` and `runtime-host`, `runtime-amd` and those to come.
//!
//! A [`Driver`] is one device. Everything typed (buffers of `T`, launch checks, argument binding) and everything that
//! knows which work needs which (hazards, failures that are passed on) happens above this seam, once for all back ends;
//! below it are bytes, addresses, and work that runs in the order of a stream and after other work.

use std::{any::Any, fmt, ops::Range, ptr::NonNull, sync::Arc, time::Instant};

use geobacter_lang::{
    descriptor::{LaunchDescriptor, ParamDescriptor, ParamKind},
    entry::KernargHeader,
    instance::InstanceRecord,
};
use geobacter_spool::fault::FaultRecord;

use crate::{check::CheckFailure, image::Constants, output::OutputSink};

pub use geobacter_lang::instance::EntryFunction;

/// What sort of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The processor that the program runs on.
    Host,
    /// A GPU.
    Gpu,
    /// A GPU in software.
    Simulator,
}

/// What a device is and what it can take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// How a user names the device: `host`, `sim:gfx942`, `amd:0`.
    pub id: String,
    /// The product's name.
    pub name: String,
    /// What sort of device it is.
    pub kind: DeviceKind,
    /// What code is generated for: `gfx942`; the host's architecture for the host.
    pub isa: String,
    /// Memory that buffers can take, in bytes.
    pub memory: u64,
    /// Compute units, or cores.
    pub compute_units: u32,
    /// Work-items in a wave.
    pub wave_size: u32,
    /// LDS of one work-group in bytes.
    pub lds: u32,
    /// The largest work-group, in work-items.
    pub max_workgroup: u32,
    /// The largest explicit part of a kernarg segment in bytes, with the 16 that hold the grid.
    pub max_kernarg: u32,
    /// The largest grid along x, y and z, in work-items.
    pub max_grid: [u64; 3],
    /// The most work-groups along x, y and z.
    pub max_groups: [u64; 3],
    /// The largest grid in all, in work-items.
    pub max_grid_items: u64,
    /// The driver that stands behind it, with its version.
    pub driver: String,
}

impl DeviceInfo {
    /// A device about which nothing is known but its name and kind; the driver fills in the rest.
    pub fn new(id: impl Into<String>, kind: DeviceKind) -> Self {
        Self {
            id: id.into(),
            name: String::new(),
            kind,
            isa: String::new(),
            memory: 0,
            compute_units: 0,
            wave_size: 1,
            lds: 0,
            max_workgroup: 1024,
            max_kernarg: 4096,
            max_grid: [u32::MAX as u64; 3],
            max_groups: [u32::MAX as u64; 3],
            max_grid_items: u32::MAX as u64,
            driver: String::new(),
        }
    }
}

/// What code is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeTarget<'a> {
    /// The instruction set: `gfx942`.
    pub isa: &'a str,
    /// Whether the device checks accesses to LDS.
    pub checked: bool,
}

/// One device.
pub trait Driver: Send + Sync + fmt::Debug + Any {
    /// What it is.
    fn info(&self) -> &DeviceInfo;

    /// Allocates memory of which the device can read and write every byte, all zero, aligned to at least 256 bytes.
    /// `bytes` may be 0.
    ///
    /// # Errors
    /// [`DriverError::OutOfMemory`], [`DriverError::Unsupported`] if the device has no such memory, or what it says.
    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError>;

    /// A stream of its own: what is submitted to it runs one after the other, beside other streams.
    ///
    /// # Errors
    /// What the device says.
    fn open_stream(&self, priority: Priority) -> Result<Box<dyn DriverStream>, DriverError> {
        let _ = priority;
        Err(DriverError::Unsupported("streams".into()))
    }

    /// Makes a sequence of steps ready, to be submitted many times as [`Work::Graph`].
    ///
    /// # Errors
    /// What code generation or the device says.
    fn build_graph(&self, steps: Vec<GraphStep>) -> Result<Arc<dyn DriverGraph>, DriverError> {
        let _ = steps;
        Err(DriverError::Unsupported("graphs".into()))
    }

    /// Copies, and waits for the end.
    ///
    /// # Safety
    /// As [`DriverStream::submit`] for a copy, until the function returns.
    ///
    /// # Errors
    /// What the devices say.
    unsafe fn copy(&self, copy: &CopyWork) -> Result<(), DriverError> {
        // SAFETY: this function's contract.
        unsafe { copy.by_host() }
    }

    /// Has kernels of this device reach all memory of another one.
    ///
    /// # Errors
    /// [`DriverError::Unsupported`] if nothing connects the two.
    fn enable_peer_access(&self, peer: &dyn Driver) -> Result<(), DriverError> {
        Err(DriverError::Unsupported(format!("access to the memory of {}", peer.info().id)))
    }

    /// Whether kernels of this device can be given that memory, which is not of this driver.
    fn reaches(&self, memory: &dyn Memory) -> bool {
        let _ = memory;
        false
    }

    /// What code is made for on this device; `None` if its kernels are a part of the program already.
    fn code_target(&self) -> Option<CodeTarget<'_>> {
        None
    }

    /// Compiles and loads a kernel, so that its first launch with these specialisation constants
    /// ([`Dispatch::constants`]) need not. A driver whose kernels are a part of the program has nothing to do.
    ///
    /// # Errors
    /// What code generation or the device says.
    fn prepare(&self, kernel: KernelInstance, constants: &[u8]) -> Result<(), DriverError> {
        let _ = (kernel, constants);
        Ok(())
    }

    /// Where the lines that its kernels print go. A driver whose kernels print has a sink of its own; the others share
    /// one.
    fn output(&self) -> &OutputSink {
        OutputSink::standard()
    }

    /// Runs a kernel over a grid and waits for its end.
    ///
    /// # Safety
    /// The kernarg bytes must be what the entry function takes: every address in them must lie in memory that this
    /// device reaches, that stays allocated until the call returns, and that nobody else touches meanwhile against the
    /// parameter's kind.
    ///
    /// # Errors
    /// [`WorkError::Panicked`] if the kernel panicked, otherwise what code generation or the device says.
    unsafe fn dispatch(&self, dispatch: &Dispatch) -> Result<(), DriverError>;
}

/// Where memory lies and who reaches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MemoryKind {
    /// The device's own memory, coarse-grained: coherent at the ends of launches. The fastest for kernels.
    #[default]
    Device,
    /// The device's own memory, fine-grained: coherent with other devices while kernels run.
    DeviceFineGrained,
    /// The host's memory, pinned and fine-grained: host and device reach it under one address, and copies to and from
    /// it need no help of the processor.
    Host,
    /// Memory that host and device both reach at full speed: the host's where the two share one, or pages that go to whoever
    /// touches them. Most devices with memory of their own have none.
    Unified,
}

impl MemoryKind {
    /// Whether the host reaches it by address.
    pub fn is_host_visible(self) -> bool {
        matches!(self, Self::Host | Self::Unified)
    }
}

impl fmt::Display for MemoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "device memory",
            Self::DeviceFineGrained => "fine-grained device memory",
            Self::Host => "pinned host memory",
            Self::Unified => "unified memory",
        })
    }
}

/// Which of two streams a device prefers when both have work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Priority {
    /// After all others.
    Low,
    /// What streams have.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// Memory of one device, freed when dropped.
pub trait Memory: Send + Sync + fmt::Debug + Any {
    /// Address in the device's address space; what a kernel sees.
    fn address(&self) -> u64;

    /// Size in bytes.
    fn size(&self) -> u64;

    /// The first byte, where the host reaches the memory by address. Its provenance is exposed.
    fn host_address(&self) -> Option<NonNull<u8>> {
        None
    }

    /// Copies bytes from the host to `offset`.
    ///
    /// # Errors
    /// What the device says; a range that does not lie in the memory is a [`WorkError::Device`].
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError>;

    /// Copies bytes from `offset` to the host.
    ///
    /// # Errors
    /// As [`Memory::write`].
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError>;

    /// Sets `bytes` bytes from `offset` to zero.
    ///
    /// # Errors
    /// As [`Memory::write`].
    fn zero(&self, offset: u64, bytes: u64) -> Result<(), DriverError> {
        /// The most that is written at once.
        const PIECE: u64 = 1 << 20;
        let zeros = vec![0; bytes.min(PIECE) as usize];
        let mut done = 0;
        while done < bytes {
            let length = (bytes - done).min(PIECE);
            self.write(offset + done, &zeros[..length as usize])?;
            done += length;
        }
        Ok(())
    }
}

/// Work that is submitted runs in this order. Dropping it lets what is in flight run to its end.
pub trait DriverStream: Send + Sync + fmt::Debug {
    /// Submits work that begins when everything that was submitted to this stream before, and everything in `after`, is
    /// done, whether it succeeded or not. Returns when the work is in the stream, not when it is done; a stream that is
    /// full makes the caller wait until there is room.
    ///
    /// # Safety
    /// Until the completion is done: what [`Driver::dispatch`] asks for a kernel's arguments; for a copy that nobody
    /// else writes the source, or touches the destination.
    ///
    /// # Errors
    /// What the device says. The work will not run then.
    unsafe fn submit(&self, work: Work, after: &[Arc<dyn Completion>]) -> Result<Arc<dyn Completion>, DriverError>;
}

/// What a stream runs.
#[non_exhaustive]
pub enum Work {
    /// A kernel.
    Kernel(Dispatch),
    /// A copy from memory to memory.
    Copy(CopyWork),
    /// A fill.
    Fill(FillWork),
    /// Several things, one after the other, made ready by the stream's device.
    Graph(Arc<dyn DriverGraph>),
    /// A function of the host. It must not use devices.
    Call(Call),
    /// Nothing: it is done when it could begin.
    Marker,
}

/// A function of the host that runs in a stream.
pub type Call = Box<dyn FnOnce() -> Result<(), WorkError> + Send>;

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(dispatch) => f.debug_tuple("Kernel").field(dispatch).finish(),
            Self::Copy(copy) => f.debug_tuple("Copy").field(copy).finish(),
            Self::Fill(fill) => f.debug_tuple("Fill").field(fill).finish(),
            Self::Graph(graph) => f.debug_tuple("Graph").field(graph).finish(),
            Self::Call(_) => f.write_str("Call"),
            Self::Marker => f.write_str("Marker"),
        }
    }
}

/// What [`Driver::build_graph`] makes.
pub trait DriverGraph: Send + Sync + fmt::Debug + Any {}

/// A step of a graph.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GraphStep {
    /// A kernel.
    Kernel(Dispatch),
    /// A copy.
    Copy(CopyWork),
    /// A fill.
    Fill(FillWork),
}

/// Bytes that are set to a pattern, again and again.
#[derive(Clone, Debug)]
pub struct FillWork {
    /// The memory.
    pub memory: Arc<dyn Memory>,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How many bytes: a multiple of the pattern's length.
    pub bytes: u64,
    /// What is repeated; at least one byte.
    pub pattern: Arc<[u8]>,
}

impl FillWork {
    /// Fills with the processor's help.
    ///
    /// # Errors
    /// What the device says.
    pub fn by_host(&self) -> Result<(), DriverError> {
        /// The most bytes that are made at once.
        const PIECE: usize = 1 << 20;
        if self.pattern.iter().all(|&byte| byte == 0) {
            return self.memory.zero(self.offset, self.bytes);
        }
        let pattern = self.pattern.len();
        let most = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(PIECE);
        let piece = self.pattern.repeat((most / pattern).max(1));
        let mut done = 0;
        while done < self.bytes {
            let length = (piece.len() as u64).min(self.bytes - done);
            self.memory.write(self.offset + done, &piece[..length as usize])?;
            done += length;
        }
        Ok(())
    }
}

/// A copy of `rows` rows of `row_bytes` bytes each. The ranges lie in the memories, and do not overlap.
#[derive(Clone, Debug)]
pub struct CopyWork {
    /// Where from.
    pub source: Place,
    /// Where to.
    pub destination: Place,
    /// Bytes of a row.
    pub row_bytes: u64,
    /// Number of rows; 1 for a plain copy.
    pub rows: u64,
}

/// A place in memory, and how far apart rows begin there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The memory.
    pub memory: Arc<dyn Memory>,
    /// Where the first row begins, in bytes.
    pub offset: u64,
    /// From the beginning of a row to that of the next, in bytes; not less than a row.
    pub pitch: u64,
}

impl CopyWork {
    /// Copies with the processor, through a piece of memory of its own where neither side is the host's. Any two
    /// memories of any two devices will do.
    ///
    /// # Safety
    /// As [`DriverStream::submit`] for a copy, until the function returns.
    ///
    /// # Errors
    /// What the devices say.
    pub unsafe fn by_host(&self) -> Result<(), DriverError> {
        /// The most bytes that are on the way at once.
        const PIECE: u64 = 4 << 20;
        let (source, destination) = (&self.source, &self.destination);
        let mut piece = Vec::new();
        for row in 0..self.rows {
            let (from, to) = (source.offset + row * source.pitch, destination.offset + row * destination.pitch);
            if let Some(address) = source.memory.host_address() {
                // SAFETY: the row lies in the memory (the type's contract), which is initialised, lives as long as
                // `self`, and is written by nobody (this function's contract).
                let bytes =
                    unsafe { std::slice::from_raw_parts(address.as_ptr().add(from as usize), self.row_bytes as usize) };
                destination.memory.write(to, bytes)?;
                continue;
            }
            if let Some(address) = destination.memory.host_address() {
                // SAFETY: as above; nobody else touches the destination.
                let bytes = unsafe {
                    std::slice::from_raw_parts_mut(address.as_ptr().add(to as usize), self.row_bytes as usize)
                };
                source.memory.read(from, bytes)?;
                continue;
            }
            let mut done = 0;
            while done < self.row_bytes {
                let length = (self.row_bytes - done).min(PIECE);
                piece.resize(length as usize, 0);
                source.memory.read(from + done, &mut piece)?;
                destination.memory.write(to + done, &piece)?;
                done += length;
            }
        }
        Ok(())
    }
}

/// When work ran, by the host's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkTimes {
    /// It began.
    pub start: Instant,
    /// It ended.
    pub end: Instant,
}

/// Whether work in flight is done, and how it ended.
pub trait Completion: Send + Sync + fmt::Debug + Any {
    /// How it ended; `None` while it has not. Never waits.
    fn poll(&self) -> Option<Result<(), WorkError>>;

    /// Waits for its end.
    fn wait(&self) -> Result<(), WorkError>;

    /// When it ran; `None` if it has not ended, or nobody looked at a clock.
    fn times(&self) -> Option<WorkTimes> {
        None
    }

    /// Calls `then` once the work is done: at once, or later from a thread of the driver's, which it must not keep.
    fn notify(self: Arc<Self>, then: Box<dyn FnOnce() + Send>);
}

/// One kernel instance of this program.
#[derive(Clone, Copy, Debug)]
pub struct KernelInstance {
    /// What its declaration says.
    pub descriptor: &'static LaunchDescriptor,
    /// Its record: name and in-process cache.
    pub record: &'static InstanceRecord,
    /// Its code for the host.
    pub entry: EntryFunction,
}

/// One launch, checked: the grid is not empty, within the device's limits and matches every buffer.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: KernelInstance,
    /// Work-items along x, y and z. The device runs whole work-groups; items beyond the grid do nothing.
    pub grid: [u32; 3],
    /// The explicit part of the kernarg segment.
    pub kernarg: Kernarg,
    /// LDS of each work-group that is sized at launch, in bytes; what the kernel declares comes on top.
    pub dynamic_lds: u32,
}

impl Dispatch {
    /// Work-groups along x, y and z.
    pub fn groups(&self) -> [u32; 3] {
        std::array::from_fn(|i| self.grid[i].div_ceil(self.kernel.descriptor.workgroup[i]))
    }

    /// The values of the kernel's specialisation constants, one behind the other in the order of the parameters.
    pub fn constants(&self) -> Vec<u8> {
        let mut constants = Vec::new();
        for (param, bytes) in self.arguments().filter(|(param, _)| param.kind == ParamKind::Spec) {
            debug_assert_eq!(bytes.len(), param.size as usize, "the launch wrote every argument");
            constants.extend_from_slice(bytes);
        }
        constants
    }

    /// The parameters, each with its bytes.
    fn arguments(&self) -> impl Iterator<Item = (&'static ParamDescriptor, &[u8])> {
        let mut end = size_of::<KernargHeader>();
        self.kernel.descriptor.params.iter().map(move |param| {
            let at = end.next_multiple_of(param.align as usize);
            end = at + param.size as usize;
            (param, self.kernarg.as_bytes().get(at..end).unwrap_or_default())
        })
    }

    /// The parameter that was given the output buffer at this address.
    pub fn output_at(&self, address: u64) -> Option<&'static ParamDescriptor> {
        self.param_with(|kind| matches!(kind, ParamKind::Out | ParamKind::InOut), |word| word == address)
    }

    /// The parameter that was given a buffer that begins at one of these addresses.
    pub fn buffer_in(&self, addresses: Range<u64>) -> Option<&'static ParamDescriptor> {
        let is_buffer = |kind| {
            use ParamKind::{Atomics, In, InOut, Out, Slice};
            matches!(kind, In | Out | InOut | Slice | Atomics)
        };
        self.param_with(is_buffer, |word| addresses.contains(&word))
    }

    /// The first parameter of such a kind that was given such a word.
    fn param_with(
        &self,
        kind: impl Fn(ParamKind) -> bool,
        word: impl Fn(u64) -> bool,
    ) -> Option<&'static ParamDescriptor> {
        // One address for most, one for each field of a struct of arrays.
        let has = |bytes: &[u8]| bytes.as_chunks::<8>().0.iter().any(|&bytes| word(u64::from_ne_bytes(bytes)));
        let mut params = self.arguments().filter(|(param, bytes)| kind(param.kind) && has(bytes));
        params.next().map(|(param, _)| param)
    }
}

/// The explicit part of a kernarg segment: arguments in C layout. Aligned to 16 bytes, and a multiple of 16 long. Cheap
/// to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernarg(Arc<[u128]>);

impl Kernarg {
    /// These words.
    pub fn new(words: &[u128]) -> Self {
        Self(words.into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// Where and why a kernel panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelPanic {
    /// The panic's message.
    pub message: String,
    /// Source file, line and column of the panic; `None` where the panic carries none.
    pub location: Option<PanicLocation>,
    /// Id of the work-group.
    pub group: [u32; 3],
    /// Id of the work-item in its group.
    pub item: [u32; 3],
    /// Work-items that are known to have panicked, this one among them. There may be more: a panic ends others before
    /// they get there.
    pub items: u64,
}

impl KernelPanic {
    /// A panic of this item.
    pub fn new(message: String, location: Option<PanicLocation>, group: [u32; 3], item: [u32; 3]) -> Self {
        Self { message, location, group, item, items: 1 }
    }

    /// The same, of so many items.
    pub fn with_items(self, items: u64) -> Self {
        Self { items, ..self }
    }
}

/// Where in the source a panic stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicLocation {
    /// Source file, as rustc names it.
    pub file: String,
    /// One-based line.
    pub line: u32,
    /// One-based column.
    pub column: u32,
}

/// Why work that was in flight failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The kernel panicked; its output is incomplete.
    #[error("{message}", message = .0.message)]
    Panicked(Box<KernelPanic>),
    /// Checked mode ended the launch; the kernel's output is incomplete.
    #[error("{0}")]
    Check(Box<CheckFailure>),
    /// The device, or the library that drives it, says no.
    #[error("{0}")]
    Device(String),
    /// A step of a graph failed.
    #[error("step {step} of the graph: {error}")]
    Step {
        /// Its number, from 0.
        step: usize,
        /// Why.
        error: Box<WorkError>,
    },
}

/// What a back end reports. `runtime-core` adds kernel and device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// There is not that much memory left.
    #[error("out of memory: {0}")]
    OutOfMemory(OutOfMemory),
    /// The device has nothing of the kind.
    #[error("the device has no {0}")]
    Unsupported(String),
    /// Work failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// There is no device code for the kernel.
    #[error(transparent)]
    Code(#[from] crate::code::CodeError),
    /// The process is a child of the one that opened the device.
    #[error(
        "this process was forked from the one that opened the device, and has none of its threads and queues; open devices after the fork, or start programs instead"
    )]
    Forked,
}

impl DriverError {
    /// The device, or the library that drives it, says no, in these words.
    pub fn device(text: impl Into<String>) -> Self {
        Self::Work(WorkError::Device(text.into()))
    }

    /// The same for work in flight: what such work cannot meet becomes words.
    pub fn into_work_error(self) -> WorkError {
        match self {
            Self::Work(error) => error,
            error => WorkError::Device(error.to_string()),
        }
    }
}

/// Which request could not be met, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfMemory {
    /// What was asked for, in bytes.
    pub requested: u64,
    /// Which sort of memory.
    pub kind: MemoryKind,
    /// What buffers of this program have of it, in bytes.
    pub in_use: u64,
    /// What there is of it in all, or what the program is limited to, in bytes.
    pub total: u64,
    /// Whether the program's own limit says no, and not the device.
    pub limited: bool,
}

impl OutOfMemory {
    /// The device says no.
    pub fn new(requested: u64, kind: MemoryKind, total: u64) -> Self {
        Self { requested, kind, in_use: 0, total, limited: false }
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requested, kind, in_use, total, limited } = self;
        let bound = if *limited { "the limit is" } else { "there are" };
        write!(f, "{requested} bytes of {kind} asked for, buffers use {in_use}, {bound} {total} in all")
    }
}

/// What a back end keeps for one kernel instance on one device, in the instance's record.
pub type LoadedKernel = Arc<dyn Any + Send + Sync>;

/// What a driver makes of the fault record after a launch: `Ok` if no item panicked.
///
/// Locations and messages are read from `constants`, those of the code that ran.
///
/// # Errors
/// [`WorkError::Panicked`].
pub fn check_fault(record: &FaultRecord, constants: Constants<'_>) -> Result<(), WorkError> {
    match crate::fault::decode(record, constants) {
        None => Ok(()),
        Some(panic) => Err(WorkError::Panicked(Box::new(panic))),
    }
}
