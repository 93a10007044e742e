//! Buffers that a kernel writes.

use core::{fmt, marker::PhantomData, ptr::NonNull, slice};

use crate::{
    check,
    item::{Item, Leader},
    partition::{Contiguous, FixedPartition, Partition, PerGroup, PerItem, Place},
    workgroup::Workgroup,
};

/// A device buffer that is written. The partition `P` says which elements belong to which item; without one, each item has
/// exactly one.
///
/// What stood in the buffer before is of no interest to the kernel, and `set` gives no access to it.
/// ```
/// use geobacter_lang::{Item, Out, partition::{Blocks, Tile}};
///
/// fn ramp(item: Item<1>, y: Out<u32>) {
///     y.set(&item, item.id() as u32);
/// }
///
/// fn polynomials(item: Item<1>, y: Out<f32, Tile<3>>) {
///     let x = item.id() as f32;
///     y.set(&item, [1.0, x, x * x]);
/// }
///
/// fn corners(item: Item<2>, image: Out<u8, Blocks<2, 2>>) {
///     image.set(&item, [[1, 2], [3, 4]]);
/// }
/// ```
pub struct Out<'k, T, P = PerItem> {
    pub(crate) slots: Slots<'k, T, P>,
}

/// A device buffer whose elements are read and written by their owner. The partition `P` says which elements belong to which
/// item; without one, each item has exactly one.
///
/// An item sees its own elements only. A kernel that reads its neighbours takes an [`In`](crate::In) and an [`Out`].
pub struct InOut<'k, T, P = PerItem> {
    pub(crate) slots: Slots<'k, T, P>,
}

/// Pointer of a buffer each of whose elements belongs to the token of one item, or to one group, during `'k`.
///
/// Not `Clone`: nothing would be unsound, but two names for one buffer help nobody.
pub(crate) struct Slots<'k, T, P> {
    pub(crate) pointer: *mut T,
    pub(crate) length: usize,
    /// Elements of one owner, where the partition has no constant number.
    pub(crate) count: usize,
    pub(crate) scope: PhantomData<&'k mut [T]>,
    pub(crate) partition: PhantomData<fn() -> P>,
}

// SAFETY: rule 2: an element is reached only through its owner's token, which stays on one thread; the elements move between threads.
unsafe impl<T: Send, P> Send for Slots<'_, T, P> {}
// SAFETY: as above; a shared handle gives access to the own elements only.
unsafe impl<T: Send, P> Sync for Slots<'_, T, P> {}

