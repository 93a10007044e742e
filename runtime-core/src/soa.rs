//! Structs on a device, stored as one array for each field: the host's side of `geobacter_lang::soa`.

use std::{fmt, marker::PhantomData};

use geobacter_lang::{
    StructOfArrays,
    param::kind,
    soa::{Pointers, SoaRepr},
};

use crate::{
    allocation::Mode,
    buffer::DeviceBuffer,
    device::{Device, Error},
    driver::MemoryKind,
    launch::{Bind, Checks, LaunchError, LaunchKind},
};

/// `len` structs on a device, stored as one array for each field; freed when dropped.
///
/// A kernel that reads it (`InSoa<T>`) takes `&buffer`, one that writes it (`OutSoa<T>`, `InOutSoa<T>`) takes `&mut buffer`.
/// On the host it looks like a buffer of structs: [`upload`](Self::upload) takes them apart and
/// [`download`](Self::download) puts them together again.
pub struct SoaBuffer<T> {
    /// One for each of `T::FIELDS`, in bytes. A driver aligns memory for any element.
    fields: Vec<DeviceBuffer<u8>>,
    device: Device,
    length: usize,
    elements: PhantomData<T>,
}

impl<T: StructOfArrays> SoaBuffer<T> {
    pub(crate) fn zeroed(device: &Device, length: usize) -> Result<Self, Error> {
        let fields = T::FIELDS.iter().map(|&size| {
            // A number of bytes beyond `usize` is refused as every impossible size is.
            DeviceBuffer::zeroed(device, length.saturating_mul(size), MemoryKind::Device)
        });
        Ok(Self { fields: fields.collect::<Result<_, _>>()?, device: device.clone(), length, elements: PhantomData })
    }

    /// Replaces all structs.
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer than the buffer has; [`Error::Transfer`] if the device refuses, which may
    /// leave some fields replaced and others not.
    pub fn upload(&mut self, elements: &[T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        let mut array = Vec::new();
        for (field, buffer) in self.fields.iter_mut().enumerate() {
            array.resize(buffer.len(), 0);
            T::gather(elements, field, &mut array);
            buffer.upload(&array)?;
        }
        Ok(())
    }

    /// All structs.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn download(&self) -> Result<Vec<T>, Error> {
        let mut elements = vec![T::zeroed(); self.length];
        self.download_into(&mut elements)?;
        Ok(elements)
    }

    /// All structs, into memory of the caller.
    ///
    /// # Errors
    /// [`Error::Length`] if there is room for more or fewer than the buffer has; [`Error::Transfer`] if the device refuses,
    /// which may leave some fields replaced and others not.
    pub fn download_into(&self, elements: &mut [T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        let mut array = Vec::new();
        for (field, buffer) in self.fields.iter().enumerate() {
            array.resize(buffer.len(), 0);
            buffer.download_into(&mut array)?;
            T::scatter(elements, field, &array);
        }
        Ok(())
    }

    fn check_length(&self, found: usize) -> Result<(), Error> {
        if found == self.length {
            return Ok(());
        }
        Err(Error::Length { device: self.device.id().to_owned(), expected: self.length, found })
    }

    fn bind<const D: usize>(
        &self,
        mode: Mode,
        checks: &mut Checks<'_, D>,
    ) -> Result<SoaRepr<T::Pointers>, LaunchError> {
        checks.check_length(self.length)?;
        for field in &self.fields {
            checks.check_device(field)?;
            checks.touch(field, mode);
        }
        Ok(SoaRepr {
            pointers: T::Pointers::from_fn(|field| self.fields[field].repr().pointer),
            length: self.length as u64,
        })
    }
}

impl<T> SoaBuffer<T> {
    /// Number of structs.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has no structs.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The device that it lies on.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl<T> fmt::Debug for SoaBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoaBuffer").field("device", &self.device.id()).field("len", &self.length).finish()
    }
}

macro_rules! kinds {
    ($($name:ident: &'a $($mutable:ident)?, $mode:ident, |$length:ident| $items:expr;)*) => { $(
        impl<T: StructOfArrays> LaunchKind for kind::$name<T> {
            type Arg<'a> = &'a $($mutable)? SoaBuffer<T>;
            type Repr = SoaRepr<T::Pointers>;
        }

        impl<T: StructOfArrays, const D: usize> Bind<D> for kind::$name<T> {
            fn items(buffer: &Self::Arg<'_>, _: &Checks<'_, D>) -> Result<Option<u64>, LaunchError> {
                let $length = buffer.len() as u64;
                Ok($items)
            }

            fn bind(buffer: &Self::Arg<'_>, checks: &mut Checks<'_, D>) -> Result<Self::Repr, LaunchError> {
                buffer.bind(Mode::$mode, checks)
            }
        }
    )* };
}
kinds! {
    InSoa: &'a, Read, |_length| None;
    OutSoa: &'a mut, Write, |length| Some(length);
    InOutSoa: &'a mut, Write, |length| Some(length);
}
