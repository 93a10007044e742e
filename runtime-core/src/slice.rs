//! Typed memory on a device: what a kernel is given, and what can be done with it without a kernel.
//!
//! [`DeviceSlice`] is to [`DeviceBuffer`](crate::DeviceBuffer) and its like what `[T]` is to `Vec<T>`: the owners, and
//! the views of parts, lend one. It has no size known at compile time, for the same reason: two that are borrowed
//! mutably cannot be swapped, so a `&mut DeviceSlice` stands for the same memory as long as it lives. This is what
//! makes a mutable borrow of a buffer the only way to write it.

use std::{
    fmt,
    marker::PhantomData,
    ops::{Bound, Deref, DerefMut, Range, RangeBounds},
    sync::Arc,
};

use geobacter_lang::{Element, param::BufferRepr};

use crate::{
    allocation::{Access, Allocation, Dependencies, HostUse, Mode},
    device::{Device, Error},
    driver::{CopyWork, FillWork, MemoryKind, Place},
};

/// Elements on a device: the whole of a buffer, or a part of it.
///
/// A kernel that reads them takes `&slice`, one that writes them `&mut slice`: so no launch can be given one element to
/// read and to write at once. Borrows of buffers and views become borrows of slices by themselves.
///
/// All methods here are *blocking*: they wait for work in flight that touches the elements, and then for their own end.
/// A [`Stream`](crate::Stream) does the same without waiting.
///
/// `S` is what takes the size away, and is never named.
pub struct DeviceSlice<T, S: ?Sized = [()]> {
    device: Device,
    allocation: Arc<Allocation>,
    /// Where it begins in the allocation, in bytes.
    offset: u64,
    /// Number of elements.
    length: usize,
    elements: PhantomData<T>,
    _no_size: S,
}

/// A slice that can be held by value.
pub(crate) type SizedSlice<T> = DeviceSlice<T, [(); 0]>;

impl<T> SizedSlice<T> {
    pub(crate) fn whole(device: Device, allocation: Arc<Allocation>, length: usize) -> Self {
        Self::at(device, allocation, 0, length)
    }

    /// `length` elements from an offset in bytes, which is a multiple of their alignment.
    pub(crate) fn at(device: Device, allocation: Arc<Allocation>, offset: u64, length: usize) -> Self {
        Self { device, allocation, offset, length, elements: PhantomData, _no_size: [] }
    }
}

impl<T, S: ?Sized> DeviceSlice<T, S> {
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

    /// Which sort of memory it is.
    pub fn memory_kind(&self) -> MemoryKind {
        self.allocation.kind()
    }

    pub(crate) fn allocation(&self) -> &Arc<Allocation> {
        &self.allocation
    }

