//! Device memory: live allocations, and checked access to them.
//!
//! A device address is the host address of memory that the simulator owns. [`Memory`] is the map of what is live; a
//! [`View`] is a worker thread's copy of it, renewed when the map's generation has moved on. Memory that is freed while
//! a dispatch or a copy runs is no longer live at once, but goes back to the host only when none runs: so a kernel that
//! uses freed memory faults, and never touches memory of somebody else. Memory that the program has locked is its own:
//! nobody keeps it from freeing that too early.
//!
//! Kernels of several work-groups access the same bytes from several threads, so every access is atomic (relaxed) at
//! the width of its words.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::{BTreeMap, HashMap},
    fmt,
    ptr::NonNull,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering},
    },
};

use super::{
    agents::GpuSet,
    fault::{FaultPlace, Trap},
    freed::Freed,
    locked::{self, Lock},
    written::Written,
};

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
    /// The signals, of which kernels change the values.
    Signals,
    /// Memory of the program that is locked for devices.
    Locked,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool => "allocation",
            Self::CodeObject => "code object segment",
            Self::Queue => "queue",
            Self::Signals => "table of signals",
            Self::Locked => "locked range of host memory",
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
    /// Whose kernels may access it.
    pub gpus: GpuSet,
}

/// What a pool says of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooled {
    /// The pool's handle.
    pub pool: u64,
    /// The GPU whose memory it is; `None` for the host's.
    pub gpu: Option<usize>,
    /// Whose kernels may access it from the start.
    pub gpus: GpuSet,
    /// Whether it is known which of its bytes were written: nobody writes it but kernels and copies.
    pub tracked: bool,
}

/// Why there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMemory {
    /// The device has only this much left, in bytes.
    Device(u64),
    /// The host has not that much.
    Host,
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

#[derive(Debug)]
struct Allocation {
    block: Block,
    pooled: Pooled,
}

#[derive(Debug, Default)]
struct Map {
    ranges: BTreeMap<u64, Range>,
    pools: BTreeMap<u64, Allocation>,
    /// Bytes that are allocated of each GPU's memory, in whole granules.
    used: HashMap<usize, u64>,
    locks: Vec<Lock>,
    holds: usize,
    retired: Vec<Block>,
    /// What was freed lately, for reports.
    freed: Freed,
    /// Which bytes of tracked allocations were written, by the allocations' first addresses.
    written: BTreeMap<u64, Arc<Written>>,
    /// What is live, for views; `None` after a change.
    snapshot: Option<Snapshot>,
}

/// What is live, in the order of addresses.
#[derive(Clone, Debug)]
struct Snapshot {
    ranges: Arc<[Range]>,
    written: Arc<[Arc<Written>]>,
}

impl Map {
    fn retire(&mut self, block: Block) {
        if self.holds > 0 {
            self.retired.push(block);
        }
    }

    fn give_back(&mut self, gpu: Option<usize>, bytes: u64) {
        if let Some(used) = gpu.and_then(|gpu| self.used.get_mut(&gpu)) {
            *used -= bytes;
        }
    }

    fn find(&self, address: u64) -> Option<Range> {
        self.ranges.range(..=address).next_back().map(|(_, range)| *range).filter(|range| address < range.end)
    }

    /// Makes the ranges of locked memory what the locks say.
    fn update_locked(&mut self) {
        self.ranges.retain(|_, range| range.purpose != Purpose::Locked);
        self.ranges.extend(locked::ranges(&self.locks).into_iter().map(|range| (range.base, range)));
    }
}

/// What is live on all simulated devices of the process.
#[derive(Debug, Default)]
pub struct Memory {
    map: RwLock<Map>,
    generation: AtomicU64,
}

/// While it lives, freed memory stays with the simulator.
#[derive(Debug)]
pub struct Hold<'m>(&'m Memory);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut map = self.0.write();
        map.holds -= 1;
        if map.holds == 0 {
            map.retired.clear();
        }
    }
}

