//! Buffers that a kernel reads.

use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, Index},
    slice,
};

use crate::item::Item;

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

// SAFETY: it is a `&'k [T]` in all but name, and that is `Send` and `Sync` if `T` is `Sync`.
unsafe impl<T: Sync> Send for Elements<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Elements<'_, T> {}

impl<T> Elements<'_, T> {
    #[inline(always)]
    fn as_slice(&self) -> &[T] {
        // SAFETY: launch contract: the pointer is that of a device buffer of `length` elements, which the launch borrows
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

impl<T, const D: usize> Index<&Item<'_, D>> for In<'_, T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, item: &Item<'_, D>) -> &T {
        // SAFETY: launch contract: one element for each item, so the item's id is less than the length; no smuggling: the
        // token belongs to the launch that checked it.
        unsafe { &*self.elements.pointer.add(item.id()) }
    }
}
