//! LDS: races, and reads of what was never written.
//!
//! Loads and stores of LDS that are atomic in the source are plain `ds_read` and `ds_write` in the code. So a plain load
//! beside an atomic operation is no race here: it may be an atomic load. A plain store beside one is.
//!
//! Padding in a value, and the unused part of an enum, are never written, and are read when the value is copied. So bytes
//! that were never written are a fault only if they are a whole access, or if they are a whole word of it and the bytes
//! beside them were written by different items, and so belong to different values.

use super::record::{AccessKind, AtomicOrder, Clash, Pair, Record};
use crate::machine::{fault::FaultKind, memory::Access};

/// What is known of one unit.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    write: Record,
    updates: Pair,
    reads: Pair,
}

impl Cell {
    fn writer(&self) -> Option<Record> {
        if self.write.is_some() { Some(self.write) } else { self.updates.first() }
    }
}

/// Records of a work-group's LDS: for each word, until something smaller is accessed, then for each byte.
#[derive(Debug)]
pub struct LdsShadow {
    cells: Vec<Cell>,
    /// Binary logarithm of a unit's bytes.
    shift: u32,
}

impl Default for LdsShadow {
    fn default() -> Self {
        Self { cells: Vec::new(), shift: 2 }
    }
}

impl LdsShadow {
    /// Nothing was accessed yet.
    pub fn clear(&mut self, size: usize) {
        self.shift = 2;
        self.cells.clear();
        self.cells.resize(size.div_ceil(4), Cell::default());
    }

    fn split(&mut self) {
        self.cells = self.cells.iter().flat_map(|cell| [*cell; 4]).collect();
        self.shift = 0;
    }

    /// Checks an access, and records it.
    pub fn access(
        &mut self,
        offset: u64,
        size: u64,
        access: Access,
        me: Record,
        order: &AtomicOrder,
    ) -> Result<(), Clash> {
        if self.shift != 0 && (offset | size) & 3 != 0 {
            self.split();
        }
        let reads = matches!(access, Access::Load | Access::ScalarLoad | Access::AtomicLoad | Access::Update);
        if reads && let Some(missing) = self.never_written(offset, size) {
            return Err(Clash { kind: FaultKind::UninitializedRead, at: missing, first: None });
        }
        let shift = self.shift;
        let units = (offset >> shift) as usize..((offset + size) >> shift) as usize;
        for (index, cell) in self.cells[units].iter_mut().enumerate() {
            let at = offset + ((index as u64) << shift);
            let clash = |kind, first, was| Err(Clash { kind, at, first: Some((first, was)) });
            match access {
                Access::Load | Access::ScalarLoad | Access::AtomicLoad => {
                    if cell.write.unordered(me, order) {
                        return clash(FaultKind::Race, cell.write, AccessKind::Store);
                    }
                    cell.reads.add(me);
                }
                Access::Store => {
                    if cell.write.unordered(me, order) {
                        return clash(FaultKind::OverlappingWrites, cell.write, AccessKind::Store);
                    }
                    if let Some(update) = cell.updates.unordered(me, order) {
                        return clash(FaultKind::OverlappingWrites, update, AccessKind::Atomic);
                    }
                    if let Some(read) = cell.reads.unordered(me, order) {
                        return clash(FaultKind::Race, read, AccessKind::Load);
                    }
                    cell.write = me;
                }
                Access::AtomicStore | Access::Update | Access::Exchange => {
                    if cell.write.unordered(me, order) {
                        return clash(FaultKind::OverlappingWrites, cell.write, AccessKind::Store);
                    }
                    cell.updates.add(me);
                }
            }
        }
        Ok(())
    }

    /// A write that a barrier did not complete counts as one behind the barrier, too.
    pub fn repeat_write(&mut self, offset: u64, size: u64, me: Record) {
        let units = (offset >> self.shift) as usize..(offset + size).div_ceil(1 << self.shift) as usize;
        for cell in self.cells.get_mut(units).into_iter().flatten() {
            if cell.write.item == me.item && cell.write.ip == me.ip && cell.write.is_some() {
                cell.write.phase = me.phase;
            }
        }
    }

    /// The first byte of the access that nobody wrote, where that is a fault.
    fn never_written(&self, offset: u64, size: u64) -> Option<u64> {
        let writer = |byte: u64| self.cells[(byte >> self.shift) as usize].writer();
        let bytes = offset..offset + size;
        let missing = bytes.clone().find(|byte| writer(*byte).is_none())?;
        let mut writers = bytes.clone().filter_map(writer);
        let Some(one) = writers.next() else { return Some(missing) };
        if !writers.any(|writer| writer.item != one.item) {
            return None;
        }
        // Words of the access, by their first byte.
        let mut words = bytes.step_by(4);
        words.find(|word| (*word..*word + 4).all(|byte| byte >= offset + size || writer(byte).is_none()))
    }
}