impl Memory {
    fn read(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is live, and has views take note.
    fn change<T>(&self, change: impl FnOnce(&mut Map) -> T) -> T {
        let mut map = self.write();
        let result = change(&mut map);
        map.snapshot = None;
        self.generation.fetch_add(1, Ordering::Release);
        result
    }

    /// Allocates `size` bytes, for a pool of a device that has `limit` bytes.
    ///
    /// # Errors
    /// If the device or the host has not that much left.
    pub fn allocate(&self, size: usize, pooled: Pooled, limit: u64) -> Result<u64, NoMemory> {
        let bytes = size.checked_next_multiple_of(GRANULE).ok_or(NoMemory::Host)? as u64;
        if let Some(gpu) = pooled.gpu {
            let mut map = self.write();
            let used = map.used.entry(gpu).or_default();
            let left = limit.saturating_sub(*used);
            if bytes > left {
                return Err(NoMemory::Device(left));
            }
            *used += bytes;
        }
        // Without the lock: it may take a while.
        let block = Block::new(size);
        self.change(|map| {
            let Some(block) = block else {
                map.give_back(pooled.gpu, bytes);
                return Err(NoMemory::Host);
            };
            let base = block.address();
            let (end, gpus) = (base + size as u64, pooled.gpus);
            map.freed.reuse(base, block.size() as u64);
            if pooled.tracked {
                map.written.insert(base, Arc::new(Written::new(base, size)));
            }
            map.ranges.insert(base, Range { base, end, writable: true, purpose: Purpose::Pool, gpus });
            map.pools.insert(base, Allocation { block, pooled });
            Ok(base)
        })
    }

    /// Frees what [`allocate`](Self::allocate) gave. False if this is no live allocation's first address.
    pub fn free(&self, base: u64) -> bool {
        self.change(|map| {
            let Some(allocation) = map.pools.remove(&base) else { return false };
            let range = map.ranges.remove(&base);
            map.written.remove(&base);
            map.give_back(allocation.pooled.gpu, allocation.block.size() as u64);
            if let Some(range) = range {
                map.freed.note(range.base, range.end - range.base);
            }
            let kept =
                if allocation.pooled.tracked { map.freed.keep(allocation.block) } else { vec![allocation.block] };
            kept.into_iter().for_each(|block| map.retire(block));
            true
        })
    }

    /// Which bytes of the tracked allocation that holds this address were written. `None` if there is none.
    pub fn written(&self, address: u64) -> Option<Arc<Written>> {
        let map = self.read();
        let (_, written) = map.written.range(..=address).next_back()?;
        written.contains(address).then(|| Arc::clone(written))
    }

    /// All of the allocation that begins at this address counts as written from now on.
    pub fn stop_tracking(&self, base: u64) {
        self.change(|map| map.written.remove(&base));
    }

    /// Takes note that the host has written these bytes, or a copy has.
    pub fn note_written(&self, address: u64, size: u64) {
        if let Some(written) = self.written(address) {
            written.set(address, size, true);
        }
    }

    /// Takes note that these bytes were copied: what was not written is not written in the copy either.
    pub fn note_copied(&self, to: u64, from: u64, size: u64) {
        let Some(target) = self.written(to) else { return };
        match self.written(from) {
            Some(source) => target.copy(to, &source, from, size),
            None => target.set(to, size, true),
        }
    }

    /// What was freed at this address, if that is known.
    fn freed(&self, address: u64) -> Option<FaultPlace> {
        self.read().freed.find(address)
    }

    /// What the pool said of the live allocation that begins at this address.
    pub fn pooled(&self, base: u64) -> Option<Pooled> {
        self.read().pools.get(&base).map(|allocation| allocation.pooled)
    }

    /// Lets the kernels of these GPUs access the allocation that begins at this address, beside those that the pool
    /// lets in, and nobody else's. False if there is none.
    pub fn allow(&self, base: u64, gpus: GpuSet) -> bool {
        self.change(|map| {
            let Some(allocation) = map.pools.get(&base) else { return false };
            let gpus = gpus.with(allocation.pooled.gpus);
            map.ranges.get_mut(&base).map(|range| range.gpus = gpus).is_some()
        })
    }

    /// Makes memory of the program live. False if a part of it is the simulator's own.
    pub fn lock(&self, lock: Lock) -> bool {
        self.change(|map| {
            let own = map.ranges.values().filter(|range| range.purpose != Purpose::Locked);
            if own.into_iter().any(|range| range.base < lock.end && lock.base < range.end) {
                return false;
            }
            map.locks.push(lock);
            map.update_locked();
            true
        })
    }

    /// Ends the last lock that begins at this address. False if there is none.
    pub fn unlock(&self, base: u64) -> bool {
        self.change(|map| {
            let Some(at) = map.locks.iter().rposition(|lock| lock.base == base) else { return false };
            map.locks.remove(at);
            map.update_locked();
            true
        })
    }

    /// Makes ranges of a block live. The block stays with the caller, who calls [`remove`](Self::remove) before it
    /// goes.
    pub fn insert(&self, ranges: &[Range]) {
        self.change(|map| map.ranges.extend(ranges.iter().map(|range| (range.base, *range))));
    }

    /// Ends ranges that [`insert`](Self::insert) made live, and takes their block, unless the memory stays anyway.
    pub fn remove(&self, ranges: &[Range], block: Option<Block>) {
        self.change(|map| {
            for range in ranges {
                map.ranges.remove(&range.base);
            }
            if let Some(block) = block {
                map.retire(block);
            }
        });
    }

    /// Begins a dispatch or a copy.
    pub fn hold(&self) -> Hold<'_> {
        self.write().holds += 1;
        Hold(self)
    }

    /// The live range that holds this address.
    pub fn find(&self, address: u64) -> Option<Range> {
        self.read().find(address)
    }

    /// The map as it is now, with its generation.
    fn snapshot(&self) -> (u64, Snapshot) {
        let map = self.read();
        // Changes take the lock for writing, so the two belong together.
        if let Some(snapshot) = &map.snapshot {
            return (self.generation.load(Ordering::Acquire), snapshot.clone());
        }
        drop(map);
        let mut map = self.write();
        let snapshot = Snapshot {
            ranges: map.ranges.values().copied().collect(),
            written: map.written.values().cloned().collect(),
        };
        map.snapshot = Some(snapshot.clone());
        (self.generation.load(Ordering::Acquire), snapshot)
    }

