//! A device's memory as a program takes it: what is given back is kept and given again, counted, and bounded.
//!
//! ```text
//!   allocate --kept block of that size--> reuse        (microseconds)
//!      | none
//!      v
//!   under the limit? --no--> give kept blocks back to the driver, then: out of memory (limited)
//!      | yes
//!      v
//!   driver --out of memory--> give kept blocks back, wait for work in flight, try again, then: out of memory
//! ```
//! Sizes are rounded up to eight steps in each power of two, so that a block fits again; at most an eighth is lost. On
//! simulated devices they are not, so that an access behind a buffer's end is found.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::driver::{DeviceInfo, DeviceKind, Driver, DriverError, Memory, MemoryKind, OutOfMemory};

/// What a program takes of a device's memory. All sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStatistics {
    /// What buffers, and work in flight, have now.
    pub in_use: u64,
    /// The most that they had at any time.
    pub peak: u64,
    /// What was given back and is kept for the next buffer.
    pub kept: u64,
    /// Buffers, and dropped buffers that work in flight still uses.
    pub live: u64,
    /// How often the driver was asked for memory.
    pub from_driver: u64,
    /// How often kept memory was enough.
    pub reused: u64,
    /// The most that the program may have; `None`: what the device has.
    pub limit: Option<u64>,
}

/// The memory of one device, as this program takes it. A handle: clones are the same pool.
#[derive(Clone)]
pub struct MemoryPool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Whether sizes are rounded.
    rounds: bool,
    /// The most bytes that are kept.
    keep: u64,
    total: u64,
}

#[derive(Default)]
struct State {
    /// Blocks that nobody uses, by kind and size.
    kept: BTreeMap<(MemoryKind, u64), Vec<Arc<dyn Memory>>>,
    statistics: MemoryStatistics,
}

/// One block in use; it goes back to its pool when dropped.
pub(crate) struct Block {
    memory: Arc<dyn Memory>,
    pool: MemoryPool,
    kind: MemoryKind,
    size: u64,
}

impl MemoryPool {
    pub(crate) fn new(info: &DeviceInfo) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            rounds: info.kind != DeviceKind::Simulator,
            keep: info.memory / 4,
            total: info.memory,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in use, and what is kept.
    pub fn statistics(&self) -> MemoryStatistics {
        self.state().statistics
    }

    /// Bounds what this program takes of the device, kept memory included; `None` takes the bound away. What is in use
    /// beyond a new bound stays.
    pub fn set_limit(&self, bytes: Option<u64>) {
        let mut state = self.state();
        state.statistics.limit = bytes;
        let excess = bytes.map_or(0, |limit| {
            let MemoryStatistics { in_use, kept, .. } = state.statistics;
            (in_use + kept).saturating_sub(limit)
        });
        let freed = state.take_kept(excess);
        drop(state);
        drop(freed);
    }

    /// Gives all kept memory back to the device, and says how many bytes those were.
    pub fn trim(&self) -> u64 {
        let mut state = self.state();
        let bytes = state.statistics.kept;
        let freed = state.take_kept(u64::MAX);
        drop(state);
        drop(freed);
        bytes
    }

    fn block_size(&self, bytes: u64) -> u64 {
        const LEAST: u64 = 256;
        if !self.0.rounds || bytes > 1 << 60 {
            return bytes.max(1);
        }
        let bytes = bytes.max(LEAST);
        bytes.next_multiple_of(1 << (bytes.ilog2() - 3))
    }

