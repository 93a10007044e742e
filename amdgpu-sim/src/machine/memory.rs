//! Device memory: live allocations, and checked access to them.
//!
//! A device address is the host address of memory that the simulator owns. [`Memory`] is the map of what is live; a
//! [`View`] is a worker thread's copy of it, renewed when the map's generation has moved on. Memory that is freed while
//! a dispatch runs is no longer live at once, but goes back to the host only when no dispatch runs: so a kernel that
//! uses freed memory faults, and never touches memory of somebody else.
//!
//! Kernels of several work-groups access the same bytes from several threads, so every access is atomic (relaxed) at
//! the width of its words.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::BTreeMap,
    fmt,
    ptr::NonNull,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering},
    },
};

use super::fault::Trap;

/// High half of the addresses of the LDS aperture.
pub const SHARED_APERTURE: u32 = 0x0001_0000;
/// High half of the addresses of the scratch aperture.
pub const PRIVATE_APERTURE: u32 = 0x0002_0000;
/// Granule and alignment of allocations in bytes.
pub const GRANULE: usize = 4096;
/// Scalar loads may be wider than what the program asked for, up to the next multiple of this (LLVM widens within the
/// alignment, and no page ends there).
const SCALAR_SLACK: u64 = 64;

/// What an allocation is for; named in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A memory pool's allocation.
    Pool,
    /// A segment of a code object.
    CodeObject,
    /// A queue's ring or control block.
    Queue,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool => "allocation",
            Self::CodeObject => "code object segment",
            Self::Queue => "queue",
        })
    }
}

/// Live memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub base: u64,
    /// One past the last address.
    pub end: u64,
    /// Whether kernels may write it.
    pub writable: bool,
    /// What it is for.
    pub purpose: Purpose,
}

/// Memory of the host that is given back when this is dropped.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block is plain memory; whoever accesses it sees to synchronisation.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// Zeroed memory of at least `size` bytes, in whole granules. `None` if there is not that much.
    pub fn new(size: usize) -> Option<Self> {
        let size = size.max(1).checked_next_multiple_of(GRANULE)?;
        let layout = Layout::from_size_align(size, GRANULE).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { start, layout })
    }

    /// First address.
    pub fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    /// The memory.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

#[derive(Debug, Default)]
struct Map {
    ranges: BTreeMap<u64, Range>,
    pools: BTreeMap<u64, Block>,
    active_dispatches: usize,
    retired: Vec<Block>,
}

/// What is live on all simulated devices of the process.
#[derive(Debug, Default)]
pub struct Memory {
    map: RwLock<Map>,
    generation: AtomicU64,
}

/// While it lives, freed memory stays with the simulator.
#[derive(Debug)]
pub struct ActiveDispatch<'m>(&'m Memory);

impl Drop for ActiveDispatch<'_> {
    fn drop(&mut self) {
        let mut map = self.0.map.write().unwrap_or_else(PoisonError::into_inner);
        map.active_dispatches -= 1;
        if map.active_dispatches == 0 {
            map.retired.clear();
        }
    }
}

impl Memory {
    /// Allocates `size` bytes for a pool. `None` if there is not that much memory.
    pub fn allocate(&self, size: usize) -> Option<u64> {
        let block = Block::new(size)?;
        let base = block.address();
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.ranges.insert(base, Range { base, end: base + size as u64, writable: true, purpose: Purpose::Pool });
        map.pools.insert(base, block);
        self.generation.fetch_add(1, Ordering::Release);
        Some(base)
    }

    /// Frees what [`allocate`](Self::allocate) gave. False if this is no live allocation's first address.
    pub fn free(&self, base: u64) -> bool {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let Some(block) = map.pools.remove(&base) else { return false };
        map.ranges.remove(&base);
        if map.active_dispatches > 0 {
            map.retired.push(block);
        }
        self.generation.fetch_add(1, Ordering::Release);
        true
    }

    /// Makes ranges of a block live. The block stays with the caller, who calls [`remove`](Self::remove) before it goes.
    pub fn insert(&self, ranges: &[Range]) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.ranges.extend(ranges.iter().map(|range| (range.base, *range)));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Ends ranges that [`insert`](Self::insert) made live, and takes their block.
    pub fn remove(&self, ranges: &[Range], block: Block) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        for range in ranges {
            map.ranges.remove(&range.base);
        }
        if map.active_dispatches > 0 {
            map.retired.push(block);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Begins a dispatch.
    pub fn begin_dispatch(&self) -> ActiveDispatch<'_> {
        self.map.write().unwrap_or_else(PoisonError::into_inner).active_dispatches += 1;
        ActiveDispatch(self)
    }

