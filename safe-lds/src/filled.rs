//! The content of LDS.

use core::{fmt, marker::PhantomData, mem::MaybeUninit, ops::Deref};

use geobacter_lang::{LocalItem, Workgroup, atomic::AtomicElement};

use crate::{atomics::LdsAtomics, region::Region, shape::Shape};

/// LDS with content: an array or a slice that every item reads, and that the group as a whole can change.
///
/// It is its shape: `tile[y][x]`, `tile.len()`, `tile.iter()`. Its lifetime is that of a mutable borrow of the
/// [`Lds`](crate::Lds), which cannot be filled again until this is given back.
pub struct Filled<'a, A: Shape + ?Sized> {
    region: Region<A::Element>,
    scope: PhantomData<(&'a A, &'a mut [A::Element])>,
}

/// Some or all elements of LDS of shape `A`, in the order of their numbers.
pub type FilledSlice<'a, A> = Filled<'a, [<A as Shape>::Element]>;

impl<'a, A: Shape + ?Sized> Filled<'a, A> {
    /// # Safety
    /// Every element is initialised and the phase that wrote it is over; during `'a` nobody else has a handle to the region
    /// (rules 5 and 6). For a sized shape the region is all of it.
    #[inline(always)]
    pub(crate) unsafe fn new(region: Region<A::Element>) -> Self {
        Self { region, scope: PhantomData }
    }

    /// Each item changes its own element, the one with the item's number. Items without an element do nothing.
    ///
    /// # Panics
    /// The kernel panics if there are more elements than items: [`update_with`](Self::update_with) is for that.
    #[inline(always)]
    pub fn update<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        change: impl Fn(LocalItem<'_, D>, &mut A::Element) + Sync,
    ) {
        assert!(
            self.region.length <= workgroup.items(),
            "`update` is for LDS with at most one element for each item of the work-group; use `update_with`"
        );
        self.region.own(workgroup, |item, element| {
            // SAFETY: rule 6: in this phase the element is this item's; it is initialised.
            change(item, unsafe { &mut *element });
        });
    }

    /// The group changes every element: `change` is called once for the place of each.
    #[inline(always)]
    pub fn update_with<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        change: impl Fn(A::Index, &mut A::Element) + Sync,
    ) {
        self.region.all(workgroup, |number, element| {
            // SAFETY: rule 6: in this phase the element is this item's; it is initialised.
            change(A::place(number), unsafe { &mut *element });
        });
    }

    /// Each item gives its own element a new value, which may depend on everything that was there before. Items without an
    /// element do nothing.
    ///
    /// # Panics
    /// The kernel panics if there are more elements than items.
    #[inline(always)]
    pub fn rewrite<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        value: impl Fn(&LocalItem<'_, D>, &A) -> A::Element + Sync,
    ) {
        assert!(
            self.region.length <= workgroup.items(),
            "`rewrite` is for LDS with at most one element for each item of the work-group"
        );
        let (old, length) = (&**self, self.region.length);
        let new = workgroup.private_with(|item| {
            if item.local_index() < length { MaybeUninit::new(value(item, old)) } else { MaybeUninit::uninit() }
        });
        self.region.own(workgroup, |item, element| {
            // SAFETY: rule 6: in this phase the element is this item's; items with an element have set their value.
            unsafe { element.write(new.get(&item).assume_init()) }
        });
    }

    /// All elements as a slice, in the order of their numbers.
    #[inline(always)]
    pub fn flatten(&mut self) -> FilledSlice<'_, A> {
        // SAFETY: rule 5: the same elements, and `self` is borrowed as long as the slice lives.
        unsafe { Filled::new(self.region) }
    }

    /// The first `middle` elements and the others, as two slices, each of which can be read while the other is changed.
    ///
    /// # Panics
    /// If there are fewer elements.
    #[inline(always)]
    #[track_caller]
    pub fn split_at(&mut self, middle: usize) -> (FilledSlice<'_, A>, FilledSlice<'_, A>) {
        let Region { pointer, length } = self.region;
        assert!(middle <= length, "the middle of a split lies beyond the end");
        // SAFETY: rule 5: the allocation has as many elements as the length says, and `middle` is not beyond its end.
        let second = Region { pointer: unsafe { pointer.add(middle) }, length: length - middle };
        // SAFETY: rule 5: disjoint parts, and `self` is borrowed as long as they live.
        unsafe { (Filled::new(Region { pointer, length: middle }), Filled::new(second)) }
    }

    /// For the items to change the elements with atomic operations.
    #[inline(always)]
    pub fn into_atomics<const D: usize>(self, workgroup: &Workgroup<'_, D>) -> LdsAtomics<'a, A>
    where
        A::Element: AtomicElement,
    {
        // Who still reads is waited for.
        workgroup.barrier();
        // SAFETY: rules 5 and 6: a `Filled`, which is gone now, and the barrier.
        unsafe { LdsAtomics::new(self.region, workgroup) }
    }

    /// The memory, for this crate's other ways to change it.
    #[inline(always)]
    pub(crate) fn region(&mut self) -> Region<A::Element> {
        self.region
    }
}

impl<A: Shape + ?Sized> Deref for Filled<'_, A> {
    type Target = A;

    #[inline(always)]
    fn deref(&self) -> &A {
        // SAFETY: all elements are initialised, and changing them takes `&mut self` at group scope: rule 6.
        unsafe { A::view(self.region.pointer, self.region.length) }
    }
}

impl<A: Shape + ?Sized> fmt::Debug for Filled<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filled").field("len", &self.region.length).finish()
    }
}
