//! What a back end provides: the seam between `runtime-core` and `runtime-host`, `runtime-amd` and those to come.
//!
//! A [`Driver`] is one device. Everything typed (buffers of `T`, launch checks, argument binding) happens above this
//! seam, once for all back ends; below it are bytes, addresses and one dispatch.

use std::{any::Any, fmt, ops::Range, sync::Arc};

use geobacter_lang::{
    descriptor::{LaunchDescriptor, ParamDescriptor, ParamKind},
    entry::KernargHeader,
    instance::InstanceRecord,
};
use geobacter_spool::fault::FaultRecord;

use crate::{check::CheckFailure, output::OutputSink};

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
    /// Work-items in a wave; 1 on the host.
    pub wave_size: u32,
    /// LDS of one work-group in bytes.
    pub lds: u32,
    /// The largest work-group, in work-items.
    pub max_workgroup: u32,
    /// The largest explicit part of a kernarg segment in bytes, with the 16 that hold the grid.
    pub max_kernarg: u32,
    /// The largest grid along x, y and z, in work-items.
    pub max_grid: [u64; 3],
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
            max_grid_items: u32::MAX as u64,
            driver: String::new(),
        }
    }
}

/// One device.
pub trait Driver: Send + Sync + fmt::Debug {
    /// What it is.
    fn info(&self) -> &DeviceInfo;

    /// Allocates memory of which the device can read and write every byte, all zero, aligned to at least 256 bytes.
    /// `bytes` may be 0.
    ///
    /// # Errors
    /// [`DriverError::OutOfMemory`], or what the device says.
    fn allocate(&self, bytes: u64) -> Result<Box<dyn Memory>, DriverError>;

    /// Where the lines that its kernels print go. A driver whose kernels print has a sink of its own; the others share one.
    fn output(&self) -> &OutputSink {
        OutputSink::standard()
    }

    /// Runs a kernel over a grid and waits for its end.
    ///
    /// # Safety
    /// The kernarg bytes must be what the entry function takes: every address in them must lie in memory of this device
    /// that stays allocated until the call returns and that nobody else touches meanwhile against the parameter's kind.
    ///
    /// # Errors
    /// [`DriverError::Panicked`] if the kernel panicked, otherwise what code generation or the device says.
    unsafe fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<(), DriverError>;
}

/// Memory of one device, freed when dropped.
pub trait Memory: Send + Sync + fmt::Debug {
    /// Address in the device's address space; what a kernel sees.
    fn address(&self) -> u64;

    /// Size in bytes.
    fn size(&self) -> u64;

    /// Copies bytes from the host to `offset`.
    ///
    /// # Errors
    /// What the device says; a range that does not lie in the memory is [`DriverError::Device`].
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError>;

    /// Copies bytes from `offset` to the host.
    ///
    /// # Errors
    /// As [`Memory::write`].
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError>;
}

/// The compiled entry function of a kernel instance, for the host: it runs one work-group.
pub type EntryFunction = unsafe extern "C-unwind" fn(kernarg: *const u8);

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
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// What runs.
    pub kernel: KernelInstance,
    /// Work-items along x, y and z. The device runs whole work-groups; items beyond the grid do nothing.
    pub grid: [u32; 3],
    /// The explicit part of the kernarg segment, aligned to 16 bytes.
    pub kernarg: &'a [u8],
    /// LDS of each work-group that is sized at launch, in bytes; what the kernel declares comes on top.
    pub dynamic_lds: u32,
}

impl Dispatch<'_> {
    /// Work-groups along x, y and z.
    pub fn groups(&self) -> [u32; 3] {
        std::array::from_fn(|i| self.grid[i].div_ceil(self.kernel.descriptor.workgroup[i]))
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
        let mut end = size_of::<KernargHeader>();
        self.kernel.descriptor.params.iter().find(|param| {
            let at = end.next_multiple_of(param.align as usize);
            end = at + param.size as usize;
            // One address for most, one for each field of a struct of arrays.
            let words = self.kernarg.get(at..end).unwrap_or_default().as_chunks::<8>().0;
            kind(param.kind) && words.iter().any(|&bytes| word(u64::from_ne_bytes(bytes)))
        })
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
    /// Work-items that are known to have panicked, this one among them. There may be more: a panic ends others before they
    /// get there.
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

/// What a back end reports. `runtime-core` adds kernel and device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The device has not that much memory left.
    #[error("out of memory: {requested} bytes asked for, the device has {total} bytes in all")]
    OutOfMemory {
        /// What was asked for, in bytes.
        requested: u64,
        /// What the device has, in bytes.
        total: u64,
    },
    /// The kernel panicked; its output is incomplete.
    #[error("{message}", message = .0.message)]
    Panicked(Box<KernelPanic>),
    /// Checked mode ended the launch; the kernel's output is incomplete.
    #[error("{0}")]
    Check(Box<CheckFailure>),
    /// There is no device code for the kernel.
    #[error(transparent)]
    Code(#[from] crate::code::CodeError),
    /// The device, or the library that drives it, says no.
    #[error("{0}")]
    Device(String),
}

/// What a back end keeps for one kernel instance on one device, in the instance's record.
pub type LoadedKernel = Arc<dyn Any + Send + Sync>;

/// What a driver makes of the fault record after a launch: `Ok` if no item panicked.
///
/// `code_object` is the ELF file that was loaded: locations and messages are read from it.
///
/// # Errors
/// [`DriverError::Panicked`].
pub fn check_fault(record: &FaultRecord, code_object: &[u8]) -> Result<(), DriverError> {
    match crate::fault::decode(record, code_object) {
        None => Ok(()),
        Some(panic) => Err(DriverError::Panicked(Box::new(panic))),
    }
}
