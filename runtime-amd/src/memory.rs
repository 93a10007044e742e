//! Device memory: what buffers are made of.

use std::num::NonZero;

use geobacter_runtime_core::driver::{DriverError, Memory};

use crate::{
    agent::Agent,
    error::{Error, HsaError, call},
    memory_pool::{Allocation, Pool},
};

/// What memory of no bytes has for an address: not null, aligned, and of nothing. No kernel may access a byte there.
const NOWHERE: u64 = 256;

/// Memory of a GPU, zeroed when allocated, freed when dropped.
#[derive(Debug)]
pub(crate) struct DeviceMemory(Option<Allocation>);

impl DeviceMemory {
    /// Allocates `bytes`, all zero, in a GPU's own pool.
    pub(crate) fn new(pool: &Pool, agent: &Agent, bytes: u64) -> Result<Self, Error> {
        let Some(bytes) = NonZero::new(bytes) else { return Ok(Self(None)) };
        let size = usize::try_from(bytes.get())
            .map_err(|_| Error::OutOfMemory { requested: bytes.get(), total: pool.size() })?;
        let allocation = pool.allocate(size, agent)?;
        zero(&allocation)?;
        allocation.session().buffers().add(allocation.address() as u64, bytes.get());
        Ok(Self(Some(allocation)))
    }

    fn range(&self, offset: u64, length: usize) -> Result<(), Error> {
        let end = offset.checked_add(length as u64);
        if end.is_some_and(|end| end <= self.size()) {
            Ok(())
        } else {
            Err(Error::OutOfRange { offset, length: length as u64, size: self.size() })
        }
    }
}

/// Fills an allocation with zeros: whole words by the device, the last bytes by a copy.
fn zero(allocation: &Allocation) -> Result<(), HsaError> {
    let api = allocation.session().api();
    let words = allocation.size() / 4;
    if words > 0 {
        // SAFETY: the allocation is aligned to a page and has that many words.
        unsafe { call!(api, hsa_amd_memory_fill(allocation.address(), 0, words))? };
    }
    let tail = [0_u8; 3];
    let rest = allocation.size() % 4;
    if rest > 0 {
        // SAFETY: source and destination have that many bytes.
        unsafe {
            let destination = allocation.address().cast::<u8>().wrapping_add(4 * words);
            call!(api, hsa_memory_copy(destination.cast(), tail.as_ptr().cast(), rest))?;
        }
    }
    Ok(())
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        if let Some(allocation) = &self.0 {
            allocation.session().buffers().remove(allocation.address() as u64);
        }
    }
}

impl Memory for DeviceMemory {
    fn address(&self) -> u64 {
        self.0.as_ref().map_or(NOWHERE, |allocation| allocation.address() as u64)
    }

    fn size(&self) -> u64 {
        self.0.as_ref().map_or(0, |allocation| allocation.size() as u64)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError> {
        self.range(offset, bytes.len())?;
        let (Some(allocation), false) = (&self.0, bytes.is_empty()) else { return Ok(()) };
        let destination = allocation.address().cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the range lies in the allocation, as checked above, and in the slice; the two are different memory.
        unsafe {
            let api = allocation.session().api();
            call!(api, hsa_memory_copy(destination.cast(), bytes.as_ptr().cast(), bytes.len())).map_err(Error::from)?;
        }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError> {
        self.range(offset, bytes.len())?;
        let (Some(allocation), false) = (&self.0, bytes.is_empty()) else { return Ok(()) };
        let source = allocation.address().cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the range lies in the allocation, as checked above, and in the slice; the two are different memory.
        unsafe {
            let api = allocation.session().api();
            call!(api, hsa_memory_copy(bytes.as_mut_ptr().cast(), source.cast(), bytes.len())).map_err(Error::from)?;
        }
        Ok(())
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
            let memory = DeviceMemory::new(&pool, &agent, size).unwrap();
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
        let memory = DeviceMemory::new(&pool, &agent, 100).unwrap();
        let address = memory.address();
        let found = || session.buffers().nearest(address + 10).map(|neighbour| (neighbour.start, neighbour.size));
        assert_eq!(found(), Some((address, 100)));
        drop(memory);
        assert_eq!(found(), None);
        drop(DeviceMemory::new(&pool, &agent, 0).unwrap());
    }

    #[test]
    fn out_of_memory_names_request_and_pool() {
        let (session, agent, _) = fake::start();
        let pool = Pool::fake(&session, 10_000);
        let error = |bytes| DeviceMemory::new(&pool, &agent, bytes).unwrap_err();
        // Beyond the pool; beyond what is left of it; any.
        assert!(matches!(error(10_001), Error::OutOfMemory { requested: 10_001, total: 10_000 }));
        assert!(matches!(error(5_000), Error::OutOfMemory { requested: 5_000, total: 10_000 }));
        fake::FAILING.set(Some("hsa_amd_memory_pool_allocate"));
        assert!(matches!(error(1), Error::OutOfMemory { requested: 1, .. }));
        assert!(DeviceMemory::new(&pool, &agent, 0).is_ok(), "no bytes need no memory");
    }
}
