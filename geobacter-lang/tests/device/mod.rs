//! Two devices to run group-scope code on, made for Miri: every block of LDS and of private values is an allocation of its
//! own and not initialised, so that Miri sees each access beyond it, after its end, and before it was written.
//!
//! * [`Device::Sequential`] means what the host's device means: one call runs the whole group.
//! * [`Device::Parallel`] means what a GPU means: each item is a thread, which runs the group's code itself, and meets the
//!   others at barriers. Miri finds the data races. [`Device::Waves`] is the same, with waves of any size.
//!
//! They define the intrinsics of `geobacter_lang` for their test program. Used by the tests of `safe-lds`, too.
#![allow(dead_code, reason = "not every test program uses all of it")]

use std::{
    alloc::{self, Layout},
    cell::RefCell,
    mem::MaybeUninit,
    ptr,
    sync::{Arc, Barrier, Mutex},
    thread,
};

use geobacter_lang::{
    Element, Workgroup,
    check::Access,
    descriptor::LaunchDescriptor,
    entry::{self, KernargHeader, Scope},
    intrinsics,
    item::Item,
    param::{BufferRepr, KernelParam, PartitionedRepr},
};

#[path = "../../../runtime-host/src/atomics.rs"]
mod atomics;

/// LDS that all collectives share, in bytes for each item of a group.
const TEMPORARY_PER_ITEM: usize = 256;
const TEMPORARY_ALIGN: usize = 64;
const DYNAMIC_ALIGN: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Sequential,
    /// With waves of two items.
    Parallel,
    /// As `Parallel`, with waves of this many items, a power of two.
    Waves(u32),
}

impl Device {
    pub const ALL: [Self; 2] = [Self::Sequential, Self::Parallel];

    /// Runs a kernel at group scope for every group of a grid. On [`Device::Sequential`], gives how many blocks of memory
    /// were not given back.
    pub fn group<const D: usize>(
        self,
        grid: [u32; D],
        workgroup: [u32; D],
        kernel: impl for<'k> Fn(Workgroup<'k, D>, &'k Scope) + Sync,
    ) -> usize {
        self.group_with_lds(grid, workgroup, 0, kernel)
    }

    /// As [`Self::group`], with LDS that is sized at launch, in bytes.
    pub fn group_with_lds<const D: usize>(
        self,
        grid: [u32; D],
        workgroup: [u32; D],
        dynamic_lds: usize,
        kernel: impl for<'k> Fn(Workgroup<'k, D>, &'k Scope) + Sync,
    ) -> usize {
        let (header, size) = (header(grid), whole(workgroup));
        self.run(header.extent, size, dynamic_lds, || {
            // SAFETY: the launch contract: `run` calls this once for each group (and item) of the grid.
            unsafe { entry::group::<D>(header, size, &kernel, &kernel) };
        })
    }

    /// Runs a flat kernel.
    pub fn flat<const D: usize>(
        self,
        grid: [u32; D],
        workgroup: [u32; D],
        kernel: impl for<'k> Fn(Item<'k, D>, &'k Scope) + Sync,
    ) {
        let (header, size) = (header(grid), whole(workgroup));
        self.run(header.extent, size, 0, || {
            // SAFETY: as above.
            unsafe { entry::each::<D>(header, size, &kernel, &kernel) };
        });
    }

    fn run(self, extent: [u32; 3], size: [u32; 3], dynamic_lds: usize, entry: impl Fn() + Sync) -> usize {
        let mut left = 0;
        let groups: [u32; 3] = std::array::from_fn(|axis| extent[axis].div_ceil(size[axis]));
        for id in places(groups) {
            match self {
                Self::Sequential => {
                    let run = Run { id, size, items: None, memory: Arc::new(Memory::new(size, dynamic_lds)) };
                    let memory = run.memory.clone();
                    let _ended = Run::begin(run);
                    entry();
                    left += memory.blocks.lock().unwrap().len();
                }
                Self::Parallel | Self::Waves(_) => {
                    let wave_size = if let Self::Waves(size) = self { size as usize } else { 2 };
                    let memory = Arc::new(Memory::new(size, dynamic_lds));
                    let items = places(size).count();
                    let barrier = Arc::new(Barrier::new(items));
                    let waves: Vec<_> = (0..items)
                        .step_by(wave_size)
                        .map(|first| Arc::new(Wave::new(wave_size.min(items - first), wave_size)))
                        .collect();
                    thread::scope(|scope| {
                        for (number, item) in places(size).enumerate() {
                            let (wave, lane) = (waves[number / wave_size].clone(), number % wave_size);
                            let items = Some(Parallel { item, barrier: barrier.clone(), wave, lane, allocations: 0 });
                            let (run, entry) = (Run { id, size, items, memory: memory.clone() }, &entry);
                            scope.spawn(move || {
                                let _ended = Run::begin(run);
                                entry();
                            });
                        }
                    });
                }
            }
        }
        left
    }
}

