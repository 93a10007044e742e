//! Checked mode: what a debug build notes of accesses that only an `unsafe` promise keeps apart.
//!
//! Accesses of partitions that this crate proves need no checking. Those of user-defined ones, and of the `_unchecked`
//! functions, go to the device with item, element and source line; the host keeps them for the launch and ends it when two
//! items meet in one element. On GPUs the question whether to note anything folds to `false`, and
//! nothing of this is left in the code.
//!
//! A library's code is checked if it was built with debug assertions, or with `cfg(geobacter_check)`, which
//! `GEOBACTER_CHECK=1 cargo geobacter ..` sets for release builds. `GEOBACTER_CHECK=0` switches it off when the program runs.

use core::panic::Location;

use crate::{intrinsics as gb, item::Item};

/// One access to one element of a buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Address of the buffer's first element.
    pub buffer: *const u8,
    /// Elements of the buffer.
    pub length: usize,
    /// The element.
    pub index: usize,
    /// Whether it is, or may be, written.
    pub writes: bool,
    /// Id of the work-group.
    pub group: [u32; 3],
    /// Id of the item in its group.
    pub local: [u32; 3],
    /// Who asks for it.
    pub location: &'static Location<'static>,
}

/// Whether accesses are to be noted.
#[inline(always)]
pub(crate) fn enabled() -> bool {
    cfg!(any(debug_assertions, geobacter_check)) && gb::__gb_checked()
}

/// Notes an access. Returns only if it is fine.
#[inline(always)]
#[track_caller]
pub(crate) fn access<T, const D: usize>(
    item: &Item<'_, D>,
    buffer: *const T,
    length: usize,
    index: usize,
    writes: bool,
) {
    gb::__gb_check_access(&Access {
        buffer: buffer.cast(),
        length,
        index,
        writes,
        group: item.group,
        local: item.local,
        location: Location::caller(),
    });
}