    /// The live range that holds this address.
    pub fn find(&self, address: u64) -> Option<Range> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.ranges.range(..=address).next_back().map(|(_, range)| *range).filter(|range| address < range.end)
    }

    /// A copy of the map for one thread.
    pub fn view(&self) -> View<'_> {
        let nothing = Range { base: 1, end: 0, writable: false, purpose: Purpose::Pool };
        let mut view = View { memory: self, generation: u64::MAX, ranges: Arc::default(), last: nothing };
        view.refresh();
        view
    }
}

/// How an access uses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A vector load.
    Load,
    /// A scalar load, which may be wider than what the program asked for.
    ScalarLoad,
    /// A store.
    Store,
    /// A load that is one atomic operation.
    AtomicLoad,
    /// A store that is one atomic operation.
    AtomicStore,
    /// An atomic operation that makes the new value of the old one.
    Update,
    /// An atomic operation whose new value does not depend on the old one.
    Exchange,
}

impl Access {
    /// Whether memory may change.
    #[inline]
    pub fn writes(self) -> bool {
        !matches!(self, Self::Load | Self::ScalarLoad | Self::AtomicLoad)
    }
}

/// One thread's copy of the map.
#[derive(Debug)]
pub struct View<'m> {
    memory: &'m Memory,
    generation: u64,
    ranges: Arc<[Range]>,
    last: Range,
}

impl View<'_> {
    /// Takes note of what was allocated and freed since. Called once for each memory instruction.
    #[inline]
    pub fn refresh(&mut self) {
        let generation = self.memory.generation.load(Ordering::Acquire);
        if generation != self.generation {
            let map = self.memory.map.read().unwrap_or_else(PoisonError::into_inner);
            self.ranges = map.ranges.values().copied().collect();
            self.generation = generation;
            self.last = Range { base: 1, end: 0, writable: false, purpose: Purpose::Pool };
        }
    }

    /// Checks an access to memory.
    ///
    /// # Errors
    /// A memory fault that says what is nearest.
    #[inline]
    pub fn check(&mut self, address: u64, size: u64, access: Access) -> Result<(), Box<Trap>> {
        let inside = |range: &Range| {
            let end = if access == Access::ScalarLoad { range.end.next_multiple_of(SCALAR_SLACK) } else { range.end };
            address >= range.base && address.checked_add(size).is_some_and(|last| last <= end)
        };
        if !inside(&self.last) {
            let after = self.ranges.partition_point(|range| range.base <= address);
            match after.checked_sub(1).map(|at| self.ranges[at]).filter(inside) {
                Some(range) => self.last = range,
                None => return Err(self.fault(address, size, access)),
            }
        }
        if access.writes() && !self.last.writable {
            return Err(Trap::memory(address, format!("store of {size} bytes to read-only memory at {address:#x}")));
        }
        Ok(())
    }

    /// The live range that holds an address.
    pub fn find(&self, address: u64) -> Option<Range> {
        let after = self.ranges.partition_point(|range| range.base <= address);
        after.checked_sub(1).map(|at| self.ranges[at]).filter(|range| address < range.end)
    }

    #[cold]
    fn fault(&self, address: u64, size: u64, access: Access) -> Box<Trap> {
        let what = match access {
            Access::Load | Access::ScalarLoad | Access::AtomicLoad => "load",
            Access::Store | Access::AtomicStore => "store",
            Access::Update | Access::Exchange => "atomic operation",
        };
        let distance = |range: &Range| {
            if address < range.base { range.base - address } else { address.saturating_sub(range.end) }
        };
        let nearest = match self.ranges.iter().min_by_key(|range| distance(range)) {
            None => "no memory is allocated".to_owned(),
            Some(range) => {
                let length = range.end - range.base;
                let place = if address < range.base {
                    format!("{} bytes before", range.base - address)
                } else if address >= range.end {
                    format!("{} bytes past the end of", address - range.end)
                } else {
                    "across the end of".to_owned()
                };
                format!("{place} the nearest {}, of {length} bytes at {:#x}", range.purpose, range.base)
            }
        };
        Trap::memory(address, format!("{what} of {size} bytes at {address:#x}, {nearest}"))
    }
}

/// Loads one byte.
///
/// # Safety
/// The address was checked for a load of this size by the same thread's [`View`], while an [`ActiveDispatch`] lives. The
/// same holds for all functions below.
#[inline]
pub unsafe fn load_u8(address: u64) -> u8 {
    // SAFETY: the caller checked that the byte is live.
    unsafe { AtomicU8::from_ptr(address as *mut u8) }.load(Ordering::Relaxed)
}

