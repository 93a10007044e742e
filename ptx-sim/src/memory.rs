//! Device memory: real memory of the host, and what of it kernels may touch.
//!
//! A device address is the host's address. Kernels and host threads may touch the same bytes at once, so everything goes
//! through relaxed atomic accesses; there is no reference to device memory anywhere.

use std::{
    alloc::{self, Layout},
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering},
    },
};

use thiserror::Error;

use crate::fault::{FaultKind, Trap};

/// The alignment that every allocation has at least, in bytes.
pub const ALIGNMENT: u64 = 256;
/// How many freed allocations are remembered, so that faults can name them.
const REMEMBERED: usize = 1024;

/// Why memory could not be given or taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// More than there is.
    #[error("{bytes} bytes do not fit: {used} of the device's {limit} bytes are in use")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: u64,
        /// Bytes in use.
        used: u64,
        /// Bytes that the device has.
        limit: u64,
    },
    /// A size or an alignment that makes no sense.
    #[error(
        "an allocation of {bytes} bytes with an alignment of {align} is impossible: sizes begin with 1, alignments are powers of two"
    )]
    InvalidLayout {
        /// Bytes asked for.
        bytes: u64,
        /// The alignment asked for.
        align: u64,
    },
    /// Adopted memory that is known already.
    #[error("{bytes} bytes at {address:#x} overlap an allocation of {size} bytes at {base:#x}")]
    Overlap {
        /// The first address.
        address: u64,
        /// Its bytes.
        bytes: u64,
        /// First address of what is there.
        base: u64,
        /// The bytes of what is there.
        size: u64,
    },
    /// An address at which no allocation begins.
    #[error("no allocation begins at {address:#x}")]
    NotAllocated {
        /// The address.
        address: u64,
    },
    /// Bytes outside of every allocation.
    #[error("{bytes} bytes at {address:#x} are not in one allocation")]
    OutOfBounds {
        /// The first address.
        address: u64,
        /// The bytes.
        bytes: u64,
    },
}

/// A block of the host's memory that is given back when nobody knows it any more.
#[derive(Debug)]
struct Block {
    address: u64,
    layout: Layout,
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `Memory::allocate` got it with this layout, and only a `Block` gives it back.
        unsafe { alloc::dealloc(self.address as *mut u8, self.layout) };
    }
}

/// A live allocation.
#[derive(Clone, Debug)]
struct Range {
    base: u64,
    end: u64,
    /// Whether kernels may store to it.
    is_writable: bool,
    /// Keeps the memory as long as a view knows it; `None` for memory of somebody else.
    _block: Option<Arc<Block>>,
}

impl Range {
    fn holds(&self, address: u64, bytes: u64) -> bool {
        address >= self.base && address <= self.end && bytes <= self.end - address
    }
}

/// All live allocations, by address.
type Table = Arc<Vec<Range>>;

fn find(table: &[Range], address: u64) -> Option<&Range> {
    let after = table.partition_point(|range| range.base <= address);
    let range = table.get(after.checked_sub(1)?)?;
    (address < range.end).then_some(range)
}

#[derive(Debug, Default)]
struct State {
    table: Table,
    used: u64,
    freed: VecDeque<(u64, u64)>,
}

/// The memory of a device.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    state: Mutex<State>,
    /// Counts changes of the table.
    version: AtomicU64,
}

impl Memory {
    /// Memory of at most so many bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, state: Mutex::default(), version: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it changes the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allocates memory, aligned to 256 bytes at least. Its content is 0.
    ///
    /// # Errors
    /// There is not so much left, or the layout makes no sense.
    pub fn allocate(&self, bytes: u64, align: u64) -> Result<u64, MemoryError> {
        self.allocate_as(bytes, align, true)
    }

