//! The memory of a thread for what belongs to a work-group: LDS, and the items' private values.
//!
//! A stack of blocks. A block that is given back goes as soon as no younger one is alive, and all go when their group ends.
//! The memory stays with the thread, for the groups to come.

use std::alloc::{self, Layout};

/// The smallest chunk of memory in bytes: LDS of a GPU's work-group, and as much for private values.
const CHUNK: usize = 128 * 1024;
/// Alignment of chunks in bytes.
const CHUNK_ALIGN: usize = 256;

/// A stack of blocks of memory.
#[derive(Debug)]
pub(crate) struct Arena {
    chunks: Vec<Chunk>,
    /// Oldest first. Those of one chunk stand in the order of their addresses.
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Chunk {
    memory: *mut u8,
    layout: Layout,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    memory: *mut u8,
    /// Index of its chunk.
    chunk: usize,
    /// One past its end, as an offset in its chunk.
    end: usize,
    alive: bool,
}

impl Arena {
    /// No memory yet.
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), blocks: Vec::new() }
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Takes the youngest blocks away until `len` are left.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.blocks.truncate(len);
    }

    /// A block of this size, not initialised. `align` is a power of two. No two blocks have one address, whatever their size:
    /// it is what [`release`](Self::release) knows them by.
    pub(crate) fn push(&mut self, size: usize, align: usize) -> *mut u8 {
        // No two blocks have one address, by which they are given back.
        let size = size.max(1);
        let (mut index, mut taken) = self.blocks.last().map_or((0, 0), |block| (block.chunk, block.end));
        loop {
            let Some(chunk) = self.chunks.get(index) else {
                self.chunks.push(Chunk::new(size.max(CHUNK), align.max(CHUNK_ALIGN)));
                continue;
            };
            let start = taken.next_multiple_of(align);
            if chunk.layout.align() >= align
                && let Some(end) = start.checked_add(size.max(1)).filter(|&end| end <= chunk.layout.size())
            {
                // SAFETY: the offset lies in the chunk.
                let memory = unsafe { chunk.memory.add(start) };
                self.blocks.push(Block { memory, chunk: index, end, alive: true });
                return memory;
            }
            (index, taken) = (index + 1, 0);
        }
    }

    /// Takes the block at this address away, now or as soon as it is the last.
    pub(crate) fn release(&mut self, memory: *mut u8) {
        if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.memory == memory && block.alive) {
            block.alive = false;
        }
        while self.blocks.last().is_some_and(|block| !block.alive) {
            self.blocks.pop();
        }
    }
}

impl Chunk {
    fn new(size: usize, align: usize) -> Self {
        let Ok(layout) = Layout::from_size_align(size, align) else {
            // No memory is that large.
            alloc::handle_alloc_error(Layout::new::<u8>());
        };
        // SAFETY: the size is not zero: a chunk has at least `CHUNK` bytes.
        let memory = unsafe { alloc::alloc(layout) };
        if memory.is_null() {
            alloc::handle_alloc_error(layout);
        }
        Self { memory, layout }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { alloc::dealloc(self.memory, self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes all of a block's bytes.
    fn fill(memory: *mut u8, size: usize, byte: u8) {
        // SAFETY: the arena gave that many bytes.
        unsafe { memory.write_bytes(byte, size) }
    }

    /// Whether all of a block's bytes are what they were set to; under Miri, which takes its time, a part of them.
    fn holds(memory: *mut u8, size: usize, byte: u8) -> bool {
        let step = if cfg!(miri) { 1009 } else { 1 };
        // SAFETY: as above, and `fill` has written them.
        (0..size).step_by(step).chain(size.checked_sub(1)).all(|at| unsafe { memory.add(at).read() } == byte)
    }

    #[test]
    fn blocks_do_not_overlap() {
        let mut arena = Arena::new();
        let sizes =
            [(1, 1), (0, 1), (7, 2), (0, 64), (CHUNK - 4000, 4096), (5000, 1), (3, 512), (2 * CHUNK, 16), (1, 1)];
        let blocks: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(n, &(size, align))| (arena.push(size, align), size, align, n as u8))
            .collect();
        blocks.iter().for_each(|&(memory, size, _, n)| fill(memory, size, n));
        assert!(blocks.iter().all(|&(memory, size, align, n)| holds(memory, size, n) && memory.addr() % align == 0));
        let mut addresses: Vec<_> = blocks.iter().map(|block| block.0).collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), blocks.len(), "an address is one block's, even if it has no bytes");
    }

    #[test]
    fn a_block_stays_until_it_is_given_back() {
        let mut arena = Arena::new();
        let [a, nothing, b] = [(100, 4), (0, 4), (100, 4)].map(|(size, align)| arena.push(size, align));
        fill(b, 100, 1);
        arena.release(nothing);
        arena.release(a);
        let c = arena.push(300, 4);
        fill(c, 300, 2);
        assert!(holds(b, 100, 1));
        arena.release(c);
        arena.release(b);
        assert_eq!(arena.len(), 0);
        assert_eq!(arena.push(50, 4), a, "memory is used again");
    }

    #[test]
    fn a_group_within_a_group_leaves_its_memory_alone() {
        let mut arena = Arena::new();
        let outer = arena.push(64, 8);
        fill(outer, 64, 1);
        let before = arena.len();
        for _ in 0..3 {
            let inner = arena.push(CHUNK, 8);
            fill(inner, CHUNK, 2);
            arena.truncate(before);
        }
        assert!(holds(outer, 64, 1));
        assert_eq!(arena.chunks.len(), 2);
    }
}
