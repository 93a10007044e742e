//! Typed memory on a device that grows.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use geobacter_lang::Element;

use crate::{
    buffer::DeviceBuffer,
    device::{Device, Error},
    driver::MemoryKind,
    slice::{DeviceSlice, SizedSlice},
};

/// Elements on a device, and room for more.
///
/// It is to [`DeviceBuffer`] what `Vec` is to a boxed slice. Kernels see its `len` elements. Growing beyond the
/// capacity moves them, on the device; work in flight, and graphs, go on with the memory that they were given.
pub struct DeviceVec<T> {
    buffer: DeviceBuffer<T>,
    /// The elements that are there: the first of the buffer.
    elements: SizedSlice<T>,
}

impl<T: Element> DeviceVec<T> {
    pub(crate) fn with_capacity(device: &Device, capacity: usize) -> Result<Self, Error> {
        Ok(Self::of(DeviceBuffer::zeroed(device, capacity, MemoryKind::Device)?, 0))
    }

    fn of(buffer: DeviceBuffer<T>, length: usize) -> Self {
        let allocation = std::sync::Arc::clone(buffer.allocation());
        let elements = DeviceSlice::whole(buffer.device().clone(), allocation, length);
        Self { buffer, elements }
    }

    fn set_len(&mut self, length: usize) {
        let allocation = std::sync::Arc::clone(self.buffer.allocation());
        self.elements = DeviceSlice::whole(self.buffer.device().clone(), allocation, length);
    }

    /// Elements that there is room for.
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Makes room for so many more. Blocks if elements have to move.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; otherwise as [`DeviceSlice::copy_from`]. The vector is as before then.
    pub fn reserve(&mut self, additional: usize) -> Result<(), Error> {
        let needed = self.len().saturating_add(additional);
        if needed <= self.capacity() {
            return Ok(());
        }
        let capacity = needed.max(self.capacity().saturating_mul(2));
        let mut larger = DeviceBuffer::zeroed(self.device(), capacity, self.memory_kind())?;
        if !self.is_empty() {
            larger.slice_mut(..self.len())?.copy_from(&self.elements)?;
        }
        let length = self.len();
        *self = Self::of(larger, length);
        Ok(())
    }

    /// Appends elements. Blocks until they are there.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve) and [`DeviceSlice::upload`]. The vector is as before then.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), Error> {
        self.reserve(elements.len())?;
        let (start, end) = (self.len(), self.len() + elements.len());
        self.buffer.slice_mut(start..end)?.upload(elements)?;
        self.set_len(end);
        Ok(())
    }

    /// Appends one element. Blocks until it is there; where there are many,
    /// [`extend_from_slice`](Self::extend_from_slice) is faster.
    ///
    /// # Errors
    /// As [`extend_from_slice`](Self::extend_from_slice).
    pub fn push(&mut self, element: T) -> Result<(), Error> {
        self.extend_from_slice(&[element])
    }

    /// Makes it `length` elements long, with copies of `value` at the end if it grows. Blocks until they are there.
    ///
    /// # Errors
    /// As [`extend_from_slice`](Self::extend_from_slice).
    pub fn resize(&mut self, length: usize, value: T) -> Result<(), Error> {
        let old = self.len();
        if let Some(additional) = length.checked_sub(old) {
            self.reserve(additional)?;
            self.buffer.slice_mut(old..length)?.fill(value)?;
        }
        self.set_len(length);
        Ok(())
    }

    /// Keeps the first `length` elements, or all if there are fewer.
    pub fn truncate(&mut self, length: usize) {
        self.set_len(self.len().min(length));
    }

    /// Removes all elements, and keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

impl<T> Deref for DeviceVec<T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.elements
    }
}

impl<T> DerefMut for DeviceVec<T> {
    fn deref_mut(&mut self) -> &mut DeviceSlice<T> {
        &mut self.elements
    }
}

impl<T> fmt::Debug for DeviceVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceVec")
            .field("device", &self.device().id())
            .field("len", &self.len())
            .field("capacity", &self.buffer.len())
            .finish()
    }
}
