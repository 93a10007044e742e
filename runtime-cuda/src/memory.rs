//! Memory of a card, and of the host for a card: what buffers are made of.

use std::{
    any::Any,
    num::NonZero,
    ptr::{self, NonNull},
    sync::Arc,
};

use geobacter_cuda_driver::sys::{CUdevice_attribute, CUdeviceptr, CUmemAttach_flags, CUresult};
use geobacter_runtime_core::driver::{DriverError, Memory, MemoryKind, OutOfMemory};

use crate::{
    context::Context,
    error::{CudaError, Error, call},
    pinned::Pinned,
    pools::Pools,
};

/// What memory of no bytes has for an address: not null, aligned, and of nothing. No kernel may access a byte there.
const NOWHERE: u64 = 256;

/// Memory that a card reaches, zeroed when allocated, freed when dropped.
#[derive(Debug)]
pub(crate) struct DeviceMemory {
    pools: Arc<Pools>,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    /// None at all; whether the host may ask for their address.
    Nothing { host_visible: bool },
    /// The card's.
    Device(Allocation),
    /// The host's.
    Host(Pinned),
    /// Of both: pages go to who touches them.
    Managed(Allocation),
}

/// Memory that `cuMemFree` frees.
#[derive(Debug)]
struct Allocation {
    context: Arc<Context>,
    address: CUdeviceptr,
    size: usize,
    managed: bool,
}

impl DeviceMemory {
    /// Allocates `bytes`, all zero, of this kind.
    ///
    /// A card's memory is of one kind, which system-wide atomics and fences keep coherent with other devices; so it is what
    /// [`MemoryKind::DeviceFineGrained`] asks for, too. [`MemoryKind::Unified`] is managed memory, of cards that run kernels while
    /// the host touches it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Unsupported`], or what the driver says.
    pub(crate) fn allocate(pools: &Arc<Pools>, bytes: u64, kind: MemoryKind) -> Result<Self, Error> {
        let context = pools.context();
        let out_of_memory = || Error::OutOfMemory(OutOfMemory::new(bytes, kind, pools.memory()));
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        let of = |bytes| Self { pools: Arc::clone(pools), bytes };
        let host_visible = kind.is_host_visible();
        match kind {
            MemoryKind::Unified if !Self::has_managed(context)? => return Err(Error::Unsupported(kind)),
            _ if size == 0 => return Ok(of(Bytes::Nothing { host_visible })),
            MemoryKind::Host => return Ok(of(Bytes::Host(Pinned::allocate(context, size)?))),
            MemoryKind::Device | MemoryKind::DeviceFineGrained | MemoryKind::Unified => {}
            _ => return Err(Error::Unsupported(kind)),
        }
        // More than the card has is not asked for: of managed memory the driver would promise it.
        if bytes > pools.memory() {
            return Err(out_of_memory());
        }
        let allocation = match Allocation::new(context, size, host_visible) {
            Ok(allocation) => allocation,
            Err(error) if error.result == CUresult::CUDA_ERROR_OUT_OF_MEMORY => return Err(out_of_memory()),
            Err(error) => return context.check(Err(error)),
        };
        // SAFETY: the memory is nobody else's yet.
        unsafe { pools.transfers().zero(allocation.address, size) }?;
        Ok(of(if host_visible { Bytes::Managed(allocation) } else { Bytes::Device(allocation) }))
    }

    fn has_managed(context: &Context) -> Result<bool, Error> {
        let attribute = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS;
        Ok(context.check(context.card().attribute(attribute))? != 0)
    }

    /// The context that it was allocated in.
    pub(crate) fn context(&self) -> &Arc<Context> {
        self.pools.context()
    }