    /// In bytes, in the allocation.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + (self.length * size_of::<T>()) as u64
    }

    pub(crate) fn access(&self, mode: Mode) -> Access {
        Access { allocation: Arc::clone(&self.allocation), range: self.range(), mode }
    }

    fn part(&self, start: usize, end: usize) -> SizedSlice<T> {
        DeviceSlice {
            device: self.device.clone(),
            allocation: Arc::clone(&self.allocation),
            offset: self.offset + (start * size_of::<T>()) as u64,
            length: end - start,
            elements: PhantomData,
            _no_size: [],
        }
    }

    fn bounds(&self, range: impl RangeBounds<usize>) -> Result<(usize, usize), Error> {
        let start = match range.start_bound() {
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(self.length),
        };
        match (start, end) {
            (Some(start), Some(end)) if start <= end && end <= self.length => Ok((start, end)),
            _ => Err(Error::Range {
                device: self.device.id().to_owned(),
                start: start.unwrap_or(usize::MAX),
                end: end.unwrap_or(usize::MAX),
                length: self.length,
            }),
        }
    }

    /// The elements of a range, to read.
    ///
    /// # Errors
    /// [`Error::Range`] if there are none such.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<DeviceView<'_, T>, Error> {
        let (start, end) = self.bounds(range)?;
        Ok(DeviceView { slice: self.part(start, end), borrow: PhantomData })
    }

    /// The elements of a range, to read and write.
    ///
    /// # Errors
    /// [`Error::Range`] if there are none such.
    pub fn slice_mut(&mut self, range: impl RangeBounds<usize>) -> Result<DeviceViewMut<'_, T>, Error> {
        let (start, end) = self.bounds(range)?;
        Ok(DeviceViewMut { slice: self.part(start, end), borrow: PhantomData })
    }

    /// The elements before `middle`, and those from there on, to read and write: two parts that two kernels can work on
    /// at the same time.
    ///
    /// # Errors
    /// [`Error::Range`] if there are fewer than `middle`.
    pub fn split_at_mut(&mut self, middle: usize) -> Result<(DeviceViewMut<'_, T>, DeviceViewMut<'_, T>), Error> {
        let (_, middle) = self.bounds(..middle)?;
        let view = |slice| DeviceViewMut { slice, borrow: PhantomData };
        Ok((view(self.part(0, middle)), view(self.part(middle, self.length))))
    }

    /// For something that the host is about to do: waits for work in flight that conflicts with it. Whether what that
    /// should have written is there is the result.
    pub(crate) fn enter(&self, mode: Mode) -> Result<HostUse, Error> {
        self.device.check_process().map_err(|source| self.device.error(source))?;
        let host_use = self.access(mode).enter();
        let mut dependencies = Dependencies::default();
        self.allocation.dependencies(&self.range(), mode, &mut dependencies);
        dependencies.wait()?;
        Ok(host_use)
    }

    /// The same for what overwrites everything: whether work in flight failed is of no interest any more.
    fn enter_to_overwrite(&self) -> Result<HostUse, Error> {
        self.device.check_process().map_err(|source| self.device.error(source))?;
        let host_use = self.access(Mode::Write).enter();
        let mut dependencies = Dependencies::default();
        self.allocation.dependencies(&self.range(), Mode::Write, &mut dependencies);
        dependencies.wait_unreported();
        self.allocation.overwritten(&self.range());
        Ok(host_use)
    }

    /// Its place in the device's memory, as a kernel sees it.
    pub(crate) fn repr(&self) -> BufferRepr {
        // The address may be a GPU's: it is not dereferenced here, and for the host the driver exposed its provenance.
        let address = match self.allocation.memory().address() {
            // Of memory without bytes a driver may say so; kernels rely on addresses that are not null.
            0 => align_of::<T>(),
            address => (address + self.offset) as usize,
        };
        BufferRepr { pointer: std::ptr::with_exposed_provenance_mut(address), length: self.length as u64 }
    }

    pub(crate) fn check_length(&self, found: usize) -> Result<(), Error> {
        if found == self.length {
            return Ok(());
        }
        Err(Error::Length { device: self.device.id().to_owned(), expected: self.length, found })
    }

    pub(crate) fn place(&self, offset: usize, pitch: usize) -> Place {
        let size = size_of::<T>();
        Place {
            memory: Arc::clone(self.allocation.memory()),
            offset: self.offset + (offset * size) as u64,
            pitch: (pitch * size) as u64,
        }
    }
}

impl<T: Element, S: ?Sized> DeviceSlice<T, S> {
    /// Replaces all elements. Blocks until they are there.
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer than the slice has; [`Error::Transfer`] if the device refuses.
    pub fn upload(&mut self, elements: &[T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        let _use = self.enter_to_overwrite()?;
        let memory = self.allocation.memory();
        memory.write(self.offset, bytemuck::cast_slice(elements)).map_err(|source| self.device.error(source))
    }

    /// All elements. Blocks until they are there.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses; if work failed that should have written them, and nobody has been
    /// told yet, what it says.
    pub fn download(&self) -> Result<Vec<T>, Error> {
        let mut elements = vec![T::zeroed(); self.length];
        self.download_into(&mut elements)?;
        Ok(elements)
    }

    /// All elements, into memory of the caller. Blocks until they are there.
    ///
    /// # Errors
    /// [`Error::Length`] if there is room for more or fewer than the slice has; otherwise as
    /// [`download`](Self::download).
    pub fn download_into(&self, elements: &mut [T]) -> Result<(), Error> {
        self.check_length(elements.len())?;
        let _use = self.enter(Mode::Read)?;
        let memory = self.allocation.memory();
        memory.read(self.offset, bytemuck::cast_slice_mut(elements)).map_err(|source| self.device.error(source))
    }

    /// Sets all elements to one value. Blocks until they are.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn fill(&mut self, value: T) -> Result<(), Error> {
        let _use = self.enter_to_overwrite()?;
        self.fill_work(value).by_host().map_err(|source| self.device.error(source))
    }

