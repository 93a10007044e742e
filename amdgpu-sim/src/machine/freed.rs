//! What was freed: so that a report can name it, and so that its addresses are not given away at once.

use std::collections::{BTreeMap, VecDeque};

use super::{fault::FaultPlace, memory::Block};

/// Most allocations that are remembered after they were freed.
const REMEMBERED: usize = 4096;
/// Most bytes that are kept from the host for a while, where allocations are tracked.
const KEPT: usize = 256 << 20;

/// Freed allocations, the latest ones.
#[derive(Debug, Default)]
pub struct Freed {
    /// Sizes by first address. None overlaps another one, or a live allocation.
    sizes: BTreeMap<u64, u64>,
    /// First addresses, oldest first; some may have been forgotten.
    order: VecDeque<u64>,
    /// Blocks whose addresses shall not be given away yet, oldest first.
    kept: VecDeque<Block>,
    kept_bytes: usize,
}

impl Freed {
    /// An allocation was freed.
    pub fn note(&mut self, base: u64, size: u64) {
        self.sizes.insert(base, size);
        self.order.push_back(base);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
            && !self.order.contains(&oldest)
        {
            self.sizes.remove(&oldest);
        }
    }

    /// These bytes are live again: what was freed there is forgotten.
    pub fn reuse(&mut self, base: u64, size: u64) {
        let end = base + size;
        let before = self.sizes.range(..base).next_back().filter(|(at, size)| *at + *size > base).map(|(at, _)| *at);
        let inside: Vec<_> = self.sizes.range(base..end).map(|(at, _)| *at).chain(before).collect();
        for at in inside {
            self.sizes.remove(&at);
        }
    }

    /// Keeps a block from the host for a while; gives those that were kept long enough.
    pub fn keep(&mut self, block: Block) -> Vec<Block> {
        self.kept_bytes += block.size();
        self.kept.push_back(block);
        let mut old = Vec::new();
        while self.kept_bytes > KEPT
            && let Some(block) = self.kept.pop_front()
        {
            self.kept_bytes -= block.size();
            old.push(block);
        }
        old
    }

    /// The freed allocation that held this address.
    pub fn find(&self, at: u64) -> Option<FaultPlace> {
        let (address, size) = self.sizes.range(..=at).next_back().map(|(address, size)| (*address, *size))?;
        (at - address < size).then_some(FaultPlace::Freed { address, size, offset: at - address })
    }
}
