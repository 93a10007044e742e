//! Memory of the host that a device reaches.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use geobacter_lang::Element;

use crate::{
    allocation::{HostUse, Mode},
    buffer::DeviceBuffer,
    device::{Device, Error},
    driver::{DriverError, MemoryKind},
    slice::DeviceSlice,
};

/// `len` elements in pinned memory of the host, which the host and the device reach under one address.
///
/// Kernels take it as they take a [`DeviceBuffer`], at the speed of the bus. The host reads and writes it without a
/// copy ([`read`](Self::read), [`write`](Self::write)), and copies between it and a device's own memory
/// ([`Stream::copy`](crate::Stream::copy)) need no help of the processor.
pub struct HostBuffer<T>(DeviceBuffer<T>);

impl<T: Element> HostBuffer<T> {
    pub(crate) fn new(device: &Device, elements: &[T]) -> Result<Self, Error> {
        let mut this = Self(DeviceBuffer::stale(device, elements.len(), MemoryKind::Host)?);
        this.write()?.copy_from_slice(elements);
        Ok(this)
    }

    pub(crate) fn zeroed(device: &Device, length: usize) -> Result<Self, Error> {
        Ok(Self(DeviceBuffer::zeroed(device, length, MemoryKind::Host)?))
    }

    /// The elements, where they are. Waits for work in flight that writes them.
    ///
    /// # Errors
    /// As [`DeviceSlice::download`].
    pub fn read(&self) -> Result<HostView<'_, T>, Error> {
        let host_use = self.enter(Mode::Read)?;
        let address = self.address()?;
        // SAFETY: see `address`. Writers in flight were waited for; later ones need a mutable borrow of this buffer,
        // which the view's lifetime forbids, or are in a graph, which is refused while the host uses the memory.
        let elements = unsafe { std::slice::from_raw_parts(address, self.len()) };
        Ok(HostView { elements, _use: host_use })
    }

    /// The elements, where they are, to read and write. Waits for work in flight that touches them.
    ///
    /// # Errors
    /// As [`DeviceSlice::download`].
    pub fn write(&mut self) -> Result<HostViewMut<'_, T>, Error> {
        let host_use = self.enter(Mode::Write)?;
        let address = self.address()?;
        // SAFETY: see `address`. Everything in flight that touches them was waited for; what comes later needs a borrow
        // of this buffer, which the view's lifetime forbids, or is in a graph, which is refused while the host uses the
        // memory.
        let elements = unsafe { std::slice::from_raw_parts_mut(address, self.len()) };
        Ok(HostViewMut { elements, _use: host_use })
    }

    /// Address of the first element: the memory has `len` of them, all initialised, aligned (drivers align to 256
    /// bytes), and lives as long as the buffer.
    fn address(&self) -> Result<*mut T, Error> {
        let address = self.allocation().host_address().ok_or_else(|| {
            self.device().error(DriverError::Unsupported("host memory that the host reaches by address".into()))
        })?;
        Ok(address.as_ptr().cast())
    }
}

impl<T> Deref for HostBuffer<T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.0
    }
}

impl<T> DerefMut for HostBuffer<T> {
    fn deref_mut(&mut self) -> &mut DeviceSlice<T> {
        &mut self.0
    }
}

impl<T> fmt::Debug for HostBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuffer").field("device", &self.device().id()).field("len", &self.len()).finish()
    }
}

/// Elements of a [`HostBuffer`], to read.
pub struct HostView<'a, T> {
    elements: &'a [T],
    _use: HostUse,
}

/// Elements of a [`HostBuffer`], to read and write.
pub struct HostViewMut<'a, T> {
    elements: &'a mut [T],
    _use: HostUse,
}

impl<T> Deref for HostView<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.elements
    }
}

impl<T> Deref for HostViewMut<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.elements
    }
}

impl<T> DerefMut for HostViewMut<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.elements
    }
}

impl<T: fmt::Debug> fmt::Debug for HostView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for HostViewMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}
