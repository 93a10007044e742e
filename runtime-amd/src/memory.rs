//! Memory of a GPU, and of the host for a GPU: what buffers are made of.

use std::{num::NonZero, ptr::NonNull};

use geobacter_runtime_core::driver::{DriverError, Memory, MemoryKind, OutOfMemory};
use hsa_rt_sys::hsa_agent_t;

use crate::{
    agent::Agent,
    error::{Error, HsaError, call},
    memory_pool::{Allocation, Pool, Pools},
};

/// What memory of no bytes has for an address: not null, aligned, and of nothing. No kernel may access a byte there.
const NOWHERE: u64 = 256;

/// Memory that a GPU reaches, zeroed when allocated, freed when dropped.
#[derive(Debug)]
pub(crate) struct DeviceMemory {
    allocation: Option<Allocation>,
    /// Whose memory it is.
    owner: hsa_agent_t,
    host_visible: bool,
}

impl DeviceMemory {
    /// Allocates `bytes`, all zero, of this kind, for this GPU.
    pub(crate) fn allocate(pools: &Pools, agent: &Agent, bytes: u64, kind: MemoryKind) -> Result<Self, Error> {
        match kind {
            MemoryKind::Device => Self::in_pool(&pools.local, agent, bytes),
            MemoryKind::DeviceFineGrained => {
                let pool = pools.local_fine.as_ref().ok_or(Error::Unsupported(kind))?;
                Self::in_pool(pool, agent, bytes)
            }
            MemoryKind::Host => {
                let size =
                    usize::try_from(bytes).map_err(|_| Error::OutOfMemory(OutOfMemory::new(bytes, kind, u64::MAX)))?;
                let allocation = match size {
                    0 => None,
                    size => Some(pools.shared.allocate(size, agent)?.into_allocation()),
                };
                Ok(Self::new(allocation, pools.host, true))
            }
            _ => Err(Error::Unsupported(kind)),
        }
    }

    /// Allocates `bytes`, all zero, in a GPU's own pool.
    fn in_pool(pool: &Pool, agent: &Agent, bytes: u64) -> Result<Self, Error> {
        let Some(bytes) = NonZero::new(bytes) else {
            return Ok(Self::new(None, agent.handle(), false));
        };
        let size = usize::try_from(bytes.get()).unwrap_or(usize::MAX);
        let allocation = pool.allocate(size, agent)?;
        let this = Self::new(Some(allocation), agent.handle(), false);
        this.set_to_zero(0, bytes.get())?;
        Ok(this)
    }

    fn new(allocation: Option<Allocation>, owner: hsa_agent_t, host_visible: bool) -> Self {
        if let Some(allocation) = &allocation {
            allocation.session().buffers().add(allocation.address() as u64, allocation.size() as u64);
        }
        Self { allocation, owner, host_visible }
    }

    /// The memory, if it has any bytes.
    pub(crate) fn allocation(&self) -> Option<&Allocation> {
        self.allocation.as_ref()
    }

    /// Whose memory it is.
    pub(crate) fn owner(&self) -> hsa_agent_t {
        self.owner
    }

    fn range(&self, offset: u64, length: u64) -> Result<(), Error> {
        let end = offset.checked_add(length);
        if end.is_some_and(|end| end <= self.size()) {
            Ok(())
        } else {
            Err(Error::OutOfRange { offset, length, size: self.size() })
        }
    }

    /// Zeros a range that lies in the memory: whole words by the device, the bytes around them by copies.
    fn set_to_zero(&self, offset: u64, bytes: u64) -> Result<(), HsaError> {
        let Some(allocation) = &self.allocation else { return Ok(()) };
        let api = allocation.session().api();
        let start = allocation.address().cast::<u8>().wrapping_add(offset as usize);
        // An allocation begins at a page.
        let head = (offset.next_multiple_of(4) - offset).min(bytes);
        let words = (bytes - head) / 4;
        let tail = bytes - head - 4 * words;
        let zeros = [0_u8; 3];
        let copy = |at: u64, length: u64| {
            let destination = start.wrapping_add(at as usize);
            // SAFETY: at most 3 bytes, in the range.
            unsafe { call!(api, hsa_memory_copy(destination.cast(), zeros.as_ptr().cast(), length as usize)) }
        };
        if head > 0 {
            copy(0, head)?;
        }
        if words > 0 {
            let destination = start.wrapping_add(head as usize);
            // SAFETY: aligned to a word, and so many words lie in the range.
            unsafe { call!(api, hsa_amd_memory_fill(destination.cast(), 0, words as usize))? };
        }
        if tail > 0 {
            copy(head + 4 * words, tail)?;
        }
        Ok(())
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        if let Some(allocation) = &self.allocation {
            allocation.session().buffers().remove(allocation.address() as u64);
        }
    }
}

