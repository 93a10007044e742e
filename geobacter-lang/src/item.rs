//! The work-item token.

use core::{cell::Cell, fmt, marker::PhantomData};

/// One work-item of a grid of `D` dimensions: the token that selects an item's own element of a buffer.
///
/// The kernel function gets one and cannot make, copy or send away another. `&item` reads or overwrites the item's element;
/// `&mut item` is lent out together with a `&mut` to an element, so that an item never holds two of them.
pub struct Item<'k, const D: usize> {
    pub(crate) group: [u32; 3],
    pub(crate) local: [u32; 3],
    /// Grid coordinates of the group's first item.
    pub(crate) origin: [u32; 3],
    pub(crate) extent: [u32; 3],
    /// Neither `Send` nor `Sync`: two threads with `&item` could write one element at once.
    pub(crate) scope: PhantomData<&'k Cell<()>>,
}

impl<const D: usize> Item<'_, D> {
    /// Position in the grid along x, the fastest-running dimension.
    #[inline(always)]
    pub fn x(&self) -> usize {
        self.position(0)
    }

    #[inline(always)]
    fn position(&self, axis: usize) -> usize {
        (self.origin[axis] as usize).wrapping_add(self.local[axis] as usize)
    }

    /// Linear position in the grid, row by row: `x + width * (y + height * z)`. Less than the number of items.
    #[inline(always)]
    pub fn id(&self) -> usize {
        // Wrapping, because the launch checked that the number of items fits: a check here would cost a branch per item.
        let mut id = self.position(0);
        if D > 1 {
            id = id.wrapping_add((self.extent[0] as usize).wrapping_mul(self.position(1)));
        }
        if D > 2 {
            let plane = (self.extent[0] as usize).wrapping_mul(self.extent[1] as usize);
            id = id.wrapping_add(plane.wrapping_mul(self.position(2)));
        }
        id
    }

    /// Id of the item's work-group along each dimension.
    #[inline(always)]
    pub fn group(&self) -> [u32; D] {
        first(self.group)
    }

    /// Id of the item in its work-group along each dimension.
    #[inline(always)]
    pub fn local(&self) -> [u32; D] {
        first(self.local)
    }

    /// Items of the grid along each dimension.
    #[inline(always)]
    pub fn extent(&self) -> [u32; D] {
        first(self.extent)
    }
}

impl Item<'_, 2> {
    /// Position in the grid along y.
    #[inline(always)]
    pub fn y(&self) -> usize {
        self.position(1)
    }
}

impl Item<'_, 3> {
    /// Position in the grid along y.
    #[inline(always)]
    pub fn y(&self) -> usize {
        self.position(1)
    }

    /// Position in the grid along z.
    #[inline(always)]
    pub fn z(&self) -> usize {
        self.position(2)
    }
}

impl<const D: usize> fmt::Debug for Item<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("group", &self.group()).field("local", &self.local()).finish()
    }
}

#[inline(always)]
fn first<const D: usize>(all: [u32; 3]) -> [u32; D] {
    // By index, not by slice: no call into `core` and no panic path in an unoptimised build's bitcode.
    let mut some = [0; D];
    if D > 0 {
        some[0] = all[0];
    }
    if D > 1 {
        some[1] = all[1];
    }
    if D > 2 {
        some[2] = all[2];
    }
    some
}
