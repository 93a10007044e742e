//! How a work-group's run becomes calls of the kernel function.
//!
//! The macro's `entry` function reads the kernarg segment and calls [`group`] for a kernel at group scope, or [`each`] for a
//! flat one, which is one [`Workgroup::each`] and nothing else.

use core::{cell::Cell, marker::PhantomData};

use crate::{item::Item, workgroup::Workgroup};

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

impl Scope {
    const fn new() -> Self {
        Self { private: PhantomData }
    }
}

/// A flat kernel: runs `body` for each item of this work-group that lies in the grid.
///
/// `body_of_whole` is the same function again, for a call that runs all items of a group of a known size: see
/// [`Workgroup`]'s `whole`.
///
/// # Safety
/// Called by the entry function of a kernel, once, as part of a launch that has checked the grid `header.extent`;
/// `workgroup` is the launch's work-group size.
#[inline(always)]
pub unsafe fn each<const D: usize>(
    header: KernargHeader,
    workgroup: [u32; 3],
    body_of_whole: impl for<'k> Fn(Item<'k, D>, &'k Scope) + Sync,
    body: impl for<'k> Fn(Item<'k, D>, &'k Scope) + Sync,
) {
    let scope = Scope::new();
    // SAFETY: rule 2: this function's contract is that of `Workgroup::new`.
    let workgroup = unsafe { Workgroup::new(header, workgroup) };
    match workgroup.whole() {
        Some(whole) => whole.run_flat(|item| body_of_whole(item, &scope)),
        None => workgroup.run_flat(|item| body(item, &scope)),
    }
}

/// A kernel at group scope: runs `body` for this work-group; `body_of_whole` is as for [`each`].
///
/// # Safety
/// As for [`each`].
#[inline(always)]
pub unsafe fn group<const D: usize>(
    header: KernargHeader,
    workgroup: [u32; 3],
    body_of_whole: impl for<'k> FnOnce(Workgroup<'k, D>, &'k Scope),
    body: impl for<'k> FnOnce(Workgroup<'k, D>, &'k Scope),
) {
    let scope = Scope::new();
    // SAFETY: rule 2: this function's contract is that of `Workgroup::new`.
    let workgroup = unsafe { Workgroup::new(header, workgroup) };
    match workgroup.whole() {
        Some(whole) => body_of_whole(whole, &scope),
        None => body(workgroup, &scope),
    }
}
