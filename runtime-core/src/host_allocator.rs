//! Collections in memory that a device reaches.
//!
//! With the feature `allocator-api2`, vectors, boxes and maps of whatever library takes an allocator can live in pinned
//! memory: `allocator_api2::vec::Vec<f32, HostAllocator>`. The host uses them as any other; to a kernel their elements
//! are lent for a while.

use std::{
    alloc::Layout,
    collections::BTreeMap,
    fmt,
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError},
};

use allocator_api2::alloc::{AllocError, Allocator};
use geobacter_lang::Element;

use crate::{
    allocation::{Access, Allocation, Dependencies, HostUse, Mode},
    device::{Device, Error},
    driver::{DriverError, MemoryKind},
    slice::DeviceSlice,
};

/// The largest alignment, in bytes, that drivers give.
const ALIGN: usize = 256;

/// An allocator of pinned host memory that a device reaches. A handle: clones allocate from and free to the same.
#[derive(Clone)]
pub struct HostAllocator(Arc<Inner>);

struct Inner {
    device: Device,
    /// What is allocated, by address.
    live: Mutex<BTreeMap<usize, Live>>,
}

struct Live {
    allocation: Arc<Allocation>,
    /// The host may use it at any time: graphs, which have no borrows, may not.
    _use: HostUse,
}

impl HostAllocator {
    pub(crate) fn new(device: &Device) -> Self {
        Self(Arc::new(Inner { device: device.clone(), live: Mutex::default() }))
    }

    /// The device that reaches the memory.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// Lends elements of a collection to the device, to read, for as long as `with` runs: to launches, copies, and
    /// whatever else takes a slice of a buffer. Blocks until everything that `with` has enqueued with it is done.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the elements do not lie in memory of this allocator.
    pub fn lend<T: Element, R>(&self, elements: &[T], with: impl FnOnce(&DeviceSlice<T>) -> R) -> Result<R, Error> {
        let lent = self.lent(elements.as_ptr().addr(), elements.len())?;
        let result = with(&lent.slice);
        drop(lent);
        Ok(result)
    }

    /// The same, to read and write.
    ///
    /// # Errors
    /// As [`lend`](Self::lend).
    pub fn lend_mut<T: Element, R>(
        &self,
        elements: &mut [T],
        with: impl FnOnce(&mut DeviceSlice<T>) -> R,
    ) -> Result<R, Error> {
        let mut lent = self.lent(elements.as_ptr().addr(), elements.len())?;
        let result = with(&mut lent.slice);
        drop(lent);
        Ok(result)
    }

    fn lent<T: Element>(&self, address: usize, length: usize) -> Result<Lent<T>, Error> {
        let live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = length * size_of::<T>();
        let found = live.range(..=address).next_back().filter(|(start, live)| {
            let offset = (address - **start) as u64;
            offset + bytes as u64 <= live.allocation.size()
        });
        let (start, live) = found.ok_or_else(|| {
            let text =
                format!("{length} elements at {address:#x} do not lie in memory of the allocator that was asked");
            self.0.device.error(DriverError::device(text))
        })?;
        let offset = (address - start) as u64;
        let slice = DeviceSlice::at(self.0.device.clone(), Arc::clone(&live.allocation), offset, length);
        Ok(Lent { slice })
    }
}

/// Elements on loan. Nothing that was enqueued with them is in flight when it is gone.
struct Lent<T> {
    slice: DeviceSlice<T, [(); 0]>,
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let mut dependencies = Dependencies::default();
        self.slice.allocation().dependencies(&self.slice.range(), Mode::Write, &mut dependencies);
        dependencies.wait_unreported();
    }
}

// SAFETY: a block is a device allocation of its own, which stays where it is until it is deallocated; clones share the
// list of blocks, so that each may free what another has allocated.
unsafe impl Allocator for HostAllocator {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() > ALIGN {
            return Err(AllocError);
        }
        if layout.size() == 0 {
            let nowhere = NonNull::new(std::ptr::without_provenance_mut(layout.align())).ok_or(AllocError)?;
            return Ok(NonNull::slice_from_raw_parts(nowhere, 0));
        }
        let allocation = self.0.device.allocate(layout.size() as u64, MemoryKind::Host, false);
        let allocation = Arc::new(allocation.map_err(|error| {
            tracing::debug!(%error, "a collection gets no memory");
            AllocError
        })?);
        let address = allocation.host_address().ok_or(AllocError)?;
        let whole = Access { allocation: Arc::clone(&allocation), range: 0..allocation.size(), mode: Mode::Write };
        let live = Live { allocation, _use: whole.enter() };
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner).insert(address.as_ptr().addr(), live);
        Ok(NonNull::slice_from_raw_parts(address, layout.size()))
    }

    unsafe fn deallocate(&self, address: NonNull<u8>, layout: Layout) {
        if layout.size() > 0 {
            let mut live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
            let freed = live.remove(&address.as_ptr().addr());
            drop(live);
            drop(freed);
        }
    }
}

impl fmt::Debug for HostAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostAllocator").field("device", &self.0.device.id()).finish_non_exhaustive()
    }
}