impl Memory for DeviceMemory {
    fn address(&self) -> u64 {
        self.allocation.as_ref().map_or(NOWHERE, |allocation| allocation.address() as u64)
    }

    fn size(&self) -> u64 {
        self.allocation.as_ref().map_or(0, |allocation| allocation.size() as u64)
    }

    fn host_address(&self) -> Option<NonNull<u8>> {
        // What has no bytes has no address either, and no one looks at them.
        let nothing = NonNull::without_provenance(NonZero::new(NOWHERE as usize)?);
        let address = self.allocation.as_ref().map_or(Some(nothing), |memory| NonNull::new(memory.address().cast()));
        address.filter(|_| self.host_visible)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError> {
        self.range(offset, bytes.len() as u64)?;
        let (Some(allocation), false) = (&self.allocation, bytes.is_empty()) else { return Ok(()) };
        let destination = allocation.address().cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the range lies in the allocation, as checked above, and in the slice; the two are different memory.
        unsafe {
            let api = allocation.session().api();
            call!(api, hsa_memory_copy(destination.cast(), bytes.as_ptr().cast(), bytes.len())).map_err(Error::from)?;
        }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError> {
        self.range(offset, bytes.len() as u64)?;
        let (Some(allocation), false) = (&self.allocation, bytes.is_empty()) else { return Ok(()) };
        let source = allocation.address().cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the range lies in the allocation, as checked above, and in the slice; the two are different memory.
        unsafe {
            let api = allocation.session().api();
            call!(api, hsa_memory_copy(bytes.as_mut_ptr().cast(), source.cast(), bytes.len())).map_err(Error::from)?;
        }
        Ok(())
    }

    fn zero(&self, offset: u64, bytes: u64) -> Result<(), DriverError> {
        self.range(offset, bytes)?;
        Ok(self.set_to_zero(offset, bytes).map_err(Error::from)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    #[test]
    fn what_an_older_owner_left_is_zeroed_to_the_last_byte_and_no_further() {
        let (session, agent, _) = fake::start();
        let pool = Pool::fake(&session, 1 << 20);
        for size in [1, 2, 3, 4, 5, 7, 8, 4095, 4096] {
            let memory = DeviceMemory::in_pool(&pool, &agent, size).unwrap();
            // SAFETY: the fake's memory is the host's, in pages.
            let page = unsafe { std::slice::from_raw_parts(memory.address() as *const u8, 4096) };
            let (own, beyond) = page.split_at(size as usize);
            assert!(own.iter().all(|&byte| byte == 0), "{size}");
            assert!(beyond.iter().all(|&byte| byte == 0xee), "{size}");
        }
    }

    #[test]
    fn a_buffer_is_found_by_its_address_as_long_as_it_lives() {
        let (session, agent, _) = fake::start();
        let pool = Pool::fake(&session, 1 << 20);
        let memory = DeviceMemory::in_pool(&pool, &agent, 100).unwrap();
        let address = memory.address();
        let found = || session.buffers().nearest(address + 10).map(|neighbour| (neighbour.start, neighbour.size));
        assert_eq!(found(), Some((address, 100)));
        drop(memory);
        assert_eq!(found(), None);
        drop(DeviceMemory::in_pool(&pool, &agent, 0).unwrap());
    }

    #[test]
    fn out_of_memory_names_request_and_pool() {
        let (session, agent, _) = fake::start();
        let pool = Pool::fake(&session, 10_000);
        let error = |bytes| DeviceMemory::in_pool(&pool, &agent, bytes).unwrap_err();
        // Beyond the pool; beyond what is left of it; any.
        assert!(matches!(error(10_001), Error::OutOfMemory(OutOfMemory { requested: 10_001, total: 10_000, .. })));
        assert!(matches!(error(5_000), Error::OutOfMemory(OutOfMemory { requested: 5_000, total: 10_000, .. })));
        fake::FAILING.set(Some("hsa_amd_memory_pool_allocate"));
        assert!(matches!(error(1), Error::OutOfMemory(OutOfMemory { requested: 1, .. })));
        assert!(DeviceMemory::in_pool(&pool, &agent, 0).is_ok(), "no bytes need no memory");
    }
}