    pub(crate) fn fill_work(&self, value: T) -> FillWork {
        let Range { start, end } = self.range();
        let pattern = bytemuck::bytes_of(&value).into();
        FillWork { memory: Arc::clone(self.allocation.memory()), offset: start, bytes: end - start, pattern }
    }

    /// Replaces all elements by those of another slice, which may lie on another device. Blocks until they are there.
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer; [`Error::Transfer`] if a device refuses; otherwise as
    /// [`download`](Self::download) of the other slice.
    pub fn copy_from(&mut self, source: &DeviceSlice<T, impl ?Sized>) -> Result<(), Error> {
        let columns = source.len();
        self.check_length(columns)?;
        let plain = Rect { start: 0, pitch: columns };
        let copy = rect_copy((source, plain), (self, plain), [columns, 1])?;
        let _uses = (source.enter(Mode::Read)?, self.enter_to_overwrite()?);
        // SAFETY: nothing in flight touches the two any more that could get in the way, and both are borrowed. They lie
        // in their memories and do not overlap, for they are borrowed differently.
        unsafe { self.device.driver().copy(&copy) }.map_err(|source| self.device.error(source))
    }
}

impl Dependencies {
    /// Waits for all of them, and tells nobody of failures.
    pub(crate) fn wait_unreported(&self) {
        for event in &self.pending {
            // Whoever needs what it writes looks at the writers.
            let _outcome = event.wait_unreported();
        }
    }

    /// Waits for all of them; the first failure among those that matter is told.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        self.wait_unreported();
        for writer in &self.writers {
            if let Err(failure) = writer.wait_unreported()
                && !writer.is_reported()
            {
                return Err(writer.report(failure));
            }
        }
        Ok(())
    }
}

/// A rectangle of a matrix that is stored row by row, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Where its first element stands in the slice.
    pub start: usize,
    /// Elements from the beginning of one row of the matrix to that of the next.
    pub pitch: usize,
}

/// A copy of `size` = `[columns, rows]` elements, if both rectangles lie in their slices.
pub(crate) fn rect_copy<T>(
    source: (&DeviceSlice<T, impl ?Sized>, Rect),
    destination: (&DeviceSlice<T, impl ?Sized>, Rect),
    [columns, rows]: [usize; 2],
) -> Result<CopyWork, Error> {
    let check = |device: &Device, length: usize, rect: Rect| {
        let last_row = rows.saturating_sub(1).checked_mul(rect.pitch).and_then(|last| last.checked_add(rect.start));
        let end = last_row.and_then(|last| last.checked_add(columns));
        if end.is_some_and(|end| end <= length) && (rect.pitch >= columns || rows <= 1) {
            return Ok(());
        }
        Err(Error::Rect { device: device.id().to_owned(), columns, rows, start: rect.start, pitch: rect.pitch, length })
    };
    check(source.0.device(), source.0.len(), source.1)?;
    check(destination.0.device(), destination.0.len(), destination.1)?;
    Ok(CopyWork {
        source: source.0.place(source.1.start, source.1.pitch),
        destination: destination.0.place(destination.1.start, destination.1.pitch),
        row_bytes: (columns * size_of::<T>()) as u64,
        rows: rows as u64,
    })
}

impl<T, S: ?Sized> fmt::Debug for DeviceSlice<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceSlice")
            .field("device", &self.device.id())
            .field("len", &self.length)
            .field("memory", &self.memory_kind())
            .finish()
    }
}

/// A part of a buffer, to read.
pub struct DeviceView<'a, T> {
    slice: SizedSlice<T>,
    borrow: PhantomData<&'a DeviceSlice<T>>,
}

/// A part of a buffer, to read and write.
pub struct DeviceViewMut<'a, T> {
    slice: SizedSlice<T>,
    borrow: PhantomData<&'a mut DeviceSlice<T>>,
}

impl<T> Deref for DeviceView<'_, T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.slice
    }
}

impl<T> Deref for DeviceViewMut<'_, T> {
    type Target = DeviceSlice<T>;

    fn deref(&self) -> &DeviceSlice<T> {
        &self.slice
    }
}

impl<T> DerefMut for DeviceViewMut<'_, T> {
    fn deref_mut(&mut self) -> &mut DeviceSlice<T> {
        &mut self.slice
    }
}

impl<T> fmt::Debug for DeviceView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slice.fmt(f)
    }
}

impl<T> fmt::Debug for DeviceViewMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slice.fmt(f)
    }
}
