//! Memory: writes of different items to the same bytes.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use super::{
    Violation,
    record::{AccessKind, Clash, Pair, Record},
};
use crate::machine::{fault::FaultKind, memory::Access};

/// Binary logarithm of the bytes that are recorded together: what a wave writes when each lane writes a word.
const LINE: u32 = 8;
/// Parts of the record of a dispatch that are locked by themselves.
const SHARDS: usize = 64;

/// Who wrote a unit, within one work-group.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    write: Record,
    updates: Pair,
}

/// What is known of a line: for each word, until something smaller is written, then for each byte.
#[derive(Debug)]
struct Line<C> {
    cells: Vec<C>,
    /// Binary logarithm of a unit's bytes.
    shift: u32,
}

impl<C: Copy + Default> Line<C> {
    fn new() -> Self {
        Self { cells: vec![C::default(); 1 << (LINE - 2)], shift: 2 }
    }

    fn split(&mut self) {
        if self.shift != 0 {
            self.cells = self.cells.iter().flat_map(|cell| [*cell; 4]).collect();
            self.shift = 0;
        }
    }
}

/// What one work-group has written.
#[derive(Debug, Default)]
pub struct GroupWrites {
    places: HashMap<u64, usize>,
    lines: Vec<(u64, Line<Cell>)>,
    /// Index of the line that was used last.
    last: usize,
}

impl GroupWrites {
    /// Nothing was written yet.
    pub fn clear(&mut self) {
        self.places.clear();
        self.lines.clear();
        self.last = 0;
    }

    fn line(&mut self, number: u64) -> &mut Line<Cell> {
        if self.lines.get(self.last).is_none_or(|(of, _)| *of != number) {
            self.last = *self.places.entry(number).or_insert(self.lines.len());
            if self.last == self.lines.len() {
                self.lines.push((number, Line::new()));
            }
        }
        &mut self.lines[self.last].1
    }

    /// Checks an access, and records it if it writes.
    pub fn access(&mut self, address: u64, size: u64, access: Access, me: Record) -> Result<(), Clash> {
        if !access.writes() {
            return Ok(());
        }
        let atomic = access != Access::Store;
        let (mut at, end) = (address, address + size);
        while at < end {
            let number = at >> LINE;
            let until = end.min((number + 1) << LINE);
            let line = self.line(number);
            if (at | until) & 3 != 0 {
                line.split();
            }
            let (within, shift) = (at - (number << LINE), line.shift);
            let units = (within >> shift) as usize..((within + until - at) >> shift) as usize;
            for (index, cell) in line.cells[units].iter_mut().enumerate() {
                let clash = |first, was| {
                    let at = at + ((index as u64) << shift);
                    Err(Clash { kind: FaultKind::OverlappingWrites, at, first: Some((first, was)) })
                };
                if cell.write.unordered(me) {
                    return clash(cell.write, AccessKind::Store);
                }
                if atomic {
                    cell.updates.add(me);
                    continue;
                }
                if let Some(update) = cell.updates.unordered(me) {
                    return clash(update, AccessKind::Atomic);
                }
                cell.write = me;
            }
            at = until;
        }
        Ok(())
    }
}

/// Who wrote a unit, among all work-groups: work-group and record.
#[derive(Clone, Copy, Debug, Default)]
struct Writers {
    write: (u64, Record),
    update: (u64, Record),
}

/// What all work-groups of a dispatch have written.
#[derive(Debug)]
pub struct DispatchWrites {
    shards: Vec<Mutex<HashMap<u64, Line<Writers>>>>,
}

impl Default for DispatchWrites {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl DispatchWrites {
    /// Adds what a work-group has written.
    ///
    /// # Errors
    /// Bytes that another work-group has written too, unless both did so by atomic operations.
    pub fn merge(&self, group: u64, writes: &GroupWrites) -> Result<(), Violation> {
        for (number, line) in &writes.lines {
            let mut shard = self.shards[*number as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
            match shard.entry(*number) {
                Entry::Occupied(mut entry) => add(entry.get_mut(), line, group, number << LINE)?,
                Entry::Vacant(entry) => add(entry.insert(Line::new()), line, group, number << LINE)?,
            }
        }
        Ok(())
    }
}

/// Adds what a work-group has written to one line that begins at `base`.
fn add(all: &mut Line<Writers>, line: &Line<Cell>, group: u64, base: u64) -> Result<(), Violation> {
    if line.shift == 0 {
        all.split();
    }
    // `all` may have smaller units.
    let ratio = line.shift - all.shift;
    for (index, writers) in all.cells.iter_mut().enumerate() {
        let cell = &line.cells[index >> ratio];
        let write = Some((cell.write, AccessKind::Store)).filter(|(record, _)| record.is_some());
        let update = cell.updates.first().map(|record| (record, AccessKind::Atomic));
        let Some(last) = write.or(update) else { continue };
        let there = |(group, record): (u64, Record), was| record.is_some().then_some((group, record, was));
        let written = there(writers.write, AccessKind::Store);
        // Two atomic operations may meet.
        let updated = there(writers.update, AccessKind::Atomic).filter(|_| write.is_some());
        if let Some(first) = written.or(updated) {
            let at = base + ((index as u64) << all.shift);
            let last = (group, last.0, last.1);
            return Err(Violation { kind: FaultKind::OverlappingWrites, at, lds: false, last, first: Some(first) });
        }
        if let Some((record, _)) = write {
            writers.write = (group, record);
        }
        if let Some((record, _)) = update {
            writers.update = (group, record);
        }
    }
    Ok(())
}
