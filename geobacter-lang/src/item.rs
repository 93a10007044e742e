//! The tokens of item scope.
//!
//! * [`Item`]: a work-item of the grid. It selects the item's own elements of outputs.
//! * [`LocalItem`]: a work-item of the work-group, whether or not it lies in the grid: the grid's last groups may reach
//!   beyond its edge. It selects the item's own slot of a `Private` or of LDS.
//! * [`Leader`]: an item that is the only one of its group to run.

use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use crate::shape::GridShape;

/// One work-item of a grid of `D` dimensions: the token that selects an item's own element of a buffer.
///
/// The kernel function gets one and cannot make, copy or send away another. `&item` reads or overwrites the item's element;
/// `&mut item` is lent out together with a `&mut` to an element, so that an item never holds two of them.
pub struct Item<'i, const D: usize> {
    pub(crate) group: [u32; 3],
    pub(crate) local: [u32; 3],
    /// Grid coordinates of the group's first item.
    pub(crate) origin: [u32; 3],
    pub(crate) extent: [u32; 3],
    /// Items of a whole group.
    pub(crate) size: [u32; 3],
    /// Items of a whole wave.
    pub(crate) wave: u32,
    /// Neither `Send` nor `Sync`: two threads with `&item` could write one element at once.
    pub(crate) scope: PhantomData<(&'i (), dyn OnlyForOneItem)>,
}

/// Marks what belongs to one work-item: the tokens [`Item`], [`LocalItem`] and [`Leader`].
///
/// Nothing implements it. `dyn OnlyForOneItem` is neither `Send` nor `Sync`, and its name stands in rustc's message when
/// another closure for item scope, or another thread, captures a token: "`(dyn OnlyForOneItem + 'static)` cannot be shared
/// between threads safely".
pub trait OnlyForOneItem {}

/// One work-item of a work-group of `D` dimensions, whether or not it lies in the grid.
///
/// What a whole work-group does together (filling LDS, for example) is done by all of its items, those beyond the grid's edge
/// too. [`in_grid`](LocalItem::in_grid) gives the item's token for buffers if it has one.
pub struct LocalItem<'i, const D: usize> {
    pub(crate) item: Item<'i, D>,
}

/// The one work-item of its group that runs a [`Workgroup::once`](crate::Workgroup::once): an [`Item`], and the proof that no
/// other item of the group runs at the same time.
pub struct Leader<'i, const D: usize> {
    pub(crate) item: Item<'i, D>,
}

impl<const D: usize> Item<'_, D> {
    #[inline(always)]
    fn position(&self, axis: usize) -> usize {
        // Does not wrap: the launch checked that whole groups fit into 32 bits.
        self.origin[axis].wrapping_add(self.local[axis]) as usize
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

    /// Linear id of the item's group, row by row.
    #[inline(always)]
    pub(crate) fn group_index(&self) -> usize {
        linear_group::<D>(self.group, self.extent, self.size)
    }

    #[inline(always)]
    pub(crate) fn in_group(&self) -> usize {
        // Wrapping, because a group has at most 1024 items.
        let mut index = self.local[0];
        if D > 1 {
            index = index.wrapping_add(self.size[0].wrapping_mul(self.local[1]));
        }
        if D > 2 {
            index = index.wrapping_add(self.size[0].wrapping_mul(self.size[1]).wrapping_mul(self.local[2]));
        }
        index as usize
    }
}

impl<'i, const D: usize> LocalItem<'i, D> {
    /// The item's token for buffers, if the item lies in the grid.
    #[inline(always)]
    pub fn in_grid(&self) -> Option<&Item<'i, D>> {
        if self.is_in_grid() { Some(&self.item) } else { None }
    }

    /// As [`in_grid`](Self::in_grid), to be lent out with a `&mut` to an element.
    #[inline(always)]
    pub fn in_grid_mut(&mut self) -> Option<&mut Item<'i, D>> {
        if self.is_in_grid() { Some(&mut self.item) } else { None }
    }

    /// The item itself, if it lies in the grid.
    #[inline(always)]
    pub fn into_item(self) -> Option<Item<'i, D>> {
        if self.is_in_grid() { Some(self.item) } else { None }
    }

    #[inline(always)]
    fn is_in_grid(&self) -> bool {
        let item = &self.item;
        let mut inside = item.position(0) < item.extent[0] as usize;
        if D > 1 {
            inside &= item.position(1) < item.extent[1] as usize;
        }
        if D > 2 {
            inside &= item.position(2) < item.extent[2] as usize;
        }
        inside
    }
}