    /// Memory of at least `bytes` bytes; all zero if asked for. `reclaim` waits for work in flight, which may hold
    /// memory that nobody else has.
    pub(crate) fn allocate(
        &self,
        driver: &dyn Driver,
        bytes: u64,
        kind: MemoryKind,
        zeroed: bool,
        reclaim: impl Fn(),
    ) -> Result<Block, DriverError> {
        let size = self.block_size(bytes);
        if let Some(memory) = self.reuse(kind, size) {
            let block = Block { memory, pool: self.clone(), kind, size };
            if zeroed {
                block.memory.zero(0, bytes)?;
            }
            return Ok(block);
        }
        let mut reclaimed = false;
        loop {
            let failure = match self.admit(kind, size) {
                Err(limited) => limited,
                Ok(()) => match driver.allocate(size, kind) {
                    Ok(memory) => return Ok(Block { memory, pool: self.clone(), kind, size }),
                    Err(error) => {
                        let freed = self.withdraw(size);
                        match error {
                            DriverError::OutOfMemory(_) if freed => continue,
                            DriverError::OutOfMemory(failure) => failure,
                            error => return Err(error),
                        }
                    }
                },
            };
            if reclaimed {
                let in_use = self.statistics().in_use;
                return Err(DriverError::OutOfMemory(OutOfMemory { requested: bytes, in_use, ..failure }));
            }
            reclaimed = true;
            reclaim();
        }
    }

    fn reuse(&self, kind: MemoryKind, size: u64) -> Option<Arc<dyn Memory>> {
        let mut state = self.state();
        let memory = state.kept.get_mut(&(kind, size))?.pop()?;
        state.statistics.kept -= size;
        state.statistics.reused += 1;
        state.statistics.take(size);
        Some(memory)
    }

    /// Counts a block that the driver is about to be asked for, if the limit allows it.
    fn admit(&self, kind: MemoryKind, size: u64) -> Result<(), OutOfMemory> {
        let mut state = self.state();
        let mut freed = Vec::new();
        if let Some(limit) = state.statistics.limit {
            let MemoryStatistics { in_use, kept, .. } = state.statistics;
            let wanted = in_use.saturating_add(size);
            if wanted > limit {
                return Err(OutOfMemory { limited: true, ..OutOfMemory::new(size, kind, limit) });
            }
            freed = state.take_kept(wanted.saturating_add(kept).saturating_sub(limit));
        }
        state.statistics.from_driver += 1;
        state.statistics.take(size);
        drop(state);
        drop(freed);
        Ok(())
    }

    /// Takes that back, and gives kept memory back to the driver. Whether there was any.
    fn withdraw(&self, size: u64) -> bool {
        let mut state = self.state();
        state.statistics.in_use -= size;
        state.statistics.live -= 1;
        let freed = state.take_kept(u64::MAX);
        drop(state);
        !freed.is_empty()
    }

    fn give_back(&self, memory: Arc<dyn Memory>, kind: MemoryKind, size: u64) {
        let mut state = self.state();
        state.statistics.in_use -= size;
        state.statistics.live -= 1;
        let MemoryStatistics { in_use, kept, limit, .. } = state.statistics;
        let room = self.0.keep.min(limit.unwrap_or(self.0.total).saturating_sub(in_use)).saturating_sub(kept);
        if size <= room {
            state.statistics.kept += size;
            state.kept.entry((kind, size)).or_default().push(memory);
        } else {
            // Freed without the lock: that may take the driver a while.
            drop(state);
            drop(memory);
        }
    }
}

impl State {
    /// Kept blocks of at least so many bytes, the largest first, or all.
    fn take_kept(&mut self, bytes: u64) -> Vec<Arc<dyn Memory>> {
        let mut taken = Vec::new();
        let mut sum = 0;
        let mut keys: Vec<_> = self.kept.keys().copied().collect();
        keys.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
        for key in keys {
            let Some(blocks) = self.kept.get_mut(&key) else { continue };
            while sum < bytes
                && let Some(block) = blocks.pop()
            {
                sum += key.1;
                taken.push(block);
            }
            if blocks.is_empty() {
                self.kept.remove(&key);
            }
        }
        self.statistics.kept -= sum;
        taken
    }
}

impl MemoryStatistics {
    fn take(&mut self, size: u64) {
        self.in_use += size;
        self.live += 1;
        self.peak = self.peak.max(self.in_use);
    }
}

impl Block {
    pub(crate) fn memory(&self) -> &Arc<dyn Memory> {
        &self.memory
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.pool.give_back(Arc::clone(&self.memory), self.kind, self.size);
    }
}

impl fmt::Debug for MemoryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryPool").field(&self.statistics()).finish()
    }
}
