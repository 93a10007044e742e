//! The intrinsics of `geobacter_lang`, for the host.
//!
//! One call of an entry function runs a whole work-group: it asks for its bounds once, before its loop.

use std::cell::Cell;

use geobacter_lang::descriptor::LaunchDescriptor;

/// The work-group that a thread runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    /// Its id along x, y and z.
    pub id: [u32; 3],
    /// Its items along x, y and z.
    pub size: [u32; 3],
    /// The item, in its group, that a panic left; set while it unwinds.
    pub unwound: Option<[u32; 3]>,
}

thread_local! {
    static GROUP: Cell<Group> = const { Cell::new(Group { id: [0; 3], size: [0; 3], unwound: None }) };
}

/// Says which group this thread runs from now on, and gives back the one before: a kernel may launch another.
pub(crate) fn set_group(group: Group) -> Group {
    GROUP.replace(group)
}

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
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_kernel(_descriptor: &'static LaunchDescriptor) {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn __gb_item_unwinds(x: u32, y: u32, z: u32) {
    GROUP.set(Group { unwound: Some([x, y, z]), ..GROUP.get() });
}
