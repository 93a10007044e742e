//! Typed memory on a device, of a fixed length.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use geobacter_lang::Element;

use crate::{
    device::{Device, Error},
    driver::MemoryKind,
    slice::{DeviceSlice, SizedSlice},
};

/// Alignment that every driver gives its memory, in bytes.
const MEMORY_ALIGN: usize = 256;

/// `len` elements on a device; freed when dropped.
///
/// A kernel that reads it takes `&buffer`, one that writes it `&mut buffer`: so no launch can be given one buffer to read and
/// to write at once. Everything else is a method of [`DeviceSlice`], to which it dereferences.
///
/// It can be dropped while work is in flight that touches it: its memory stays until that is done.
pub struct DeviceBuffer<T>(SizedSlice<T>);

impl<T: Element> DeviceBuffer<T> {
    pub(crate) fn zeroed(device: &Device, length: usize, kind: MemoryKind) -> Result<Self, Error> {
        Self::new(device, length, kind, true)
    }

    /// A buffer whose elements are what an earlier user of the memory left: to be overwritten before anybody sees it.
    pub(crate) fn stale(device: &Device, length: usize, kind: MemoryKind) -> Result<Self, Error> {
        Self::new(device, length, kind, false)
    }

    fn new(device: &Device, length: usize, kind: MemoryKind, zeroed: bool) -> Result<Self, Error> {
        const {
            assert!(size_of::<T>() > 0, "a buffer's elements have at least one byte");
            assert!(align_of::<T>() <= MEMORY_ALIGN, "a buffer's elements are aligned to at most 256 bytes");
        }
        // What no address space holds is refused as any other size that cannot be had.
        let bytes = (length as u64).saturating_mul(size_of::<T>() as u64);
        let allocation = device.allocate(bytes, kind, zeroed)?;
        Ok(Self(DeviceSlice::whole(device.clone(), Arc::new(allocation), length)))
    }
}

impl<T> Deref for DeviceBuffer<T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.0
    }
}

impl<T> DerefMut for DeviceBuffer<T> {
    fn deref_mut(&mut self) -> &mut DeviceSlice<T> {
        &mut self.0
    }
}

impl<T> fmt::Debug for DeviceBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceBuffer").field("device", &self.device().id()).field("len", &self.len()).finish()
    }
}
