//! Values that belong to one item and outlive an `each`.

use core::{cell::UnsafeCell, fmt, hint, marker::PhantomData, mem::MaybeUninit, ptr};

use crate::{intrinsics as gb, item::WorkItem};

/// A value for each item of a work-group: a register on a GPU, an array with a slot for each item on the host.
///
/// Made by [`Workgroup::private`](crate::Workgroup::private). Group scope can hold it but not look into it; an item reaches
/// its own value with its token.
pub struct Private<'k, T> {
    /// The value, where one call runs one item, and where it has no bytes.
    own: UnsafeCell<MaybeUninit<T>>,
    /// The first of the group's slots, where one call runs the whole group; null where the value stands in `own`.
    slots: *mut T,
    scope: PhantomData<&'k ()>,
}

// SAFETY: rule 2: a slot is reached only through its item's token, which stays on one thread; values move between threads.
unsafe impl<T: Send> Sync for Private<'_, T> {}

impl<T: Copy> Private<'_, T> {
    /// For [`Workgroup::private_with`](crate::Workgroup::private_with) only, which writes every slot before it hands it out.
    ///
    /// `several`: one call runs all items of a group of more than one.
    #[inline(always)]
    pub(crate) fn uninitialized(several: bool) -> Self {
        // Values without a size need no slots: they can all be in one place.
        let slots = if several && size_of::<T>() != 0 {
            // SAFETY: rule 4: called at group scope; given back when the `Private` goes.
            let slots = unsafe { gb::__gb_private(const { gb::size::<T>() }, const { align_of::<T>() as u32 }) };
            // SAFETY: contract of the intrinsic: there are slots where one call runs several items. Said here, so that no
            // access asks.
            unsafe { hint::assert_unchecked(!slots.is_null()) };
            slots
        } else {
            ptr::null_mut()
        };
        Self { own: UnsafeCell::new(MaybeUninit::uninit()), slots: slots.cast(), scope: PhantomData }
    }
}

impl<T> Private<'_, T> {
    #[inline(always)]
    fn slot(&self, item: &impl WorkItem) -> *mut T {
        if self.slots.is_null() {
            self.own.get().cast()
        } else {
            // SAFETY: rule 3: the token is this group's, and the intrinsic gave a slot for each item of the group.
            unsafe { self.slots.add(item.slot()) }
        }
    }

    /// The item's value.
    #[inline(always)]
    pub fn get(&self, item: &impl WorkItem) -> T
    where
        T: Copy,
    {
        // SAFETY: rule 2: the token is here, so nobody writes this slot meanwhile; all slots were written at the start.
        unsafe { self.slot(item).read() }
    }

    /// Changes the item's value.
    #[inline(always)]
    pub fn set(&self, item: &impl WorkItem, value: T) {
        // SAFETY: rule 2: the token is here, and a `&mut` to the slot would have borrowed it.
        unsafe { self.slot(item).write(value) }
    }

    /// The item's value, to be changed in place. The item is borrowed as long as the value is.
    #[inline(always)]
    pub fn at<'a>(&'a self, item: &'a mut impl WorkItem) -> &'a mut T {
        // SAFETY: rule 2: the token stays mutably borrowed, so no other access to this slot can begin; all slots were
        // written at the start.
        unsafe { &mut *self.slot(item) }
    }
}

impl<T> Drop for Private<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.slots.is_null() {
            // SAFETY: rule 2: whoever reaches a slot borrows the handle, and it goes. The intrinsic gave this pointer.
            unsafe { gb::__gb_release(self.slots.cast()) }
        }
    }
}

impl<T> fmt::Debug for Private<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Private").finish_non_exhaustive()
    }
}
