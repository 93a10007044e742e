//! The host's memory that a device reaches: page-locked, and under one address on both.

use std::{
    fs, ptr,
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use geobacter_cuda_driver::sys::{CU_MEMHOSTALLOC_DEVICEMAP, CU_MEMHOSTALLOC_PORTABLE, CUresult};
use geobacter_runtime_core::{
    driver::{MemoryKind, OutOfMemory},
    output::pool::OutputMemory,
};

use crate::{
    context::Context,
    error::{Error, call},
};

/// Pinned memory, all zero when it is allocated, freed when dropped. Nothing on a device may refer to it then.
///
/// With unified addressing, which every card has that is not refused, its address is the same on all devices.
#[derive(Debug)]
pub(crate) struct Pinned {
    context: Arc<Context>,
    address: NonNull<u8>,
    size: usize,
}

// SAFETY: the address is only a name of the memory; who accesses it goes through the methods, or sees to it himself.
unsafe impl Send for Pinned {}
// SAFETY: as above; the value itself never changes.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// Allocates `bytes`, which must not be 0.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or what the driver says.
    pub(crate) fn allocate(context: &Arc<Context>, bytes: usize) -> Result<Self, Error> {
        let api = context.enter()?;
        let mut pointer = ptr::null_mut();
        let flags = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP;
        // SAFETY: the context is current, and the address to write to is valid.
        let answer = unsafe { call!(api, cuMemHostAlloc(&mut pointer, bytes, flags)) };
        let out_of_memory =
            || Error::OutOfMemory(OutOfMemory::new(bytes as u64, MemoryKind::Host, host_memory().unwrap_or(u64::MAX)));
        match answer {
            Err(error) if error.result == CUresult::CUDA_ERROR_OUT_OF_MEMORY => return Err(out_of_memory()),
            answer => context.check(answer)?,
        }
        let address = NonNull::new(pointer.cast::<u8>()).ok_or_else(out_of_memory)?;
        context.lend_to_host(bytes as u64);
        // SAFETY: the memory has that many bytes and is nobody else's yet.
        unsafe { address.as_ptr().write_bytes(0, bytes) };
        Ok(Self { context: Arc::clone(context), address, size: bytes })
    }

    /// Its first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.address
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

impl OutputMemory for Pinned {
    fn address(&self) -> u64 {
        self.address.as_ptr() as u64
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the memory was initialised when it was allocated, and has that size; the device does not write it now, as this
        // function's contract says.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.size) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and it is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr(), self.size) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // That of a lost context goes with its reset, which waits for this.
        if let Ok(api) = self.context.enter() {
            // SAFETY: allocated by `cuMemHostAlloc`, freed once.
            if let Err(error) = unsafe { call!(api, cuMemFreeHost(self.address.as_ptr().cast())) } {
                tracing::warn!(%error, "pinned memory cannot be freed");
            }
        }
        self.context.take_from_host(self.size as u64);
    }
}

/// Bytes of memory that the host has.
fn host_memory() -> Option<u64> {
    static MEMORY: OnceLock<Option<u64>> = OnceLock::new();
    *MEMORY.get_or_init(|| {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    })
}
