//! Memory for what a program names by its address, and the simulator must find fast.
//!
//! A signal's or a queue's handle is an address, and functions that take one are called for every launch: a table with
//! a lock would cost more than what they do. So such things live in slots of one array that stays for as long as the
//! process. Whether an address is that of a slot is then a comparison, a slot can be read whatever has become of the
//! thing in it, and each slot says itself whether what is in it is alive. Slots that were given back rest for a while,
//! so that a handle that is used too late is seldom somebody else's.

use std::{
    alloc::{Layout, alloc_zeroed},
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicPtr, Ordering},
    },
};

use super::state::lock;

/// Slots that rest before one of them is used again.
const REST: usize = 1024;

/// What can be in a slot.
///
/// # Safety
/// Zeroed bytes are a value of it.
pub unsafe trait Slot: Sync + 'static {}

/// An array of slots. Its memory is taken from the host at the first use, and costs what is used of it.
#[derive(Debug)]
pub struct Arena<T> {
    first: AtomicPtr<T>,
    capacity: usize,
    free: Mutex<Free>,
}

#[derive(Debug)]
struct Free {
    /// Slots from this one on were never used.
    fresh: usize,
    /// Slots that were given back, the one that has rested longest first.
    resting: VecDeque<usize>,
}

impl<T: Slot> Arena<T> {
    /// An array of this many slots.
    pub const fn new(capacity: usize) -> Self {
        assert!(size_of::<T>().is_power_of_two(), "an address is held against slots by shift and mask");
        let free = Free { fresh: 0, resting: VecDeque::new() };
        Self { first: AtomicPtr::new(std::ptr::null_mut()), capacity, free: Mutex::new(free) }
    }

    /// The addresses of the array, from the first one to past the last one. `None` if the host has no memory for it.
    pub fn extent(&self) -> Option<(u64, u64)> {
        let _alone = lock(&self.free);
        let first = self.place()? as u64;
        Some((first, first + (self.capacity * size_of::<T>()) as u64))
    }

    /// The first slot. To be called under the lock.
    fn place(&self) -> Option<*mut T> {
        let mut first = self.first.load(Ordering::Acquire);
        if first.is_null() {
            first = Self::reserve(self.capacity)?;
            self.first.store(first, Ordering::Release);
        }
        Some(first)
    }

    /// A slot that nobody has. `None` if all are taken, or the host has no memory for the array.
    pub fn take(&'static self) -> Option<&'static T> {
        let mut free = lock(&self.free);
        let first = self.place()?;
        let index = if free.fresh < self.capacity && free.resting.len() < REST {
            free.fresh += 1;
            free.fresh - 1
        } else {
            free.resting.pop_front()?
        };
        // SAFETY: inside the array, which stays; zeroed bytes are a `T`.
        Some(unsafe { &*first.add(index) })
    }

    /// Takes a slot back that [`take`](Self::take) gave.
    pub fn give_back(&self, slot: &'static T) {
        if let Some(index) = self.index(std::ptr::from_ref(slot) as u64) {
            lock(&self.free).resting.push_back(index);
        }
    }

    /// The slot at this address, whether somebody has it or not.
    #[inline]
    pub fn find(&'static self, address: u64) -> Option<&'static T> {
        let index = self.index(address)?;
        // SAFETY: there is a slot at the address, so the array is there; it stays, and zeroed bytes are a `T`.
        Some(unsafe { &*self.first.load(Ordering::Acquire).add(index) })
    }

    #[inline]
    fn index(&self, address: u64) -> Option<usize> {
        let first = self.first.load(Ordering::Acquire);
        let offset = usize::try_from(address).ok()?.wrapping_sub(first as usize);
        let index = offset / size_of::<T>();
        (!first.is_null() && index < self.capacity && offset.is_multiple_of(size_of::<T>())).then_some(index)
    }

    fn reserve(capacity: usize) -> Option<*mut T> {
        // Aligned by hand: memory that is asked for with a large alignment is zeroed by writing to all of it.
        let layout = Layout::from_size_align(capacity.checked_add(1)?.checked_mul(size_of::<T>())?, 8).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        // SAFETY: there is one slot more than needed, and the step to the next aligned address is less than a slot.
        (!start.is_null()).then(|| unsafe { start.add(start.align_offset(align_of::<T>())) }.cast())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[repr(C, align(32))]
    struct Thing([AtomicU64; 4]);

    // SAFETY: made of atomic integers.
    unsafe impl Slot for Thing {}

    #[test]
    fn only_slots_are_found() {
        static ARENA: Arena<Thing> = Arena::new(4);
        assert!(ARENA.find(64).is_none(), "before the array is there");
        let taken: Vec<_> = (0..4).map(|_| ARENA.take().unwrap()).collect();
        assert!(ARENA.take().is_none(), "all are taken");
        let address = |thing: &Thing| std::ptr::from_ref(thing) as u64;
        for thing in &taken {
            assert!(std::ptr::eq(ARENA.find(address(thing)).unwrap(), *thing));
            assert!(ARENA.find(address(thing) + 8).is_none(), "inside of a slot");
        }
        assert!(ARENA.find(0).is_none() && ARENA.find(u64::MAX - 31).is_none());
        assert!(ARENA.find(address(taken[3]) + 32).is_none() && ARENA.find(address(taken[0]) - 32).is_none());
        taken[2].0[0].store(7, Ordering::Relaxed);
        ARENA.give_back(taken[2]);
        ARENA.give_back(taken[1]);
        assert!(std::ptr::eq(ARENA.take().unwrap(), taken[2]), "the one that has rested longest");
        assert_eq!(taken[2].0[0].load(Ordering::Relaxed), 7, "as it was left");
    }
}
