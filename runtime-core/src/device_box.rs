//! One value on a device.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use geobacter_lang::Element;

use crate::{
    buffer::DeviceBuffer,
    device::{Device, Error},
    driver::MemoryKind,
    slice::DeviceSlice,
};

/// One value on a device: a counter, a sum, a result. Kernels take it as a buffer of one element.
pub struct DeviceBox<T>(DeviceBuffer<T>);

impl<T: Element> DeviceBox<T> {
    pub(crate) fn new(device: &Device, value: T) -> Result<Self, Error> {
        let mut this = Self(DeviceBuffer::stale(device, 1, MemoryKind::Device)?);
        this.set(value)?;
        Ok(this)
    }

    /// The value. Blocks until work in flight that writes it is done.
    ///
    /// # Errors
    /// As [`DeviceSlice::download`].
    pub fn get(&self) -> Result<T, Error> {
        let mut value = T::zeroed();
        self.0.download_into(std::slice::from_mut(&mut value))?;
        Ok(value)
    }

    /// Replaces the value. Blocks until work in flight that touches it is done.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn set(&mut self, value: T) -> Result<(), Error> {
        self.0.upload(&[value])
    }
}

impl<T> Deref for DeviceBox<T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.0
    }
}

impl<T> DerefMut for DeviceBox<T> {
    fn deref_mut(&mut self) -> &mut DeviceSlice<T> {
        &mut self.0
    }
}

impl<T> fmt::Debug for DeviceBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceBox").field("device", &self.device().id()).finish()
    }
}
