//! How a work-group's run becomes calls of the kernel function.
//!
//! The macro's `entry` function reads the kernarg segment and calls [`each`], which is item scope: on the host a loop over
//! the group's items, in ordinary Rust, for rustc to vectorise; on a GPU one guarded call, since there the loop's bounds
//! are the item's id and the next. Items beyond the grid's edge do nothing.

use core::{cell::Cell, marker::PhantomData, mem};

use crate::{intrinsics as gb, item::Item};

/// The start of every kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernargHeader {
    /// Items of the grid along x, y and z; 1 beyond its dimensions.
    pub extent: [u32; 3],
    /// Zero.
    pub reserved: u32,
}

/// The explicit part of a kernarg segment: the header, then the arguments in C layout.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug)]
pub struct Kernarg<A> {
    /// The grid.
    pub header: KernargHeader,
    /// The arguments.
    pub args: A,
}

/// The time of one work-group's run. Tokens and handles borrow it, so they cannot outlive it.
#[derive(Debug)]
pub struct Scope {
    // Not constructible outside, not shareable with other threads.
    private: PhantomData<Cell<()>>,
}

/// One dimension of a work-group: which items this call runs.
#[derive(Clone, Copy)]
struct Span {
    group: u32,
    origin: u32,
    begin: u32,
    end: u32,
}

impl Span {
    const SINGLE: Self = Self { group: 0, origin: 0, begin: 0, end: 1 };

    #[inline(always)]
    fn new(group: u32, workgroup: u32, extent: u32, begin: u32, end: u32) -> Self {
        // Neither wraps: the launch checked that whole groups fit into 32 bits, and a group begins within the grid.
        let origin = group.wrapping_mul(workgroup);
        let left = extent.wrapping_sub(origin);
        Self { group, origin, begin, end: if end < left { end } else { left } }
    }
}

/// Tells the host which item a panic leaves. Dropped on that path only.
struct Unwinding {
    local: [u32; 3],
}

impl Drop for Unwinding {
    #[inline(always)]
    fn drop(&mut self) {
        gb::__gb_item_unwinds(self.local[0], self.local[1], self.local[2]);
    }
}

/// Item scope: runs `body` for each item of this work-group that lies in the grid.
///
/// `body` is `Fn + Sync`: what items share cannot be changed through it, so it makes no difference whether they run one
/// after the other or at once.
///
/// # Safety
/// Called by the entry function of a kernel, once, as part of a launch that has checked the grid `extent`; `workgroup` is
/// the launch's work-group size. This call makes the tokens of rule 2 of the crate's soundness rule.
#[inline(always)]
pub unsafe fn each<const D: usize>(
    header: KernargHeader,
    workgroup: [u32; 3],
    body: impl for<'k> Fn(Item<'k, D>, &'k Scope) + Sync,
) {
    let extent = header.extent;
    let scope = Scope { private: PhantomData };
    let x = Span::new(gb::__gb_group_id_x(), workgroup[0], extent[0], gb::__gb_item_begin_x(), gb::__gb_item_end_x());
    // A dimension that the kernel does not have costs no register: its ids are not even asked for.
    let y = if D > 1 {
        Span::new(gb::__gb_group_id_y(), workgroup[1], extent[1], gb::__gb_item_begin_y(), gb::__gb_item_end_y())
    } else {
        Span::SINGLE
    };
    let z = if D > 2 {
        Span::new(gb::__gb_group_id_z(), workgroup[2], extent[2], gb::__gb_item_begin_z(), gb::__gb_item_end_z())
    } else {
        Span::SINGLE
    };
    let group = [x.group, y.group, z.group];
    let origin = [x.origin, y.origin, z.origin];

    let mut local_z = z.begin;
    while local_z < z.end {
        let mut local_y = y.begin;
        while local_y < y.end {
            let mut local_x = x.begin;
            while local_x < x.end {
                let local = [local_x, local_y, local_z];
                let unwinding = Unwinding { local };
                body(Item { group, local, origin, extent, scope: PhantomData }, &scope);
                mem::forget(unwinding);
                local_x = local_x.wrapping_add(1);
            }
            local_y = local_y.wrapping_add(1);
        }
        local_z = local_z.wrapping_add(1);
    }
}