fn header<const D: usize>(grid: [u32; D]) -> KernargHeader {
    KernargHeader { extent: whole(grid), reserved: 0 }
}

fn whole<const D: usize>(some: [u32; D]) -> [u32; 3] {
    std::array::from_fn(|axis| some.get(axis).copied().unwrap_or(1))
}

fn places(size: [u32; 3]) -> impl Iterator<Item = [u32; 3]> {
    let [x, y, z] = size;
    (0..z).flat_map(move |k| (0..y).flat_map(move |j| (0..x).map(move |i| [i, j, k])))
}

/// A kernel's parameter for a buffer.
///
/// # Safety
/// The buffer has one element for each item where the parameter demands it, and nothing touches it during the launch against
/// the parameter's kind.
pub unsafe fn load<'k, P: KernelParam<Repr: From<BufferRepr>>>(buffer: Buffer, scope: &'k Scope) -> P::Loaded<'k> {
    // SAFETY: this function's contract.
    unsafe { P::load(buffer.0.into(), scope) }
}

/// A kernel's parameter for a buffer whose owners have `count` elements each.
///
/// # Safety
/// The buffer has as many elements as the partition asks for, and nothing touches it during the launch against the parameter's
/// kind.
pub unsafe fn load_partitioned<'k, P: KernelParam<Repr = PartitionedRepr>>(
    buffer: Buffer,
    count: u64,
    scope: &'k Scope,
) -> P::Loaded<'k> {
    // SAFETY: this function's contract.
    unsafe { P::load(PartitionedRepr { buffer: buffer.0, count }, scope) }
}

/// A buffer as a launch passes it.
#[derive(Clone, Copy)]
pub struct Buffer(BufferRepr);

/// A buffer that is read.
pub fn read<T: Element>(elements: &[T]) -> Buffer {
    Buffer(BufferRepr { pointer: elements.as_ptr().cast_mut().cast(), length: elements.len() as u64 })
}

/// A buffer that is written.
pub fn written<T>(elements: &mut [T]) -> Buffer {
    Buffer(BufferRepr { pointer: elements.as_mut_ptr().cast(), length: elements.len() as u64 })
}

/// What a thread runs.
struct Run {
    id: [u32; 3],
    size: [u32; 3],
    /// `None`: the whole group, one item after the other.
    items: Option<Parallel>,
    memory: Arc<Memory>,
}

struct Parallel {
    item: [u32; 3],
    barrier: Arc<Barrier>,
    wave: Arc<Wave>,
    lane: usize,
    /// How many blocks of LDS this item has asked for: all items ask in the same order.
    allocations: usize,
}

/// Bytes of a value, initialised or not.
type Bytes = Vec<MaybeUninit<u8>>;

/// What the lanes of a wave exchange.
struct Wave {
    size: usize,
    barrier: Barrier,
    slots: Mutex<Vec<Bytes>>,
}

impl Wave {
    fn new(lanes: usize, size: usize) -> Self {
        Self { size, barrier: Barrier::new(lanes), slots: Mutex::new(vec![Bytes::new(); lanes]) }
    }
}

/// Hands in a lane's bytes, and gives what `take` makes of those of all lanes. All lanes do so.
fn exchange<R>(bytes: Bytes, take: impl FnOnce(&[Bytes], usize) -> R) -> R {
    let (wave, lane) = with(|run| {
        let items = run.items.as_ref().expect("a call runs one item");
        (items.wave.clone(), items.lane)
    });
    wave.slots.lock().unwrap()[lane] = bytes;
    wave.barrier.wait();
    let taken = take(&wave.slots.lock().unwrap(), lane);
    wave.barrier.wait();
    taken
}