    /// Allocates memory that kernels only read.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub(crate) fn allocate_constant(&self, bytes: u64, align: u64) -> Result<u64, MemoryError> {
        self.allocate_as(bytes, align, false)
    }

    fn allocate_as(&self, bytes: u64, align: u64, is_writable: bool) -> Result<u64, MemoryError> {
        let layout = usize::try_from(bytes)
            .ok()
            .zip(usize::try_from(align.max(ALIGNMENT)).ok())
            .filter(|(bytes, _)| *bytes > 0 && align.is_power_of_two())
            .and_then(|(bytes, align)| Layout::from_size_align(bytes, align).ok())
            .ok_or(MemoryError::InvalidLayout { bytes, align })?;
        let mut state = self.state();
        let (used, limit) = (state.used, self.limit);
        let full = MemoryError::OutOfMemory { bytes, used, limit };
        if used.checked_add(bytes).is_none_or(|sum| sum > limit) {
            return Err(full);
        }
        // SAFETY: the layout's size is not 0.
        let address = unsafe { alloc::alloc_zeroed(layout) } as u64;
        if address == 0 {
            return Err(full);
        }
        state.used += bytes;
        let block = Some(Arc::new(Block { address, layout }));
        self.insert(&mut state, Range { base: address, end: address + bytes, is_writable, _block: block });
        Ok(address)
    }

    fn insert(&self, state: &mut State, range: Range) {
        // What was freed there is forgotten.
        state.freed.retain(|(base, size)| *base >= range.end || base + size <= range.base);
        let table = Arc::make_mut(&mut state.table);
        let at = table.partition_point(|other| other.base < range.base);
        table.insert(at, range);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Lets kernels at memory that somebody else owns.
    ///
    /// # Errors
    /// It makes no sense, or some of it is known already.
    ///
    /// # Safety
    /// The bytes are valid for reads and writes, and nobody has a Rust reference to them while a kernel runs that is
    /// given their address, until [`free`](Self::free) was called and every launch that began before has ended.
    pub unsafe fn adopt(&self, address: u64, bytes: u64) -> Result<(), MemoryError> {
        let end = address.checked_add(bytes).filter(|end| *end > address && address > 0);
        let end = end.ok_or(MemoryError::InvalidLayout { bytes, align: 1 })?;
        let mut state = self.state();
        if let Some(other) = state.table.iter().find(|other| other.base < end && address < other.end) {
            return Err(MemoryError::Overlap { address, bytes, base: other.base, size: other.end - other.base });
        }
        self.insert(&mut state, Range { base: address, end, is_writable: true, _block: None });
        Ok(())
    }

    /// Takes an allocation, or what was adopted, away from kernels. Memory of the device is given back when no launch
    /// that began before runs any more.
    ///
    /// # Errors
    /// No allocation begins there.
    pub fn free(&self, address: u64) -> Result<(), MemoryError> {
        let mut state = self.state();
        let at = state.table.binary_search_by_key(&address, |range| range.base);
        let at = at.map_err(|_| MemoryError::NotAllocated { address })?;
        let range = Arc::make_mut(&mut state.table).remove(at);
        let size = range.end - range.base;
        if range._block.is_some() {
            state.used -= size;
        }
        state.freed.push_back((range.base, size));
        if state.freed.len() > REMEMBERED {
            state.freed.pop_front();
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Bytes that the device has.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that are allocated, without what was adopted.
    pub fn used(&self) -> u64 {
        self.state().used
    }

    /// Whether all these bytes are in one allocation.
    pub fn contains(&self, address: u64, bytes: u64) -> bool {
        find(&self.state().table, address).is_some_and(|range| range.holds(address, bytes))
    }

    /// First address and size of the allocation that an address is in.
    pub fn allocation(&self, address: u64) -> Option<(u64, u64)> {
        find(&self.state().table, address).map(|range| (range.base, range.end - range.base))
    }

    /// The allocations of all these ranges, held so that nobody gives them back.
    fn hold(&self, ranges: &[(u64, u64)]) -> Result<Table, MemoryError> {
        let table = Arc::clone(&self.state().table);
        for &(address, bytes) in ranges {
            if bytes > 0 && !find(&table, address).is_some_and(|range| range.holds(address, bytes)) {
                return Err(MemoryError::OutOfBounds { address, bytes });
            }
        }
        Ok(table)
    }

    /// Reads memory.
    ///
    /// # Errors
    /// Not all of it is in one allocation.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let _held = self.hold(&[(address, into.len() as u64)])?;
        let head = (address.wrapping_neg() % 8).min(into.len() as u64) as usize;
        let (first, rest) = into.split_at_mut(head);
        let (words, last) = rest.as_chunks_mut::<8>();
        let mut at = address;
        for byte in first {
            // SAFETY: held, and in bounds.
            *byte = unsafe { load_u8(at) };
            at += 1;
        }
        for word in words {
            // SAFETY: as above.
            *word = unsafe { load_u64(at) }.to_le_bytes();
            at += 8;
        }
        for byte in last {
            // SAFETY: as above.
            *byte = unsafe { load_u8(at) };
            at += 1;
        }
        Ok(())
    }

    /// Writes memory.
    ///
    /// # Errors
    /// Not all of it is in one allocation.
    pub fn write(&self, address: u64, from: &[u8]) -> Result<(), MemoryError> {
        let _held = self.hold(&[(address, from.len() as u64)])?;
        let head = (address.wrapping_neg() % 8).min(from.len() as u64) as usize;
        let (first, rest) = from.split_at(head);
        let (words, last) = rest.as_chunks::<8>();
        let mut at = address;
        for byte in first {
            // SAFETY: held, and in bounds.
            unsafe { store_u8(at, *byte) };
            at += 1;
        }
        for word in words {
            // SAFETY: as above.
            unsafe { store_u64(at, u64::from_le_bytes(*word)) };
            at += 8;
        }
        for byte in last {
            // SAFETY: as above.
            unsafe { store_u8(at, *byte) };
            at += 1;
        }
        Ok(())
    }

    /// Copies memory; the ranges may overlap.
    ///
    /// # Errors
    /// Not all of one of them is in one allocation.
    pub fn copy(&self, to: u64, from: u64, bytes: u64) -> Result<(), MemoryError> {
        const PART: u64 = 1 << 16;
        let _held = self.hold(&[(to, bytes), (from, bytes)])?;
        let mut buffer = vec![0; bytes.min(PART) as usize];
        let parts = bytes.div_ceil(PART);
        // From the end where the beginning would be written over before it is read.
        let backward = from < to && to - from < bytes;
        for number in 0..parts {
            let begin = if backward { parts - 1 - number } else { number } * PART;
            let part = &mut buffer[..(bytes - begin).min(PART) as usize];
            self.read(from + begin, part)?;
            self.write(to + begin, part)?;
        }
        Ok(())
    }

    /// Writes a pattern over and over, `count` times.
    ///
    /// # Errors
    /// Not all of it is in one allocation.
    pub fn fill(&self, address: u64, pattern: &[u8], count: u64) -> Result<(), MemoryError> {
        let size = pattern.len() as u64;
        let bytes = size.checked_mul(count).ok_or(MemoryError::OutOfBounds { address, bytes: u64::MAX })?;
        let _held = self.hold(&[(address, bytes)])?;
        let at_once = (4096 / size.max(1)).clamp(1, count.max(1));
        let part = pattern.repeat(at_once as usize);
        let mut done = 0;
        while done < bytes {
            let now = (bytes - done).min(part.len() as u64);
            self.write(address + done, &part[..now as usize])?;
            done += now;
        }
        Ok(())
    }

    /// A view for one thread that runs a kernel.
    pub(crate) fn view(&self) -> View<'_> {
        let version = self.version.load(Ordering::Acquire);
        View { memory: self, version, table: Arc::clone(&self.state().table), last: (0, 0, false) }
    }

    /// The fault for an access that no allocation allows.
    fn fault(&self, address: u64, bytes: u64, what: &str) -> Box<Trap> {
        let state = self.state();
        let access = format!("{what} of {bytes} bytes at {address:#x}");
        if let Some((base, size)) =
            state.freed.iter().rev().find(|(base, size)| address >= *base && address - base < *size)
        {
            let detail = format!(
                "{access}, {} bytes into an allocation of {size} bytes at {base:#x} that was freed",
                address - base
            );
            return Trap::at(FaultKind::Freed, address, detail);
        }
        let distance = |range: &Range| {
            if address < range.base { range.base - address } else { address.saturating_sub(range.end) }
        };
        let nearest = match state.table.iter().min_by_key(|range| distance(range)) {
            None => "no memory is allocated".to_owned(),
            Some(range) => {
                let size = range.end - range.base;
                let place = if address < range.base {
                    format!("{} bytes before", range.base - address)
                } else if address >= range.end {
                    format!("{} bytes past the end of", address - range.end)
                } else {
                    "across the end of".to_owned()
                };
                format!("{place} the nearest allocation, of {size} bytes at {:#x}", range.base)
            }
        };
        Trap::at(FaultKind::OutOfBounds, address, format!("{access}, {nearest}"))
    }
}