    /// A copy of the map for one thread that executes a kernel of this GPU.
    pub fn view(&self, gpu: usize) -> View<'_> {
        let (generation, Snapshot { ranges, written }) = self.snapshot();
        View { memory: self, gpu, generation, ranges, written, last: NOTHING }
    }
}

/// A range that holds no address.
const NOTHING: Range = Range { base: 1, end: 0, writable: false, purpose: Purpose::Pool, gpus: GpuSet::NONE };

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

    fn name(self) -> &'static str {
        match self {
            Self::Load | Self::ScalarLoad | Self::AtomicLoad => "load",
            Self::Store | Self::AtomicStore => "store",
            Self::Update | Self::Exchange => "atomic operation",
        }
    }
}

/// One thread's copy of the map.
#[derive(Debug)]
pub struct View<'m> {
    memory: &'m Memory,
    gpu: usize,
    generation: u64,
    ranges: Arc<[Range]>,
    written: Arc<[Arc<Written>]>,
    last: Range,
}

impl View<'_> {
    /// Takes note of what was allocated and freed since. Called once for each memory instruction.
    #[inline]
    pub fn refresh(&mut self) {
        if self.memory.generation.load(Ordering::Acquire) != self.generation {
            let (generation, Snapshot { ranges, written }) = self.memory.snapshot();
            (self.generation, self.ranges, self.written) = (generation, ranges, written);
            self.last = NOTHING;
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
                Some(range) if range.gpus.contains(self.gpu) => self.last = range,
                Some(range) => return Err(no_access(address, size, access, &range)),
                None if self.is_locked(address, size) => return Ok(()),
                None => return Err(self.fault(address, size, access)),
            }
        }
        if access.writes() && !self.last.writable {
            return Err(Trap::memory(address, format!("store of {size} bytes to read-only memory at {address:#x}")));
        }
        Ok(())
    }

    /// What is known of the tracked allocation that holds this address.
    fn written(&self, address: u64) -> Option<&Written> {
        let after = self.written.partition_point(|written| written.base() <= address);
        after.checked_sub(1).map(|at| &*self.written[at]).filter(|written| written.contains(address))
    }

    /// The bits of up to eight bytes that were never written.
    #[inline]
    pub fn unwritten(&self, address: u64, size: u64) -> u64 {
        let missing = self.written(address).map_or(0, |written| written.missing(address, size));
        if missing == 0 {
            return 0;
        }
        (0..size).filter(|byte| missing >> byte & 1 != 0).fold(0, |bits, byte| bits | 0xff << (8 * byte))
    }

    /// Whether none of these bytes was ever written.
    pub fn is_unwritten(&self, address: u64, size: u64) -> bool {
        self.written(address).is_some_and(|written| written.none_of(address, size))
    }

    /// Takes note of a store of up to eight bytes. Bytes of which a bit is set here count as not written.
    pub fn note_stored(&self, address: u64, size: u64, open: u64) {
        let Some(written) = self.written(address) else { return };
        if open == 0 {
            return written.set(address, size, true);
        }
        for byte in 0..size {
            written.set(address + byte, 1, open >> (8 * byte) & 0xff == 0);
        }
    }

    /// The live range that holds an address.
    pub fn find(&self, address: u64) -> Option<Range> {
        let after = self.ranges.partition_point(|range| range.base <= address);
        after.checked_sub(1).map(|at| self.ranges[at]).filter(|range| address < range.end)
    }

    /// Whether all of these bytes are locked for this GPU, each by some lock.
    #[cold]
    fn is_locked(&self, address: u64, size: u64) -> bool {
        let Some(last) = address.checked_add(size) else { return false };
        let mut at = address;
        while at < last {
            match self.find(at) {
                Some(range) if range.purpose == Purpose::Locked && range.gpus.contains(self.gpu) => at = range.end,
                _ => return false,
            }
        }
        true
    }

    #[cold]
    fn fault(&self, address: u64, size: u64, access: Access) -> Box<Trap> {
        let what = access.name();
        if let Some(place) = self.memory.freed(address) {
            let mut trap = Trap::memory(address, format!("{what} of {size} bytes at {address:#x}, {place}"));
            trap.place = Some(place);
            return trap;
        }
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

#[cold]
fn no_access(address: u64, size: u64, access: Access, range: &Range) -> Box<Trap> {
    let (what, purpose, base, length) = (access.name(), range.purpose, range.base, range.end - range.base);
    let detail = format!(
        "{what} of {size} bytes at {address:#x}, in a {purpose} of {length} bytes at {base:#x} that this GPU has no \
         access to (hsa_amd_agents_allow_access)"
    );
    Trap::memory(address, detail)
}

/// Loads one byte.
///
/// # Safety
/// The address was checked for a load of this size by the same thread's [`View`], while a [`Hold`] lives. The
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