/// Loads two bytes at any alignment.
///
/// # Safety
/// As for [`load_u8`].
#[inline]
pub unsafe fn load_u16(address: u64) -> u16 {
    if address.is_multiple_of(2) {
        // SAFETY: live by the caller's check, and aligned.
        unsafe { AtomicU16::from_ptr(address as *mut u16) }.load(Ordering::Relaxed)
    } else {
        // SAFETY: live by the caller's check.
        u16::from_le_bytes([unsafe { load_u8(address) }, unsafe { load_u8(address + 1) }])
    }
}

/// Loads four bytes at any alignment.
///
/// # Safety
/// As for [`load_u8`].
#[inline]
pub unsafe fn load_u32(address: u64) -> u32 {
    if address.is_multiple_of(4) {
        // SAFETY: live by the caller's check, and aligned.
        unsafe { AtomicU32::from_ptr(address as *mut u32) }.load(Ordering::Relaxed)
    } else {
        // SAFETY: live by the caller's check.
        u32::from(unsafe { load_u16(address) }) | u32::from(unsafe { load_u16(address + 2) }) << 16
    }
}

/// Loads eight bytes at any alignment, at once if they are aligned.
///
/// # Safety
/// As for [`load_u8`].
#[inline]
pub unsafe fn load_u64(address: u64) -> u64 {
    if address.is_multiple_of(8) {
        // SAFETY: live by the caller's check, and aligned.
        unsafe { AtomicU64::from_ptr(address as *mut u64) }.load(Ordering::Relaxed)
    } else {
        // SAFETY: live by the caller's check.
        u64::from(unsafe { load_u32(address) }) | u64::from(unsafe { load_u32(address + 4) }) << 32
    }
}

/// Stores one byte.
///
/// # Safety
/// As for [`load_u8`], checked for a store.
#[inline]
pub unsafe fn store_u8(address: u64, value: u8) {
    // SAFETY: the caller checked that the byte is live and writable.
    unsafe { AtomicU8::from_ptr(address as *mut u8) }.store(value, Ordering::Relaxed);
}

/// Stores two bytes at any alignment.
///
/// # Safety
/// As for [`store_u8`].
#[inline]
pub unsafe fn store_u16(address: u64, value: u16) {
    if address.is_multiple_of(2) {
        // SAFETY: live and writable by the caller's check, and aligned.
        unsafe { AtomicU16::from_ptr(address as *mut u16) }.store(value, Ordering::Relaxed);
    } else {
        let [low, high] = value.to_le_bytes();
        // SAFETY: live and writable by the caller's check.
        unsafe { (store_u8(address, low), store_u8(address + 1, high)) };
    }
}

/// Stores four bytes at any alignment.
///
/// # Safety
/// As for [`store_u8`].
#[inline]
pub unsafe fn store_u32(address: u64, value: u32) {
    if address.is_multiple_of(4) {
        // SAFETY: live and writable by the caller's check, and aligned.
        unsafe { AtomicU32::from_ptr(address as *mut u32) }.store(value, Ordering::Relaxed);
    } else {
        // SAFETY: live and writable by the caller's check.
        unsafe { (store_u16(address, value as u16), store_u16(address + 2, (value >> 16) as u16)) };
    }
}

/// Stores eight bytes at any alignment, at once if they are aligned.
///
/// # Safety
/// As for [`store_u8`].
#[inline]
pub unsafe fn store_u64(address: u64, value: u64) {
    if address.is_multiple_of(8) {
        // SAFETY: live and writable by the caller's check, and aligned.
        unsafe { AtomicU64::from_ptr(address as *mut u64) }.store(value, Ordering::Relaxed);
    } else {
        // SAFETY: live and writable by the caller's check.
        unsafe { (store_u32(address, value as u32), store_u32(address + 4, (value >> 32) as u32)) };
    }
}

/// Replaces four aligned bytes by what `change` makes of them, at once, and gives what was there.
///
/// # Safety
/// As for [`store_u8`]; the address is a multiple of 4.
pub unsafe fn update_u32(address: u64, change: impl Fn(u32) -> u32) -> u32 {
    // SAFETY: live, writable and aligned by the caller's check.
    let cell = unsafe { AtomicU32::from_ptr(address as *mut u32) };
    match cell.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |old| Some(change(old))) {
        Ok(old) | Err(old) => old,
    }
}

/// Replaces eight aligned bytes by what `change` makes of them, at once, and gives what was there.
///
/// # Safety
/// As for [`store_u8`]; the address is a multiple of 8.
pub unsafe fn update_u64(address: u64, change: impl Fn(u64) -> u64) -> u64 {
    // SAFETY: live, writable and aligned by the caller's check.
    let cell = unsafe { AtomicU64::from_ptr(address as *mut u64) };
    match cell.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |old| Some(change(old))) {
        Ok(old) | Err(old) => old,
    }
}