/// What all tokens tell about where they are. `$at` gives the [`Item`] in a token.
macro_rules! places {
    ($($name:ident, $beyond:literal, |$token:ident| $at:expr;)*) => { $(
        impl<'i, const D: usize> $name<'i, D> {
            #[doc = concat!("Position in the grid along x, the fastest-running dimension", $beyond, ".")]
            #[inline(always)]
            pub fn x(&self) -> usize {
                let $token = self;
                $at.position(0)
            }

            /// Position in the work-group along x.
            #[inline(always)]
            pub fn local_x(&self) -> usize {
                let $token = self;
                $at.local[0] as usize
            }

            /// Linear position in the work-group, row by row. Less than the group's number of items.
            #[inline(always)]
            pub fn local_index(&self) -> usize {
                let $token = self;
                $at.in_group()
            }

            /// The item's lane in its wave: its [`local_index`](Self::local_index) modulo the wave's size.
            #[inline(always)]
            pub fn lane(&self) -> usize {
                let $token = self;
                $at.in_group() % $at.wave as usize
            }

            /// Id of the item's work-group along each dimension.
            #[inline(always)]
            pub fn group(&self) -> [u32; D] {
                let $token = self;
                first($at.group)
            }

            /// Position of the item in its work-group along each dimension.
            #[inline(always)]
            pub fn local(&self) -> [u32; D] {
                let $token = self;
                first($at.local)
            }

            /// The grid's shape, to look up the elements of other items with [`In::at`](crate::In::at).
            #[inline(always)]
            pub fn grid(&self) -> GridShape<'i, D> {
                let $token = self;
                GridShape::new($at.extent)
            }

            /// Items of the grid along each dimension.
            #[inline(always)]
            pub fn extent(&self) -> [u32; D] {
                let $token = self;
                first($at.extent)
            }
        }
        places!(y: $name 2, $beyond, |$token| $at);
        places!(y: $name 3, $beyond, |$token| $at);

        impl $name<'_, 3> {
            #[doc = concat!("Position in the grid along z", $beyond, ".")]
            #[inline(always)]
            pub fn z(&self) -> usize {
                let $token = self;
                $at.position(2)
            }

            /// Position in the work-group along z.
            #[inline(always)]
            pub fn local_z(&self) -> usize {
                let $token = self;
                $at.local[2] as usize
            }
        }

        impl<const D: usize> fmt::Debug for $name<'_, D> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("group", &self.group()).field("local", &self.local()).finish()
            }
        }
    )* };
    (y: $name:ident $dimensions:literal, $beyond:literal, |$token:ident| $at:expr) => {
        impl $name<'_, $dimensions> {
            #[doc = concat!("Position in the grid along y", $beyond, ".")]
            #[inline(always)]
            pub fn y(&self) -> usize {
                let $token = self;
                $at.position(1)
            }

            /// Position in the work-group along y.
            #[inline(always)]
            pub fn local_y(&self) -> usize {
                let $token = self;
                $at.local[1] as usize
            }
        }
    };
}
places! {
    Item, "", |token| token;
    LocalItem, "; beyond its edge if the item is not in the grid", |token| token.item;
}

impl<'i, const D: usize> Deref for Leader<'i, D> {
    type Target = Item<'i, D>;

    #[inline(always)]
    fn deref(&self) -> &Item<'i, D> {
        &self.item
    }
}

impl<const D: usize> DerefMut for Leader<'_, D> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.item
    }
}

impl<const D: usize> fmt::Debug for Leader<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leader").field(&self.item).finish()
    }
}

/// A token that stands for one work-item of its group: [`Item`], [`LocalItem`] or [`Leader`].
///
/// Sealed: who implemented it could name another item's slot.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a work-item",
    label = "not a work-item's token",
    note = "what belongs to an item is reached with its token, inside `wg.each(|item| ..)`, `wg.each_local(|item| ..)` or `wg.once(|leader| ..)`: `value.get(&item)`"
)]
pub trait WorkItem: sealed::WorkItem {}

impl<const D: usize> WorkItem for Item<'_, D> {}
impl<const D: usize> WorkItem for LocalItem<'_, D> {}
impl<const D: usize> WorkItem for Leader<'_, D> {}

pub(crate) mod sealed {
    pub trait WorkItem {
        /// The item's slot in its group.
        fn slot(&self) -> usize;
    }

    impl<const D: usize> WorkItem for super::Item<'_, D> {
        #[inline(always)]
        fn slot(&self) -> usize {
            self.in_group()
        }
    }

    impl<const D: usize> WorkItem for super::LocalItem<'_, D> {
        #[inline(always)]
        fn slot(&self) -> usize {
            self.item.in_group()
        }
    }

    impl<const D: usize> WorkItem for super::Leader<'_, D> {
        #[inline(always)]
        fn slot(&self) -> usize {
            self.item.in_group()
        }
    }
}

/// Linear id of a group in a grid of this extent, row by row.
#[inline(always)]
pub(crate) fn linear_group<const D: usize>(group: [u32; 3], extent: [u32; 3], size: [u32; 3]) -> usize {
    // Wrapping, because there are no more groups than items.
    let across = |axis: usize| extent[axis].div_ceil(size[axis]) as usize;
    let mut index = group[0] as usize;
    if D > 1 {
        index = index.wrapping_add(across(0).wrapping_mul(group[1] as usize));
    }
    if D > 2 {
        index = index.wrapping_add(across(0).wrapping_mul(across(1)).wrapping_mul(group[2] as usize));
    }
    index
}

#[inline(always)]
pub(crate) fn first<const D: usize>(all: [u32; 3]) -> [u32; D] {
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
