//! Order between work-groups that programs make with atomic operations: locks, flags, counters.
//!
//! A machine instruction does not show whether it acquires or releases, or whether what it reads is what the other one
//! wrote. So all that may be ordered counts as ordered, and nothing that is right is reported: an access of one
//! work-group, later an atomic instruction of the same, later one of the other work-group, later an access of that.
//! The order of atomic instructions is that in which they were executed. A chain over other work-groups is covered, because
//! its ends are such a pair, too.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// When each work-group executed atomic instructions.
#[derive(Debug, Default)]
pub struct DispatchOrder {
    clock: AtomicU64,
    /// Of those that have ended.
    times: RwLock<HashMap<u64, Arc<[u64]>>>,
}

impl DispatchOrder {
    /// An atomic instruction is executed now.
    pub fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// A work-group has ended, which has executed atomic instructions at these times.
    pub fn ended(&self, group: u64, times: &[u64]) {
        if !times.is_empty() {
            self.times.write().unwrap_or_else(PoisonError::into_inner).insert(group, times.into());
        }
    }

    /// Whether something orders accesses of two work-groups that have ended: either before the other. An epoch is how many
    /// atomic instructions the work-group had executed before.
    pub fn orders(&self, one: (u64, u32), other: (u64, u32)) -> bool {
        let times = self.times.read().unwrap_or_else(PoisonError::into_inner);
        let before = |(first, epoch): (u64, u32), (next, next_epoch): (u64, u32)| {
            let released = times.get(&first).and_then(|times| times.get(epoch as usize));
            let acquired =
                times.get(&next).zip(next_epoch.checked_sub(1)).and_then(|(times, at)| times.get(at as usize));
            released.zip(acquired).is_some_and(|(released, acquired)| released < acquired)
        };
        before(one, other) || before(other, one)
    }
}