impl<T, P> Slots<'_, T, P> {
    /// Elements that each item owns.
    #[inline(always)]
    fn count<const D: usize>(&self) -> usize
    where
        P: Partition<D>,
    {
        match P::COUNT {
            Some(count) => count,
            None => self.count,
        }
    }

    /// Address of the item's `k`-th element.
    ///
    /// # Safety
    /// `k` is less than `count`.
    #[inline(always)]
    #[track_caller]
    unsafe fn slot<const D: usize>(&self, item: &Item<'_, D>, k: usize, writes: bool) -> *mut T
    where
        P: Partition<D>,
    {
        let index = P::index(&Place::of(item), self.count::<D>(), k);
        if !P::PROVEN && check::enabled() {
            check::access(item, self.pointer, self.length, index, writes);
        }
        // SAFETY: rule 1: the length is one that the partition asked for, so by the contract of `Partition` the
        // index is less than it; rule 3: the token belongs to the launch that checked it.
        unsafe { self.pointer.add(index) }
    }

    /// As [`slot`](Self::slot), for any `k`.
    ///
    /// # Panics
    /// If `k` is not less than `count`.
    #[inline(always)]
    #[track_caller]
    fn checked_slot<const D: usize>(&self, item: &Item<'_, D>, k: usize, writes: bool) -> *mut T
    where
        P: Partition<D>,
    {
        // SAFETY: Rust's own: elements without bytes can be anywhere.
        let own: &[()] = unsafe { slice::from_raw_parts(NonNull::dangling().as_ptr(), self.count::<D>()) };
        // The panic of a slice, which every device reports with both numbers.
        let () = own[k];
        // SAFETY: contract of `slot`: checked in the line before.
        unsafe { self.slot(item, k, writes) }
    }

    #[inline(always)]
    #[track_caller]
    fn set_each<const D: usize>(&self, item: &Item<'_, D>, mut value: impl FnMut(usize) -> T)
    where
        P: Partition<D>,
    {
        let mut k = 0;
        while k < self.count::<D>() {
            // SAFETY: `k` is less than the count. Rule 2: the item's one token is here, and by the contract of `Partition` nobody
            // else has access to this element, and a `&mut` to it would have borrowed the token mutably.
            unsafe { self.slot(item, k, true).write(value(k)) }
            k = k.wrapping_add(1);
        }
    }

    #[inline(always)]
    #[track_caller]
    fn set<const D: usize>(&self, item: &Item<'_, D>, share: P::Share<T>)
    where
        T: Copy,
        P: FixedPartition<D>,
    {
        let parts = (&raw const share).cast::<T>();
        // SAFETY: by the contract of `FixedPartition` a share is an array of the item's elements.
        self.set_each(item, |k| unsafe { parts.add(k).read() });
    }

    #[inline(always)]
    #[track_caller]
    fn slice_mut<'i, const D: usize>(&'i self, item: &'i mut Item<'_, D>) -> &'i mut [T]
    where
        P: Contiguous<D>,
    {
        let (count, first) = (self.count::<D>(), P::index(&Place::of(item), self.count::<D>(), 0));
        if !P::PROVEN && check::enabled() {
            let mut k = 0;
            while k < count {
                check::access(item, self.pointer, self.length, first.wrapping_add(k), true);
                k = k.wrapping_add(1);
            }
        }
        // SAFETY: rule 1 and the contract of `Contiguous`: these elements lie in the buffer, or there are none, and
        // belong to the item. Rule 2: the item's one token stays mutably borrowed for 'i: no other access to them can
        // begin.
        unsafe { slice::from_raw_parts_mut(self.pointer.add(first), count) }
    }

    /// Address of any element.
    ///
    /// # Safety
    /// `index` is less than the buffer's length.
    #[inline(always)]
    #[track_caller]
    unsafe fn anywhere<const D: usize>(&self, item: &Item<'_, D>, index: usize, writes: bool) -> *mut T {
        if check::enabled() {
            check::access(item, self.pointer, self.length, index, writes);
        }
        // SAFETY: this function's contract.
        unsafe { self.pointer.add(index) }
    }
}

impl<T, const N: usize> Slots<'_, T, PerGroup<N>> {
    /// The elements of the group with this number.
    #[inline(always)]
    fn block(&self, group: usize) -> *mut [T; N] {
        // SAFETY: rule 1: the buffer has N elements for each group of the grid; rule 3: the number is that of
        // a group of the launch that checked it.
        unsafe { self.pointer.add(group.wrapping_mul(N)).cast() }
    }
}

/// Pointer of a group's elements, for all of its items.
struct Block<'a, T> {
    pointer: *mut T,
    of: PhantomData<&'a mut [T]>,
}

// SAFETY: rule 2: items write different elements, which move between threads.
unsafe impl<T: Send> Send for Block<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Block<'_, T> {}

impl<T> Block<'_, T> {
    /// # Safety
    /// `j` is less than the number of elements.
    #[inline(always)]
    unsafe fn at(&self, j: usize) -> *mut T {
        // SAFETY: this function's contract.
        unsafe { self.pointer.add(j) }
    }
}

