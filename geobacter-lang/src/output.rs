//! Buffers that a kernel writes.

use core::{fmt, marker::PhantomData};

use crate::item::Item;

/// A device buffer that is written, with exactly one element for each work-item. What stood in it cannot be read.
pub struct Out<'k, T> {
    pub(crate) slots: Slots<'k, T>,
}

/// A device buffer whose elements are read and written by their owner, with exactly one element for each work-item.
///
/// An item sees its own element only. A kernel that reads its neighbours takes an [`In`](crate::In) and an [`Out`].
pub struct InOut<'k, T> {
    pub(crate) slots: Slots<'k, T>,
}

/// Pointer of a buffer with one slot for each item, each of which belongs to the item's token during `'k`.
///
/// Not `Clone`: nothing would be unsound, but two names for one buffer help nobody.
pub(crate) struct Slots<'k, T> {
    pub(crate) pointer: *mut T,
    pub(crate) length: usize,
    pub(crate) scope: PhantomData<&'k mut [T]>,
}

// SAFETY: a slot is reached only through its item's token, which stays on one thread; the elements move between threads.
unsafe impl<T: Send> Send for Slots<'_, T> {}
// SAFETY: as above; a shared handle gives access to the own slot only.
unsafe impl<T: Send> Sync for Slots<'_, T> {}

impl<T> Slots<'_, T> {
    #[inline(always)]
    fn slot<const D: usize>(&self, item: &Item<'_, D>) -> *mut T {
        // SAFETY: launch contract: one element for each item, so the item's id is less than the length; no smuggling: the
        // token belongs to the launch that checked it.
        unsafe { self.pointer.add(item.id()) }
    }
}

impl<T: Copy> Out<'_, T> {
    /// Writes the item's element.
    #[inline(always)]
    pub fn set<const D: usize>(&self, item: &Item<'_, D>, value: T) {
        // SAFETY: one token for each item, and it is here: nobody else has access to this slot, and a `&mut` to it would
        // have borrowed the token mutably.
        unsafe { self.slots.slot(item).write(value) }
    }
}

impl<T: Copy> InOut<'_, T> {
    /// Reads the item's element.
    #[inline(always)]
    pub fn get<const D: usize>(&self, item: &Item<'_, D>) -> T {
        // SAFETY: one token for each item, and it is here: nobody writes this slot meanwhile.
        unsafe { self.slots.slot(item).read() }
    }

    /// Writes the item's element.
    #[inline(always)]
    pub fn set<const D: usize>(&self, item: &Item<'_, D>, value: T) {
        // SAFETY: as for `Out::set`.
        unsafe { self.slots.slot(item).write(value) }
    }

    /// The item's element, to be changed in place. The item is borrowed as long as the element is.
    #[inline(always)]
    pub fn at<'i, const D: usize>(&'i self, item: &'i mut Item<'_, D>) -> &'i mut T {
        // SAFETY: one token for each item, and it stays mutably borrowed for 'i: no other access to this slot can begin.
        unsafe { &mut *self.slots.slot(item) }
    }
}

macro_rules! common {
    ($($name:ident),*) => { $(
        impl<T> $name<'_, T> {
            /// Elements in the buffer: as many as the grid has items.
            #[inline(always)]
            #[expect(clippy::len_without_is_empty, reason = "a grid has at least one item, so it is never empty")]
            pub fn len(&self) -> usize {
                self.slots.length
            }
        }

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("len", &self.len()).finish()
            }
        }
    )* };
}
common!(Out, InOut);
