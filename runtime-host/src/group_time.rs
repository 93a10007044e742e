//! How long a kernel's work-groups take, as the launches before have found.
//!
//! Whether a launch is worth more than one thread, its number of groups does not tell. A kernel's first launch has to try: one
//! group runs, and the other threads wait for it. Later launches remember.
//!
//! A small table that forgets: a kernel takes the slot of another with the same hash, and two threads may leave a mixture. What
//! comes of a wrong time is a launch that is cut into too many parts, or too few; never a wrong result.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use geobacter_runtime_core::driver::EntryFunction;

const SLOTS: usize = 256;

#[derive(Debug)]
pub(crate) struct GroupTimes {
    slots: [Slot; SLOTS],
}

#[derive(Debug)]
struct Slot {
    /// Address of the kernel's entry function; 0 for none.
    kernel: AtomicUsize,
    nanoseconds: AtomicU64,
}

impl GroupTimes {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { Slot { kernel: AtomicUsize::new(0), nanoseconds: AtomicU64::new(0) } }; SLOTS] }
    }

    /// The kernel's slot, and what says that it is the kernel's.
    fn slot(&self, kernel: EntryFunction) -> (&Slot, usize) {
        let address = kernel as usize;
        // Functions are aligned to 16 bytes.
        (&self.slots[address / 16 % SLOTS], address)
    }

    /// What one work-group of this kernel took, if it is known.
    pub(crate) fn get(&self, kernel: EntryFunction) -> Option<Duration> {
        let (slot, key) = self.slot(kernel);
        (slot.kernel.load(Ordering::Relaxed) == key)
            .then(|| Duration::from_nanos(slot.nanoseconds.load(Ordering::Relaxed)))
    }

    /// `groups` work-groups of this kernel, at least one, took that long.
    pub(crate) fn set(&self, kernel: EntryFunction, groups: u64, time: Duration) {
        let (slot, key) = self.slot(kernel);
        slot.nanoseconds.store((time.as_nanos() / u128::from(groups.max(1))) as u64, Ordering::Relaxed);
        slot.kernel.store(key, Ordering::Relaxed);
    }
}
