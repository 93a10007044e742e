//! The memory behind the handles: pointer and length, and the ways in which a group's items share out its elements.

use geobacter_lang::{LocalItem, Workgroup};

/// Elements of LDS. Copied freely inside this crate; the handles around it see to it that rules 5 and 6 hold.
pub(crate) struct Region<T> {
    pub(crate) pointer: *mut T,
    pub(crate) length: usize,
}

impl<T> Clone for Region<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Region<T> {}

// SAFETY: rule 6: in each phase an element is touched by one item only, or read by all. The elements move between threads.
unsafe impl<T: Send> Send for Region<T> {}
// SAFETY: as above; and elements that are read by all are `Sync`.
unsafe impl<T: Send + Sync> Sync for Region<T> {}

impl<T: Copy + Send + Sync> Region<T> {
    /// A phase in which each item of the group touches its own element, the one with the item's number: barrier, `body` with
    /// the element's address, barrier. Items without an element do nothing.
    #[inline(always)]
    pub(crate) fn own<const D: usize>(
        self,
        workgroup: &Workgroup<'_, D>,
        body: impl Fn(LocalItem<'_, D>, *mut T) + Sync,
    ) {
        workgroup.barrier();
        workgroup.each_local_below(self.length, |item| {
            let number = item.local_index();
            body(item, self.element(number));
        });
        workgroup.barrier();
    }

    /// A phase in which every element is touched by one item: barrier, `body` with each element's number and address,
    /// barrier.
    #[inline(always)]
    pub(crate) fn all<const D: usize>(self, workgroup: &Workgroup<'_, D>, body: impl Fn(usize, *mut T) + Sync) {
        workgroup.barrier();
        self.share_out(workgroup, self.length, |number| body(number, self.element(number)));
        workgroup.barrier();
    }

    /// Numbers up to `count`, each for one item: item 0 gets 0, `items`, `2 * items` and so on.
    #[inline(always)]
    pub(crate) fn share_out<const D: usize>(
        self,
        workgroup: &Workgroup<'_, D>,
        count: usize,
        body: impl Fn(usize) + Sync,
    ) {
        if workgroup.is_sequential() {
            // One thread does it all: in the order of memory.
            workgroup.for_all_items(|| {
                for number in 0..count {
                    body(number);
                }
            });
        } else {
            // In 32 bits, which GPUs count in: both are at most the size of LDS, so their sum does not wrap.
            let (items, count) = (workgroup.items() as u32, count as u32);
            workgroup.each_local(|item| {
                let mut number = item.local_index() as u32;
                while number < count {
                    body(number as usize);
                    number = number.wrapping_add(items);
                }
            });
        }
    }

    /// The address of an element, whose number is less than the length.
    #[inline(always)]
    pub(crate) fn element(self, number: usize) -> *mut T {
        // SAFETY: rule 5: the allocation has as many elements as the length says; the number is less, every caller in this crate
        // has compared them.
        unsafe { self.pointer.add(number) }
    }
}
