//! Buffers that a kernel reads.

use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, Index},
    slice,
};

use crate::{
    item::{Item, Leader},
    shape::{Coordinate, GridShape},
};

/// A device buffer that is read, with exactly one element for each work-item.
///
/// `x[&item]` is the item's own element and costs no bounds check. `x[i]` is any element, checked, and an `In` is a slice,
/// so `x.iter()`, `x.len()` and the rest are there too.
///
/// ```compile_fail
/// // A handle cannot leave its kernel.
/// fn kernel(x: geobacter_lang::In<f32>) -> &'static f32 { &x[0] }
/// ```
pub struct In<'k, T> {
    pub(crate) elements: Elements<'k, T>,
}

/// A device buffer that is read, of any length: tables, matrices, whatever is not laid out like the grid.
///
/// It is a slice: `table[i]` is checked, and `table.iter()`, `table.len()` and the rest are there.
pub struct Slice<'k, T> {
    pub(crate) elements: Elements<'k, T>,
}

/// Pointer and length of a buffer that nobody writes during `'k`.
pub(crate) struct Elements<'k, T> {
    pub(crate) pointer: *const T,
    pub(crate) length: usize,
    pub(crate) scope: PhantomData<&'k [T]>,
}

impl<T> Clone for Elements<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Elements<'_, T> {}

// SAFETY: rule 1: it is a `&'k [T]` in all but name, and that is `Send` and `Sync` if `T` is `Sync`.
unsafe impl<T: Sync> Send for Elements<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Elements<'_, T> {}

impl<T> Elements<'_, T> {
    #[inline(always)]
    fn as_slice(&self) -> &[T] {
        // SAFETY: rule 1: the pointer is that of a device buffer of `length` elements, which the launch borrows
        // until the kernel's end, shared.
        unsafe { slice::from_raw_parts(self.pointer, self.length) }
    }
}

macro_rules! slices {
    ($($name:ident),*) => { $(
        impl<T> Clone for $name<'_, T> {
            #[inline(always)]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<'_, T> {}

        impl<T> Deref for $name<'_, T> {
            type Target = [T];

            #[inline(always)]
            fn deref(&self) -> &[T] {
                self.elements.as_slice()
            }
        }

        impl<T> Index<usize> for $name<'_, T> {
            type Output = T;

            #[inline(always)]
            #[track_caller]
            fn index(&self, index: usize) -> &T {
                &self.elements.as_slice()[index]
            }
        }

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("len", &self.len()).finish()
            }
        }
    )* };
}
slices!(In, Slice);

impl<T: Copy> In<'_, T> {
    /// The element of the item at a position of the grid, `[x]`, `[x, y]` or `[x, y, z]`; `None` beyond the grid's edge.
    ///
    /// The comparison with the grid is the only check. This is how a kernel looks at its neighbours:
    /// `x.at(item.grid(), [item.x() + 1, item.y()]).unwrap_or(0.0)`.
    #[inline(always)]
    pub fn at<const D: usize>(&self, grid: GridShape<'_, D>, position: [impl Coordinate; D]) -> Option<T> {
        // SAFETY: rule 1: one element for each item, so the number of an item is less than the length; rule 3: the shape is
        // that of the launch that checked it.
        grid.number(position).map(|number| unsafe { self.elements.pointer.add(number).read() })
    }
}

/// A token whose item has an element of its own in an [`In`]: [`Item`] and [`Leader`].
///
/// Sealed: who implemented it could name any element, unchecked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no element of its own in an `In`",
    label = "not an item of the grid",
    note = "an item of the grid has one: that of `wg.each(|item| ..)` and of a flat kernel, `x[&item]`",
    note = "a `LocalItem` may lie beyond the grid's edge: `item.in_grid().map_or(0.0, |item| x[item])`",
    note = "any element is reached by its number, which is checked: `x[0]`, also at group scope"
)]
pub trait ItemInGrid: sealed::ItemInGrid {}

impl<const D: usize> ItemInGrid for Item<'_, D> {}
impl<const D: usize> ItemInGrid for Leader<'_, D> {}

mod sealed {
    use crate::item::{Item, Leader};

    pub trait ItemInGrid {
        /// Less than the number of the grid's items.
        fn number(&self) -> usize;
    }

    impl<const D: usize> ItemInGrid for Item<'_, D> {
        #[inline(always)]
        fn number(&self) -> usize {
            self.id()
        }
    }

    impl<const D: usize> ItemInGrid for Leader<'_, D> {
        #[inline(always)]
        fn number(&self) -> usize {
            self.id()
        }
    }
}

impl<T, I: ItemInGrid> Index<&I> for In<'_, T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, item: &I) -> &T {
        // SAFETY: rule 1: one element for each item, so the item's id is less than the length; rule 3: the token belongs to the
        // launch that checked it.
        unsafe { &*self.elements.pointer.add(item.number()) }
    }
}