/// Memory, as one thread that runs a kernel sees it. What it has seen stays there as long as the view does.
#[derive(Debug)]
pub(crate) struct View<'m> {
    memory: &'m Memory,
    version: u64,
    table: Table,
    /// Bounds of the allocation that was found last, and whether it can be written.
    last: (u64, u64, bool),
}

impl View<'_> {
    /// Checks an access.
    ///
    /// # Errors
    /// It is not in one live allocation, or writes one that kernels only read.
    #[inline]
    pub fn check(&mut self, address: u64, bytes: u64, is_store: bool) -> Result<(), Box<Trap>> {
        let (base, end, is_writable) = self.last;
        let is_current = self.memory.version.load(Ordering::Acquire) == self.version;
        let is_inside = address >= base && address < end && bytes <= end - address;
        if is_current && is_inside && (is_writable || !is_store) {
            return Ok(());
        }
        self.search(address, bytes, is_store)
    }

    #[cold]
    fn search(&mut self, address: u64, bytes: u64, is_store: bool) -> Result<(), Box<Trap>> {
        let version = self.memory.version.load(Ordering::Acquire);
        if version != self.version {
            self.version = version;
            self.table = Arc::clone(&self.memory.state().table);
        }
        let what = if is_store { "store" } else { "load" };
        match find(&self.table, address).filter(|range| range.holds(address, bytes)) {
            None => Err(self.memory.fault(address, bytes, what)),
            Some(range) if is_store && !range.is_writable => {
                let size = range.end - range.base;
                let detail = format!(
                    "store of {bytes} bytes at {address:#x}, in a constant of {size} bytes at {:#x}",
                    range.base
                );
                Err(Trap::at(FaultKind::ReadOnly, address, detail))
            }
            Some(range) => {
                self.last = (range.base, range.end, range.is_writable);
                Ok(())
            }
        }
    }
}