/// As the intrinsics that move values: from the lane that `source` makes of the own one.
///
/// # Safety
/// Both pointers are to variables of that size.
unsafe fn moved(from: *const u8, to: *mut u8, size: u32, source: impl FnOnce(usize) -> usize) {
    let mut bytes = vec![MaybeUninit::uninit(); size as usize];
    // SAFETY: this function's contract.
    unsafe { ptr::copy_nonoverlapping(from.cast(), bytes.as_mut_ptr(), size as usize) };
    let taken = exchange(bytes, |slots, lane| {
        // What is not there is not initialised: Miri says if it is used.
        slots.get(source(lane)).cloned().unwrap_or_else(|| vec![MaybeUninit::uninit(); size as usize])
    });
    assert_eq!(taken.len(), size as usize, "lanes differ in what they exchange");
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(taken.as_ptr(), to.cast(), size as usize) };
}

/// A group's memory.
struct Memory {
    blocks: Mutex<Vec<Block>>,
    temporary: Option<Block>,
    dynamic: Option<Block>,
}

impl Memory {
    fn new(size: [u32; 3], dynamic: usize) -> Self {
        let items: u32 = size.iter().product();
        Self {
            blocks: Mutex::default(),
            temporary: Some(Block::new(TEMPORARY_PER_ITEM * items as usize, TEMPORARY_ALIGN)),
            dynamic: (dynamic > 0).then(|| Block::new(dynamic, DYNAMIC_ALIGN)),
        }
    }
}

struct Block {
    memory: *mut u8,
    layout: Layout,
}

// SAFETY: it owns its bytes; who accesses them is what the tests are about.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    fn new(size: usize, align: usize) -> Self {
        assert!(size > 0, "what has no bytes needs no memory");
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the size is not zero.
        Self { memory: unsafe { alloc::alloc(layout) }, layout }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { alloc::dealloc(self.memory, self.layout) }
    }
}

thread_local! {
    static RUNS: RefCell<Vec<Run>> = const { RefCell::new(Vec::new()) };
    /// The item that the last panic left.
    pub static UNWOUND: RefCell<Option<[u32; 3]>> = const { RefCell::new(None) };
}

impl Run {
    fn begin(run: Self) -> Ended {
        RUNS.with_borrow_mut(|runs| runs.push(run));
        Ended
    }
}

/// Ends a run when it is dropped, also by a panic.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        let run = RUNS.with_borrow_mut(Vec::pop);
        // After the borrow, not in it.
        drop(run);
    }
}

fn with<R>(f: impl FnOnce(&mut Run) -> R) -> R {
    RUNS.with_borrow_mut(|runs| f(runs.last_mut().expect("an intrinsic was called outside of a launch")))
}

