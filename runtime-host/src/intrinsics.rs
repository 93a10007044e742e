//! The intrinsics of `geobacter_lang`, for the host.
//!
//! One call of an entry function runs a whole work-group: it asks for its bounds once, before its loops. Barriers wait for
//! nobody, since the group's items run one after the other, each `each` after the one before.

use std::{
    cell::{Cell, RefCell},
    ptr,
};

use geobacter_lang::{
    descriptor::LaunchDescriptor,
    intrinsics::{HOST_WAVE_SIZE, PLATFORM_HOST},
};

use crate::{arena::Arena, check};

/// The work-group that a thread runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    /// Its id along x, y and z.
    pub id: [u32; 3],
    /// Its items along x, y and z.
    pub size: [u32; 3],
    /// Its LDS that is sized at launch.
    pub dynamic_lds: *mut u8,
    /// The item, in its group, that a panic left; set while it unwinds.
    pub unwound: Option<[u32; 3]>,
}

thread_local! {
    static GROUP: Cell<Group> =
        const { Cell::new(Group { id: [0; 3], size: [0; 3], dynamic_lds: ptr::null_mut(), unwound: None }) };
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::new()) };
}

/// Work-groups that a thread runs one after the other: what a launch's groups have in common is set up once for all of them.
pub(crate) struct Groups {
    /// Blocks of the arena that were there before.
    blocks: usize,
    /// The same and the groups' LDS that is sized at launch.
    own_blocks: usize,
    /// What the thread ran before. A kernel may launch another: what was there before is there again afterwards.
    outer: Group,
}

impl Groups {
    /// Prepares this thread for groups of this size, each with as much LDS sized at launch.
    pub(crate) fn begin(size: [u32; 3], dynamic_lds: u32) -> Self {
        let (blocks, own_blocks, dynamic_lds) = ARENA.with_borrow_mut(|arena| {
            let blocks = arena.len();
            let memory =
                if dynamic_lds == 0 { ptr::null_mut() } else { arena.push(dynamic_lds as usize, DYNAMIC_LDS_ALIGN) };
            (blocks, arena.len(), memory)
        });
        let outer = GROUP.replace(Group { id: [0; 3], size, dynamic_lds, unwound: None });
        Self { blocks, own_blocks, outer }
    }

    /// Runs `entry` as the run of the group with this id.
    #[inline]
    pub(crate) fn run(&self, id: [u32; 3], entry: impl FnOnce()) {
        GROUP.set(Group { id, ..GROUP.get() });
        entry();
        // What a kernel did not give back.
        ARENA.with_borrow_mut(|arena| arena.truncate(self.own_blocks));
    }

    /// Gives back the group that ran last, as it was left.
    pub(crate) fn end(self) -> Group {
        ARENA.with_borrow_mut(|arena| arena.truncate(self.blocks));
        GROUP.replace(self.outer)
    }
}

/// Id of the work-group that this thread runs.
pub(crate) fn group_id() -> [u32; 3] {
    GROUP.get().id
}

/// Alignment of the LDS that is sized at launch, in bytes, as the device language promises it.
const DYNAMIC_LDS_ALIGN: usize = 16;

macro_rules! intrinsics {
    ($($name:ident => $value:expr;)*) => { $(
        // SAFETY: the name belongs to Geobacter, and the signature is that of `geobacter_lang::intrinsics`.
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> u32 {
            let value: fn(Group) -> u32 = $value;
            value(GROUP.get())
        }
    )* };
}
intrinsics! {
    __gb_item_begin_x => |_| 0;
    __gb_item_begin_y => |_| 0;
    __gb_item_begin_z => |_| 0;
    __gb_item_end_x => |group| group.size[0];
    __gb_item_end_y => |group| group.size[1];
    __gb_item_end_z => |group| group.size[2];
    __gb_group_id_x => |group| group.id[0];
    __gb_group_id_y => |group| group.id[1];
    __gb_group_id_z => |group| group.id[2];
    __gb_platform => |_| PLATFORM_HOST;
    __gb_wave_size => |_| HOST_WAVE_SIZE;
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_barrier() {
    check::barrier();
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_barrier_of_all() {
    check::barrier();
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds(size: u32, align: u32) -> *mut u8 {
    ARENA.with_borrow_mut(|arena| arena.push(size as usize, align as usize))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds_temporary(bytes: u32, align: u32, items: u32) -> *mut u8 {
    for_each(items as usize, bytes, align)
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_lds_dynamic() -> *mut u8 {
    GROUP.get().dynamic_lds
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_private(bytes_per_item: u32, align: u32) -> *mut u8 {
    for_each(1, bytes_per_item, align)
}

/// A block with so many bytes for each `items` items of the group.
fn for_each(items: usize, bytes: u32, align: u32) -> *mut u8 {
    let all: usize = GROUP.get().size.iter().map(|&n| n as usize).product();
    ARENA.with_borrow_mut(|arena| arena.push(bytes as usize * all.div_ceil(items), align as usize))
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_release(memory: *mut u8) {
    ARENA.with_borrow_mut(|arena| arena.release(memory));
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_kernel(_descriptor: &'static LaunchDescriptor) {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_item_unwinds(x: u32, y: u32, z: u32) {
    GROUP.set(Group { unwound: Some([x, y, z]), ..GROUP.get() });
}

// The operations of waves. A call runs whole groups here, so what lanes do together are loops in `geobacter_lang`, and nobody calls
// these. They mean a wave of one lane.

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_uniform(value: u32) -> u32 {
    value
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_of_all(_lanes: u32) {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_wave_ballot(condition: bool) -> u64 {
    condition.into()
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_read_first(from: *const u8, to: *mut u8, size: u32) {
    // SAFETY: contract of the intrinsic: two variables of that size.
    unsafe { ptr::copy_nonoverlapping(from, to, size as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_read(from: *const u8, to: *mut u8, size: u32, _lane: u32) {
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(from, to, size as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_shuffle(from: *const u8, to: *mut u8, size: u32, _lane: u32) {
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(from, to, size as usize) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn __gb_wave_shuffle_xor(from: *const u8, to: *mut u8, size: u32, _mask: u32) {
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(from, to, size as usize) }
}