/// Loads a byte.
///
/// # Safety
/// The byte is live: a [`View`] has checked it that still exists, or it is held. The same for all functions below.
#[inline]
pub(crate) unsafe fn load_u8(address: u64) -> u8 {
    // SAFETY: live by the caller's check.
    unsafe { AtomicU8::from_ptr(address as *mut u8) }.load(Ordering::Relaxed)
}

/// Stores a byte.
///
/// # Safety
/// As for [`load_u8`].
#[inline]
pub(crate) unsafe fn store_u8(address: u64, value: u8) {
    // SAFETY: live by the caller's check.
    unsafe { AtomicU8::from_ptr(address as *mut u8) }.store(value, Ordering::Relaxed);
}

macro_rules! accesses {
    ($( $load:ident $store:ident $update:ident $number:ident $atomic:ident; )*) => { $(
        /// Loads a number.
        ///
        /// # Safety
        /// As for [`load_u8`]; the address is a multiple of its size.
        #[inline]
        pub(crate) unsafe fn $load(address: u64) -> $number {
            // SAFETY: live and aligned by the caller's check.
            unsafe { $atomic::from_ptr(address as *mut $number) }.load(Ordering::Relaxed)
        }

        /// Stores a number.
        ///
        /// # Safety
        /// As for [`load_u8`]; the address is a multiple of its size.
        #[inline]
        pub(crate) unsafe fn $store(address: u64, value: $number) {
            // SAFETY: live and aligned by the caller's check.
            unsafe { $atomic::from_ptr(address as *mut $number) }.store(value, Ordering::Relaxed);
        }

        /// Replaces a number by what `change` makes of it, at once, and gives what was there.
        ///
        /// # Safety
        /// As for [`load_u8`]; the address is a multiple of its size.
        pub(crate) unsafe fn $update(address: u64, change: impl Fn($number) -> $number) -> $number {
            // SAFETY: live and aligned by the caller's check.
            let cell = unsafe { $atomic::from_ptr(address as *mut $number) };
            match cell.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |old| Some(change(old))) {
                Ok(old) | Err(old) => old,
            }
        }
    )* };
}

accesses! {
    load_u16 store_u16 update_u16 u16 AtomicU16;
    load_u32 store_u32 update_u32 u32 AtomicU32;
    load_u64 store_u64 update_u64 u64 AtomicU64;
}