macro_rules! ids {
    ($($axis:literal: $begin:ident $end:ident $group:ident;)*) => { $(
        // SAFETY: the name belongs to Geobacter, and the signature is that of `geobacter_lang::intrinsics`. So for all below.
        #[unsafe(no_mangle)]
        extern "C" fn $begin() -> u32 {
            with(|run| run.items.as_ref().map_or(0, |items| items.item[$axis]))
        }
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        extern "C" fn $end() -> u32 {
            with(|run| run.items.as_ref().map_or(run.size[$axis], |items| items.item[$axis] + 1))
        }
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        extern "C" fn $group() -> u32 {
            with(|run| run.id[$axis])
        }
    )* };
}
ids! {
    0: __gb_item_begin_x __gb_item_end_x __gb_group_id_x;
    1: __gb_item_begin_y __gb_item_end_y __gb_group_id_y;
    2: __gb_item_begin_z __gb_item_end_z __gb_group_id_z;
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_barrier() {
    let barrier = with(|run| run.items.as_ref().map(|items| items.barrier.clone()));
    if let Some(barrier) = barrier {
        barrier.wait();
    }
}

// Nothing, and no barrier: it would hide from Miri that one is missing.
// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_barrier_of_all() {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds(size: u32, align: u32) -> *mut u8 {
    allocate(size as usize, align as usize)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds_temporary(bytes: u32, align: u32, each: u32) -> *mut u8 {
    let (size, align) = (bytes as usize * items().div_ceil(each as usize), align as usize);
    let parallel = with(|run| {
        let temporary = run.memory.temporary.as_ref().map(|block| (block.memory, block.layout));
        run.items.as_ref().and(temporary)
    });
    match parallel {
        Some((memory, layout)) => {
            assert!(size <= layout.size() && align <= layout.align());
            memory
        }
        None => allocate(size, align),
    }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds_dynamic() -> *mut u8 {
    with(|run| run.memory.dynamic.as_ref().map_or(ptr::null_mut(), |block| block.memory))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_private(bytes_per_item: u32, align: u32) -> *mut u8 {
    if with(|run| run.items.is_some()) {
        return ptr::null_mut();
    }
    allocate(bytes_per_item as usize * items(), align as usize)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_release(memory: *mut u8) {
    with(|run| {
        if run.items.is_none() {
            let mut blocks = run.memory.blocks.lock().unwrap();
            let at = blocks.iter().position(|block| block.memory == memory);
            blocks.remove(at.expect("what is given back was given"));
        }
    });
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_kernel(_descriptor: &'static LaunchDescriptor) {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_item_unwinds(x: u32, y: u32, z: u32) {
    UNWOUND.set(Some([x, y, z]));
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_platform() -> u32 {
    intrinsics::PLATFORM_HOST
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_size() -> u32 {
    with(|run| run.items.as_ref().map_or(intrinsics::HOST_WAVE_SIZE, |items| items.wave.size as u32))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_uniform(value: u32) -> u32 {
    exchange(value.to_ne_bytes().map(MaybeUninit::new).to_vec(), |slots, lane| {
        // SAFETY: all lanes hand in bytes of integers.
        let value = |bytes: &Bytes| bytes.iter().map(|byte| unsafe { byte.assume_init() }).collect::<Vec<_>>();
        assert!(
            slots.iter().all(|slot| value(slot) == value(&slots[lane])),
            "lanes differ in what is said to be uniform"
        );
    });
    value
}

// Lanes do not panic here.
// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_of_all(lanes: u32) {
    exchange(Bytes::new(), |slots, _| assert_eq!(slots.len(), lanes as usize));
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_ballot(condition: bool) -> u64 {
    exchange(vec![MaybeUninit::new(condition.into())], |slots, _| {
        // SAFETY: all lanes hand in a byte.
        let bits = slots.iter().map(|slot| u64::from(unsafe { slot[0].assume_init() }));
        bits.rev().fold(0, |bits, bit| bits << 1 | bit)
    })
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_read_first(from: *const u8, to: *mut u8, size: u32) {
    // SAFETY: contract of the intrinsic.
    unsafe { moved(from, to, size, |_| 0) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_read(from: *const u8, to: *mut u8, size: u32, lane: u32) {
    // SAFETY: as above.
    unsafe { moved(from, to, size, |_| lane as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_shuffle(from: *const u8, to: *mut u8, size: u32, lane: u32) {
    // SAFETY: as above.
    unsafe { moved(from, to, size, |_| lane as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_shuffle_xor(from: *const u8, to: *mut u8, size: u32, mask: u32) {
    // SAFETY: as above.
    unsafe { moved(from, to, size, |lane| lane ^ mask as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_checked() -> bool {
    // Miri checks.
    false
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C-unwind" fn __gb_check_access(_access: &Access) {}

fn items() -> usize {
    with(|run| run.size.iter().product::<u32>() as usize)
}

fn allocate(size: usize, align: usize) -> *mut u8 {
    with(|run| {
        let mut blocks = run.memory.blocks.lock().unwrap();
        let number = match &mut run.items {
            None => blocks.len(),
            Some(items) => {
                items.allocations += 1;
                items.allocations - 1
            }
        };
        if number == blocks.len() {
            blocks.push(Block::new(size, align));
        }
        let block = &blocks[number];
        assert_eq!((block.layout.size(), block.layout.align()), (size, align), "items differ in what they ask for");
        block.memory
    })
}
