//! The content of LDS while items change it with atomic operations.

use core::{fmt, marker::PhantomData, ops::Index, ptr, slice};

use geobacter_lang::{
    Workgroup,
    atomic::{Atomic, AtomicElement, scope},
};

use crate::{filled::Filled, region::Region, shape::Shape};

/// LDS whose elements the items of the group change with atomic operations.
///
/// The operations are relaxed, like those of [`Atomics`](geobacter_lang::Atomics); [`finish`](Self::finish) has a barrier, and
/// gives the result.
pub struct LdsAtomics<'a, A: Shape + ?Sized> {
    region: Region<A::Element>,
    sequential: bool,
    scope: PhantomData<(&'a A, &'a mut [A::Element])>,
}

/// One element of [`LdsAtomics`].
pub type LdsAtomic<'a, T> = Atomic<'a, T, scope::Workgroup>;

impl<'a, A: Shape<Element: AtomicElement> + ?Sized> LdsAtomics<'a, A> {
    /// # Safety
    /// The region's elements are initialised, all earlier phases are over, and this is the only handle to them (rules 5 and 6).
    #[inline(always)]
    pub(crate) unsafe fn new<const D: usize>(region: Region<A::Element>, workgroup: &Workgroup<'_, D>) -> Self {
        Self { region, sequential: workgroup.is_sequential(), scope: PhantomData }
    }

    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.region.length
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.region.length == 0
    }

    /// The element with a number: of `[[T; N]; M]`, element `[y][x]` has the number `y * N + x`.
    ///
    /// # Panics
    /// If there is no such element.
    #[inline(always)]
    #[track_caller]
    pub fn at(&self, number: usize) -> LdsAtomic<'_, A::Element> {
        // A slice of nothing, for its bounds check and that check's message.
        // SAFETY: Rust's own: a dangling pointer is right for elements without a size.
        let () = unsafe { slice::from_raw_parts(ptr::dangling::<()>(), self.region.length) }[number];
        // SAFETY: until `finish` takes this handle away, the element is touched by atomic operations only: rule 6.
        unsafe { Atomic::new(self.region.element(number), self.sequential) }
    }

    /// Waits for the group's items, and gives what they have made of the elements.
    #[inline(always)]
    pub fn finish<const D: usize>(self, workgroup: &Workgroup<'_, D>) -> Filled<'a, A> {
        workgroup.barrier();
        // SAFETY: rules 5 and 6: this was the only handle, and the barrier ends the phase.
        unsafe { Filled::new(self.region) }
    }
}

/// Never implemented: `counts[i]` on [`LdsAtomics`] is an error, and this is what words it.
#[diagnostic::on_unimplemented(
    message = "LDS cannot be read while items change it",
    label = "these elements are changed by atomic operations until `finish`",
    note = "`let counts = counts.finish(&wg);` waits for all items and gives the result; until then, `counts.at(i).load(&item)` is the value at some time"
)]
#[doc(hidden)]
pub trait IndexOfLdsAtomics {
    fn never<'a, T>(self) -> &'a T;
}

#[doc(hidden)]
impl<A: Shape + ?Sized, I: IndexOfLdsAtomics> Index<I> for LdsAtomics<'_, A> {
    type Output = A::Element;

    fn index(&self, index: I) -> &A::Element {
        index.never()
    }
}

impl<A: Shape + ?Sized> fmt::Debug for LdsAtomics<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdsAtomics").field("len", &self.region.length).finish()
    }
}
