//! Memory that buffers on the host are made of.

use std::{
    alloc::{self, Layout},
    fmt,
    ptr::NonNull,
};

use geobacter_runtime_core::driver::{DriverError, Memory, MemoryKind, OutOfMemory};

/// Alignment of buffers in bytes, as the driver seam promises.
const ALIGN: usize = 256;

pub(crate) struct HostMemory {
    /// The first byte of the buffer.
    pointer: NonNull<u8>,
    allocation: NonNull<u8>,
    layout: Layout,
    size: usize,
}

// SAFETY: it owns its bytes; `write`, `read` and `zero` go through `&self`, and what is above has them called only
// while nothing else uses the bytes against that (a buffer is borrowed mutably to write it, and work in flight is
// waited for).
unsafe impl Send for HostMemory {}
// SAFETY: as above.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// Allocates `bytes`, all zero. `total`: what the machine has.
    pub(crate) fn new(bytes: u64, kind: MemoryKind, total: u64) -> Result<Self, DriverError> {
        let out_of_memory = || DriverError::OutOfMemory(OutOfMemory::new(bytes, kind, total));
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        // Aligned here and not by the allocator: that would have to write zeros, where the system's pages are zero
        // already.
        let padded = size.checked_add(ALIGN).ok_or_else(out_of_memory)?;
        let layout = Layout::from_size_align(padded, align_of::<u128>()).map_err(|_| out_of_memory())?;
        // SAFETY: the layout's size is not zero.
        let allocation = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or_else(out_of_memory)?;
        // SAFETY: less than `ALIGN` bytes on, where `size` bytes are left of the allocation.
        let pointer =
            unsafe { allocation.add(allocation.as_ptr().addr().next_multiple_of(ALIGN) - allocation.as_ptr().addr()) };
        // A kernel gets the address as a number.
        pointer.as_ptr().expose_provenance();
        Ok(Self { pointer, allocation, layout, size })
    }

    fn range(&self, offset: u64, length: usize) -> Result<*mut u8, DriverError> {
        let offset = usize::try_from(offset)
            .ok()
            .filter(|&offset| offset.checked_add(length).is_some_and(|end| end <= self.size));
        let offset = offset.ok_or_else(|| {
            DriverError::device(format!("{length} bytes at that offset do not lie in a memory of {} bytes", self.size))
        })?;
        // SAFETY: the offset lies in the allocation.
        Ok(unsafe { self.pointer.as_ptr().add(offset) })
    }
}

impl Memory for HostMemory {
    fn address(&self) -> u64 {
        self.pointer.as_ptr().addr() as u64
    }

    fn size(&self) -> u64 {
        self.size as u64
    }

    fn host_address(&self) -> Option<NonNull<u8>> {
        Some(self.pointer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError> {
        let to = self.range(offset, bytes.len())?;
        // SAFETY: the range lies in the allocation; `bytes` is the caller's own and does not overlap it.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError> {
        let from = self.range(offset, bytes.len())?;
        // SAFETY: as in `write`; all bytes are initialised from the start.
        unsafe { from.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
        Ok(())
    }

    fn zero(&self, offset: u64, bytes: u64) -> Result<(), DriverError> {
        // No memory is larger than the address space.
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let to = self.range(offset, length)?;
        // SAFETY: the range lies in the allocation.
        unsafe { to.write_bytes(0, length) }
        Ok(())
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for HostMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMemory").field("address", &self.pointer).field("size", &self.size).finish()
    }
}