    /// Whether it has any bytes.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.bytes, Bytes::Nothing { .. })
    }

    /// Whether work of this context can use the memory, and it has bytes at all.
    pub(crate) fn is_usable(memory: &dyn Memory, user: &Context) -> bool {
        let memory: &dyn Any = memory;
        memory.downcast_ref::<Self>().is_some_and(|memory| {
            let owner = memory.context();
            let of_driver = Arc::ptr_eq(owner.session(), user.session()) && owner.loss().is_none();
            !memory.is_empty() && of_driver && (memory.is_everyones() || ptr::eq(&**owner, user))
        })
    }

    /// Whether all devices of the driver reach it, whosever it is.
    pub(crate) fn is_everyones(&self) -> bool {
        !matches!(self.bytes, Bytes::Device(_))
    }

    /// The address of this range, which must lie in the memory.
    fn range(&self, offset: u64, length: u64) -> Result<CUdeviceptr, Error> {
        if offset.checked_add(length).is_some_and(|end| end <= self.size()) {
            Ok(self.address() + offset)
        } else {
            Err(Error::OutOfRange { offset, length, size: self.size() })
        }
    }
}

impl Allocation {
    fn new(context: &Arc<Context>, size: usize, managed: bool) -> Result<Self, CudaError> {
        // A lost context says so in what it answers.
        if let Some(loss) = context.loss() {
            return Err(loss.cause().clone());
        }
        context.make_current()?;
        let mut address = 0;
        let flags = CUmemAttach_flags::CU_MEM_ATTACH_GLOBAL as u32;
        // SAFETY: the context is current, the size is not 0, and the address to write to is valid.
        unsafe {
            match managed {
                true => call!(context.api(), cuMemAllocManaged(&mut address, size, flags))?,
                false => call!(context.api(), cuMemAlloc_v2(&mut address, size))?,
            }
        }
        if managed {
            context.lend_to_host(size as u64);
        }
        Ok(Self { context: Arc::clone(context), address, size, managed })
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // That of a lost context goes with its reset.
        if let Ok(api) = self.context.enter() {
            // SAFETY: allocated by `cuMemAlloc` or `cuMemAllocManaged`, freed once.
            let freed = self.context.check(unsafe { call!(api, cuMemFree_v2(self.address)) });
            if let Err(error) = freed {
                tracing::warn!(%error, "memory cannot be freed");
            }
        }
        if self.managed {
            self.context.take_from_host(self.size as u64);
        }
    }
}

impl Memory for DeviceMemory {
    fn address(&self) -> u64 {
        match &self.bytes {
            Bytes::Nothing { .. } => NOWHERE,
            Bytes::Host(pinned) => pinned.start().as_ptr() as u64,
            Bytes::Device(allocation) | Bytes::Managed(allocation) => allocation.address,
        }
    }

    fn size(&self) -> u64 {
        match &self.bytes {
            Bytes::Nothing { .. } => 0,
            Bytes::Host(pinned) => pinned.size() as u64,
            Bytes::Device(allocation) | Bytes::Managed(allocation) => allocation.size as u64,
        }
    }

    fn host_address(&self) -> Option<NonNull<u8>> {
        match &self.bytes {
            // What has no bytes has no address either, and no one looks at them.
            Bytes::Nothing { host_visible: true } => Some(NonNull::without_provenance(NonZero::new(NOWHERE as usize)?)),
            Bytes::Nothing { host_visible: false } | Bytes::Device(_) => None,
            Bytes::Host(pinned) => Some(pinned.start()),
            Bytes::Managed(allocation) => NonNull::new(ptr::with_exposed_provenance_mut(allocation.address as usize)),
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError> {
        let address = self.range(offset, bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(host) = self.host_address() {
            // SAFETY: the range lies in the memory, as checked above; the trait's users see to it that nobody else uses it now.
            unsafe { host.as_ptr().add(offset as usize).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            return Ok(());
        }
        // SAFETY: as above.
        Ok(unsafe { self.pools.transfers().write(address, bytes) }?)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError> {
        let address = self.range(offset, bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Some(host) = self.host_address() {
            // SAFETY: the range lies in the memory, as checked above; the trait's users see to it that nobody writes it now.
            unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(host.as_ptr().add(offset as usize), bytes.len()) };
            return Ok(());
        }
        // SAFETY: as above.
        Ok(unsafe { self.pools.transfers().read(address, bytes) }?)
    }

    fn zero(&self, offset: u64, bytes: u64) -> Result<(), DriverError> {
        let address = self.range(offset, bytes)?;
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: as in `write`.
        Ok(unsafe { self.pools.transfers().zero(address, bytes as usize) }?)
    }
}