macro_rules! common {
    ($($name:ident),*) => { $(
        impl<T: Copy, P> $name<'_, T, P> {
            /// Writes all elements of the item: a `T` for one element each, `[T; N]` for a tile or a strided set,
            /// `[[T; X]; Y]` for a block.
            #[inline(always)]
            #[track_caller]
            pub fn set<const D: usize>(&self, item: &Item<'_, D>, value: P::Share<T>)
            where
                P: FixedPartition<D>,
            {
                self.slots.set(item, value);
            }

            /// Writes the item's `k`-th element.
            ///
            /// # Panics
            /// If the item owns no more than `k` elements.
            #[inline(always)]
            #[track_caller]
            pub fn set_at<const D: usize>(&self, item: &Item<'_, D>, k: usize, value: T)
            where
                P: Partition<D>,
            {
                let slot = self.slots.checked_slot(item, k, true);
                // SAFETY: rule 2: the item's one token is here, and by the contract of `Partition` nobody else has access to
                // this element, and a `&mut` to it would have borrowed the token mutably.
                unsafe { slot.write(value) }
            }

            /// Writes all elements of the item: to the `k`-th goes `value(k)`.
            #[inline(always)]
            #[track_caller]
            pub fn set_each<const D: usize>(&self, item: &Item<'_, D>, value: impl FnMut(usize) -> T)
            where
                P: Partition<D>,
            {
                self.slots.set_each(item, value);
            }

            /// How many elements each item owns. Known at compile time for all partitions but those that share out
            /// whatever there is, like [`Rows`](crate::partition::Rows).
            #[inline(always)]
            pub fn count<const D: usize>(&self, _: &Item<'_, D>) -> usize
            where
                P: Partition<D>,
            {
                self.slots.count::<D>()
            }

            /// The item's elements, which lie side by side, as a slice. It holds what the buffer held before. The item is
            /// borrowed as long as the slice is.
            #[inline(always)]
            #[track_caller]
            pub fn slice_mut<'i, const D: usize>(&'i self, item: &'i mut Item<'_, D>) -> &'i mut [T]
            where
                P: Contiguous<D>,
            {
                self.slots.slice_mut(item)
            }

            /// Writes any element, whoever owns it, and checks nothing.
            ///
            /// On the host, checked mode (debug builds, and release builds with `GEOBACTER_CHECK=1`) verifies both
            /// conditions below for the elements that are accessed this way; `item` is whom it names then.
            ///
            /// # Safety
            /// `index` is less than [`len`](Self::len). From the last barrier before this call to the first one after it, no
            /// other item accesses that element, and this item holds no reference to it; items of other work-groups do
            /// not access it during the whole launch.
            #[inline(always)]
            #[track_caller]
            pub unsafe fn set_unchecked<const D: usize>(&self, item: &Item<'_, D>, index: usize, value: T) {
                // SAFETY: this function's contract: it lies in the buffer and nobody else accesses it.
                unsafe { self.slots.anywhere(item, index, true).write(value) }
            }
        }

        impl<T: Copy + Send, const N: usize> $name<'_, T, PerGroup<N>> {
            /// Writes the work-group's elements: to the `j`-th goes `value(j)`. The items of the group do it together, each
            /// element by one of them.
            ///
            /// There is no barrier in it: only a [leader](Self::group_block) can look at the elements, and
            /// [`once`](Workgroup::once) begins with one.
            #[inline(always)]
            pub fn fill<const D: usize>(&self, wg: &Workgroup<'_, D>, value: impl Fn(usize) -> T + Sync) {
                wg.assert_group_scope();
                let (block, items) = (self.slots.block(wg.group_index()).cast::<T>(), wg.items());
                let block = Block { pointer: block, of: PhantomData };
                if wg.is_sequential() {
                    // One thread does it all: in the order of memory.
                    let mut j = 0;
                    while j < N {
                        // SAFETY: rule 4: at group scope nothing else runs, and `j` is less than N. A `&mut` to the block exists within `once` only,
                        // where there is no group scope.
                        unsafe { block.at(j).write(value(j)) }
                        j = j.wrapping_add(1);
                    }
                    return;
                }
                wg.each_local(|item| {
                    let mut j = item.local_index();
                    while j < N {
                        // SAFETY: as above; each `j` belongs to one item of the group: the one whose index in the group it
                        // is, modulo the group's items.
                        unsafe { block.at(j).write(value(j)) }
                        j = j.wrapping_add(items);
                    }
                });
            }

            /// The work-group's elements, to be changed by the one item that runs a [`once`](Workgroup::once). They hold what
            /// was there before. The leader is borrowed as long as they are.
            #[inline(always)]
            pub fn group_block<'i, const D: usize>(&'i self, leader: &'i mut Leader<'_, D>) -> &'i mut [T; N] {
                // SAFETY: rule 2: only one leader runs in a group, between two barriers, and it stays mutably borrowed for 'i: no
                // other access to the group's elements can begin. Other groups have other elements.
                unsafe { &mut *self.slots.block(leader.group_index()) }
            }
        }

        impl<T, P> $name<'_, T, P> {
            /// Elements in the buffer, all items' together.
            #[inline(always)]
            pub fn len(&self) -> usize {
                self.slots.length
            }

            /// Whether there are none.
            #[inline(always)]
            pub fn is_empty(&self) -> bool {
                self.slots.length == 0
            }
        }

        impl<T, P> fmt::Debug for $name<'_, T, P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("len", &self.len()).finish()
            }
        }
    )* };
}
common!(Out, InOut);

