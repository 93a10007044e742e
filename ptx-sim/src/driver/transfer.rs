//! Copies and fills, once it is known between which places.

use std::sync::Arc;

use crate::memory::{Memory, MemoryError};

/// Bytes that are moved at once.
const PART: u64 = 1 << 16;

/// What memory one end of a copy is in.
#[derive(Clone, Debug)]
pub enum Place {
    /// Memory that the driver has given.
    Known(Arc<Memory>),
    /// Other memory of the program, which is pageable.
    Program,
    /// What such memory held when the copy was submitted. Addresses are offsets.
    Staged(Arc<[u8]>),
}

/// One end of a copy.
#[derive(Clone, Debug)]
pub struct End {
    /// The memory.
    pub place: Place,
    /// The first byte.
    pub address: u64,
    /// Bytes from one row to the next.
    pub pitch: u64,
    /// Bytes from one slice to the next.
    pub slice: u64,
}

/// A copy of slices of rows.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Where to.
    pub to: End,
    /// Where from.
    pub from: End,
    /// Bytes of a row, rows of a slice, and slices.
    pub extent: [u64; 3],
}

/// A fill of rows with a pattern.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The memory.
    pub memory: Arc<Memory>,
    /// The first byte.
    pub address: u64,
    /// Bytes from one row to the next.
    pub pitch: u64,
    /// The pattern's bytes: the first so many of these.
    pub pattern: ([u8; 4], usize),
    /// Patterns of a row, and rows.
    pub extent: [u64; 2],
}

impl End {
    /// Bytes from the first one to the last one of a copy. None if they go past the end of the address space.
    pub fn span(&self, [width, height, depth]: [u64; 3]) -> Option<u64> {
        let slices = self.slice.checked_mul(depth.checked_sub(1)?)?;
        let rows = self.pitch.checked_mul(height.checked_sub(1)?)?;
        let span = slices.checked_add(rows)?.checked_add(width)?;
        self.address.checked_add(span).map(|_| span)
    }

    /// Reads so many bytes from an address on.
    ///
    /// # Safety
    /// In the program's memory, the bytes are valid for reads, and nobody writes them.
    unsafe fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        match &self.place {
            Place::Known(memory) => memory.read(address, into),
            Place::Program => {
                let from = core::ptr::with_exposed_provenance::<u8>(address as usize);
                // SAFETY: valid by this function's contract; the buffer is the simulator's own.
                unsafe { into.as_mut_ptr().copy_from_nonoverlapping(from, into.len()) };
                Ok(())
            }
            Place::Staged(bytes) => {
                let all = address as usize..address as usize + into.len();
                let part = bytes.get(all).ok_or(MemoryError::OutOfBounds { address, bytes: into.len() as u64 })?;
                into.copy_from_slice(part);
                Ok(())
            }
        }
    }

    /// Writes bytes from an address on.
    ///
    /// # Safety
    /// In the program's memory, the bytes are valid for writes, and nobody else looks at them.
    unsafe fn write(&self, address: u64, from: &[u8]) -> Result<(), MemoryError> {
        match &self.place {
            Place::Known(memory) => memory.write(address, from),
            Place::Program => {
                let to = core::ptr::with_exposed_provenance_mut::<u8>(address as usize);
                // SAFETY: valid by this function's contract; the buffer is the simulator's own.
                unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
                Ok(())
            }
            // Nobody copies to a copy.
            Place::Staged(_) => Err(MemoryError::OutOfBounds { address, bytes: from.len() as u64 }),
        }
    }

    /// All bytes of a copy from here, one row after the other.
    ///
    /// # Safety
    /// As for [`Copy::run`].
    pub unsafe fn staged(&self, [width, height, depth]: [u64; 3]) -> Result<Self, MemoryError> {
        let too_large = MemoryError::OutOfBounds { address: self.address, bytes: u64::MAX };
        let size = width.checked_mul(height).and_then(|size| size.checked_mul(depth)).ok_or(too_large)?;
        let mut bytes = vec![0; size as usize];
        if width > 0 {
            for (row, into) in bytes.chunks_exact_mut(width as usize).enumerate() {
                let (slice, row) = (row as u64 / height, row as u64 % height);
                // SAFETY: by this function's contract.
                unsafe { self.read(self.address + slice * self.slice + row * self.pitch, into) }?;
            }
        }
        Ok(Self { place: Place::Staged(bytes.into()), address: 0, pitch: width, slice: width * height })
    }
}

impl Copy {
    /// Copies.
    ///
    /// # Safety
    /// Where an end is the program's own memory, it is valid for it, and nobody else uses it meanwhile.
    pub unsafe fn run(&self) -> Result<(), MemoryError> {
        let [mut width, mut height, mut depth] = self.extent;
        let (to, from) = (&self.to, &self.from);
        // Rows that follow each other are one.
        if to.pitch == width && from.pitch == width && to.slice == width * height && from.slice == width * height {
            (width, height, depth) = (width * height * depth, 1, 1);
        }
        for slice in 0..depth {
            for row in 0..height {
                let to_row = to.address + slice * to.slice + row * to.pitch;
                let from_row = from.address + slice * from.slice + row * from.pitch;
                // SAFETY: by this function's contract.
                unsafe { self.copy_row(to_row, from_row, width) }?;
            }
        }
        Ok(())
    }

    /// # Safety
    /// As for [`run`](Self::run).
    unsafe fn copy_row(&self, to: u64, from: u64, width: u64) -> Result<(), MemoryError> {
        if let (Place::Known(memory), Place::Known(other)) = (&self.to.place, &self.from.place)
            && Arc::ptr_eq(memory, other)
        {
            return memory.copy(to, from, width);
        }
        let mut buffer = vec![0; width.min(PART) as usize];
        let mut done = 0;
        while done < width {
            let part = &mut buffer[..(width - done).min(PART) as usize];
            // SAFETY: by this function's contract.
            unsafe {
                self.from.read(from + done, part)?;
                self.to.write(to + done, part)?;
            }
            done += part.len() as u64;
        }
        Ok(())
    }
}

impl Fill {
    /// Fills.
    pub fn run(&self) -> Result<(), MemoryError> {
        let ([columns, rows], (pattern, size)) = (self.extent, self.pattern);
        for row in 0..rows {
            self.memory.fill(self.address + row * self.pitch, &pattern[..size], columns)?;
        }
        Ok(())
    }
}
