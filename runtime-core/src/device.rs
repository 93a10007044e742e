//! A device as a program holds it.

use std::{fmt, sync::Arc};

use geobacter_lang::{Element, StructOfArrays};

use crate::{
    buffer::DeviceBuffer,
    driver::{DeviceInfo, Driver, DriverError},
    launch::LaunchError,
    output::OutputLine,
    soa::SoaBuffer,
};

/// One device. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Device {
    driver: Arc<dyn Driver>,
}

impl Device {
    /// The device behind this driver.
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        Self { driver }
    }

    /// What it is and what it can take.
    pub fn info(&self) -> &DeviceInfo {
        self.driver.info()
    }

    /// How a user names it: `host`, `sim:gfx942`, `amd:0`.
    pub fn id(&self) -> &str {
        &self.info().id
    }

    /// The driver behind it.
    pub fn driver(&self) -> &dyn Driver {
        &*self.driver
    }

    /// Gives the lines that kernels on this device print to `handler`, in place of standard output: one call for each line, on
    /// any thread. It is for all handles to the device, and stays until another one is set.
    pub fn on_output(&self, handler: impl Fn(OutputLine) + Send + Sync + 'static) {
        self.driver.output().set(handler);
    }

    /// A buffer on this device with these elements.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn upload<T: Element>(&self, elements: &[T]) -> Result<DeviceBuffer<T>, Error> {
        let mut buffer = self.zeroed(elements.len())?;
        buffer.upload(elements)?;
        Ok(buffer)
    }

    /// A buffer on this device with `length` elements, all of whose bytes are zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn zeroed<T: Element>(&self, length: usize) -> Result<DeviceBuffer<T>, Error> {
        DeviceBuffer::zeroed(self, length)
    }

    /// Structs on this device, stored as one array for each field.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn upload_soa<T: StructOfArrays>(&self, elements: &[T]) -> Result<SoaBuffer<T>, Error> {
        let mut buffer = self.zeroed_soa(elements.len())?;
        buffer.upload(elements)?;
        Ok(buffer)
    }

    /// `length` structs on this device, stored as one array for each field, all of whose bytes are zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn zeroed_soa<T: StructOfArrays>(&self, length: usize) -> Result<SoaBuffer<T>, Error> {
        SoaBuffer::zeroed(self, length)
    }

    pub(crate) fn error(&self, source: DriverError) -> Error {
        let device = self.id().to_owned();
        match source {
            DriverError::OutOfMemory { requested, total } => Error::OutOfMemory { device, requested, total },
            source => Error::Transfer { device, source },
        }
    }
}

impl PartialEq for Device {
    /// Whether both are handles to one device.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.driver, &other.driver)
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Device").field(&self.id()).finish()
    }
}

/// What can go wrong with devices and buffers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device has not that much memory left.
    #[error(
        "device {device} is out of memory: {requested} bytes asked for, it has {total} in all; drop buffers that are no longer needed, or work in pieces"
    )]
    OutOfMemory {
        /// The device.
        device: String,
        /// What was asked for, in bytes.
        requested: u64,
        /// What the device has, in bytes.
        total: u64,
    },
    /// Elements and buffer differ in number.
    #[error("{found} elements for a buffer of {expected} on device {device}")]
    Length {
        /// The device.
        device: String,
        /// Elements of the buffer.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// The device, or the library that drives it, says no.
    #[error("device {device}: {source}")]
    Transfer {
        /// The device.
        device: String,
        /// What it says.
        source: DriverError,
    },
    /// A launch failed.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}