impl<T: Copy, P> InOut<'_, T, P> {
    /// Reads all elements of the item, as one value like that of [`set`](Self::set).
    #[inline(always)]
    #[track_caller]
    pub fn get<const D: usize>(&self, item: &Item<'_, D>) -> P::Share<T>
    where
        P: FixedPartition<D>,
    {
        let mut share = core::mem::MaybeUninit::<P::Share<T>>::uninit();
        let parts = share.as_mut_ptr().cast::<T>();
        let mut k = 0;
        while k < self.slots.count::<D>() {
            // SAFETY: by the contract of `FixedPartition` a share is an array of the item's elements, and `k` is one of them.
            // Rule 2: the item's one token is here, and by the contract of `Partition` nobody writes this element meanwhile.
            unsafe { parts.add(k).write(self.slots.slot(item, k, false).read()) }
            k = k.wrapping_add(1);
        }
        // SAFETY: contract of `FixedPartition`: the loop wrote all of its elements.
        unsafe { share.assume_init() }
    }

    /// Reads the item's `k`-th element.
    ///
    /// # Panics
    /// If the item owns no more than `k` elements.
    #[inline(always)]
    #[track_caller]
    pub fn get_at<const D: usize>(&self, item: &Item<'_, D>, k: usize) -> T
    where
        P: Partition<D>,
    {
        let slot = self.slots.checked_slot(item, k, false);
        // SAFETY: rule 2: the item's one token is here, and by the contract of `Partition` nobody writes this element meanwhile.
        unsafe { slot.read() }
    }

    /// The item's `k`-th element, to be changed in place. The item is borrowed as long as the element is.
    ///
    /// # Panics
    /// If the item owns no more than `k` elements.
    #[inline(always)]
    #[track_caller]
    pub fn at_mut<'i, const D: usize>(&'i self, item: &'i mut Item<'_, D>, k: usize) -> &'i mut T
    where
        P: Partition<D>,
    {
        let slot = self.slots.checked_slot(item, k, true);
        // SAFETY: rule 2: the item's one token stays mutably borrowed for 'i: no other access to this element can begin.
        unsafe { &mut *slot }
    }

    /// Reads any element, whoever owns it, and checks nothing. Checked mode: as for [`set_unchecked`](Self::set_unchecked).
    ///
    /// # Safety
    /// `index` is less than [`len`](Self::len). From the last barrier before this call to the first one after it, no other
    /// item writes that element, and this item holds no `&mut` to it; items of other work-groups do not write it during
    /// the whole launch.
    #[inline(always)]
    #[track_caller]
    pub unsafe fn get_unchecked<const D: usize>(&self, item: &Item<'_, D>, index: usize) -> T {
        // SAFETY: this function's contract: it lies in the buffer and nobody writes it.
        unsafe { self.slots.anywhere(item, index, false).read() }
    }
}

impl<T: Copy> InOut<'_, T> {
    /// The item's element, to be changed in place. The item is borrowed as long as the element is.
    #[inline(always)]
    pub fn at<'i, const D: usize>(&'i self, item: &'i mut Item<'_, D>) -> &'i mut T {
        // SAFETY: every item has one element. Rule 2: its one token stays mutably borrowed for 'i: no other access
        // to this element can begin.
        unsafe { &mut *self.slots.slot(item, 0, true) }
    }
}
