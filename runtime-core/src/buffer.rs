//! Typed memory on a device.

use std::{fmt, marker::PhantomData};

use geobacter_lang::{Element, param::BufferRepr};

use crate::{
    device::{Device, Error},
    driver::Memory,
};

/// Alignment that every driver gives its memory, in bytes.
const MEMORY_ALIGN: usize = 256;

/// `len` elements on a device; freed when dropped.
///
/// A kernel that reads it takes `&buffer`, one that writes it `&mut buffer`: so no launch can be given one buffer to read and
/// to write at once.
pub struct DeviceBuffer<T> {
    memory: Box<dyn Memory>,
    device: Device,
    length: usize,
    elements: PhantomData<T>,
}

impl<T: Element> DeviceBuffer<T> {
    pub(crate) fn zeroed(device: &Device, length: usize) -> Result<Self, Error> {
        const {
            assert!(size_of::<T>() > 0, "a buffer's elements have at least one byte");
            assert!(align_of::<T>() <= MEMORY_ALIGN, "a buffer's elements are aligned to at most 256 bytes");
        }
        let total = device.info().memory;
        let requested = (length as u64).checked_mul(size_of::<T>() as u64);
        let requested = requested.filter(|&bytes| bytes <= isize::MAX as u64).ok_or_else(|| Error::OutOfMemory {
            device: device.id().to_owned(),
            requested: u64::MAX,
            total,
        })?;
        // Not 0: a kernel's empty slice wants an aligned address that is not null, too.
        let memory = device.driver().allocate(requested.max(1)).map_err(|source| device.error(source))?;
        Ok(Self { memory, device: device.clone(), length, elements: PhantomData })
    }

    /// Replaces all elements.
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer than the buffer has; [`Error::Transfer`] if the device refuses.
    pub fn upload(&mut self, elements: &[T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        self.memory.write(0, bytemuck::cast_slice(elements)).map_err(|source| self.device.error(source))
    }

    /// All elements.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn download(&self) -> Result<Vec<T>, Error> {
        let mut elements = vec![T::zeroed(); self.length];
        self.download_into(&mut elements)?;
        Ok(elements)
    }

    /// All elements, into memory of the caller.
    ///
    /// # Errors
    /// [`Error::Length`] if there is room for more or fewer than the buffer has; [`Error::Transfer`] if the device refuses.
    pub fn download_into(&self, elements: &mut [T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        self.memory.read(0, bytemuck::cast_slice_mut(elements)).map_err(|source| self.device.error(source))
    }

    fn check_length(&self, found: usize) -> Result<(), Error> {
        if found == self.length {
            return Ok(());
        }
        Err(Error::Length { device: self.device.id().to_owned(), expected: self.length, found })
    }

    /// Its place in the device's memory, as a kernel sees it.
    pub(crate) fn repr(&self) -> BufferRepr {
        // The address may be a GPU's: it is not dereferenced here, and for the host the driver exposed its provenance.
        let address = match self.memory.address() {
            // Of memory without bytes a driver may say so; kernels rely on addresses that are not null.
            0 => align_of::<T>(),
            address => address as usize,
        };
        BufferRepr { pointer: std::ptr::with_exposed_provenance_mut(address), length: self.length as u64 }
    }
}

impl<T> DeviceBuffer<T> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The device that it lies on.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl<T> fmt::Debug for DeviceBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceBuffer").field("device", &self.device.id()).field("len", &self.length).finish()
    }
}
