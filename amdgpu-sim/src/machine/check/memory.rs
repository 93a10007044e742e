//! Memory: accesses of different items to the same bytes, of which one at least writes.
//!
//! Within a work-group each access is compared as it happens. What a work-group has accessed is compared with all others
//! when it ends: nothing orders work-groups, but atomic operations ([`order`](super::order)).
//!
//! Scalar loads may be wider than what the program asked for: LLVM makes words of bytes, and four words of three. So only
//! words that it must have asked for are recorded, and in lines where parts of words are accessed they conflict with
//! nothing.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
};

use super::{
    Place, Violation,
    order::DispatchOrder,
    record::{AccessKind, AtomicOrder, Clash, Pair, Record},
};
use crate::machine::{fault::FaultKind, memory::Access};

/// Binary logarithm of the bytes that are recorded together: what a wave writes when each lane writes a word.
const LINE: u32 = 8;
/// Parts of the record of a dispatch that are locked by themselves.
const SHARDS: usize = 64;
/// Most lines of which a work-group's reads are recorded: 4 MiB of memory.
const GROUP_READS: usize = 1 << 14;
/// Most lines of which a dispatch's reads are recorded: 16 MiB of memory.
const DISPATCH_READS: usize = 1 << 16;

/// Who accessed a unit, within one work-group.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    write: Record,
    updates: Pair,
}

/// What is known of a line: for each word, until something smaller is accessed, then for each byte.
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

    /// Whether nothing smaller than words was accessed.
    fn has_words(&self) -> bool {
        self.shift != 0
    }

    fn split(&mut self) {
        if self.shift != 0 {
            self.cells = self.cells.iter().flat_map(|cell| [*cell; 4]).collect();
            self.shift = 0;
        }
    }

    /// The cells of these bytes of the line, with the first byte of each.
    fn part(&mut self, from: u64, until: u64) -> impl Iterator<Item = (u64, &mut C)> {
        if (from | until) & 3 != 0 {
            self.split();
        }
        let shift = self.shift;
        let units = (from >> shift) as usize..(until >> shift) as usize;
        self.cells[units].iter_mut().enumerate().map(move |(index, cell)| (from + ((index as u64) << shift), cell))
    }
}

/// Lines by their number.
#[derive(Debug)]
struct Lines<C> {
    places: HashMap<u64, usize>,
    lines: Vec<(u64, Line<C>)>,
    /// Index of the line that was used last.
    last: usize,
}

impl<C> Default for Lines<C> {
    fn default() -> Self {
        Self { places: HashMap::new(), lines: Vec::new(), last: 0 }
    }
}

impl<C: Copy + Default> Lines<C> {
    fn clear(&mut self) {
        self.places.clear();
        self.lines.clear();
        self.last = 0;
    }

    /// The line, as it is or a new one.
    fn line(&mut self, number: u64) -> &mut Line<C> {
        if self.lines.get(self.last).is_none_or(|(of, _)| *of != number) {
            self.last = *self.places.entry(number).or_insert(self.lines.len());
            if self.last == self.lines.len() {
                self.lines.push((number, Line::new()));
            }
        }
        &mut self.lines[self.last].1
    }

    /// The line, if it is there.
    fn existing(&mut self, number: u64) -> Option<&mut Line<C>> {
        if self.lines.get(self.last).is_none_or(|(of, _)| *of != number) {
            self.last = *self.places.get(&number)?;
        }
        self.lines.get_mut(self.last).map(|(_, line)| line)
    }
}

/// What one work-group has accessed.
#[derive(Debug, Default)]
pub struct GroupAccesses {
    writes: Lines<Cell>,
    reads: Lines<Pair>,
    scalar_reads: Lines<Pair>,
}

/// Bytes by lines: number of the line, first byte in it, one past the last byte in it.
fn by_lines(address: u64, size: u64) -> impl Iterator<Item = (u64, u64, u64)> {
    let end = address + size;
    (address >> LINE..=(end - 1) >> LINE).map(move |number| {
        let base = number << LINE;
        (number, address.max(base) - base, end.min(base + (1 << LINE)) - base)
    })
}

/// Bytes of a scalar load that the program must have asked for: it may be a shorter one that was widened to this size.
fn asked_for(size: u64) -> u64 {
    match size {
        16 => 12,
        32 => 20,
        64 => 36,
        _ => size,
    }
}

impl GroupAccesses {
    /// Nothing was accessed yet.
    pub fn clear(&mut self) {
        self.writes.clear();
        self.reads.clear();
        self.scalar_reads.clear();
    }

    /// Checks an access, and records it.
    pub fn access(
        &mut self,
        address: u64,
        size: u64,
        access: Access,
        me: Record,
        order: &AtomicOrder,
    ) -> Result<(), Clash> {
        match access {
            Access::Load => self.read(address, size, false, me, order),
            Access::ScalarLoad => self.read(address, asked_for(size), true, me, order),
            // An atomic load may meet any atomic operation; beside plain writes it is as good as a relaxed one.
            Access::AtomicLoad => Ok(()),
            Access::Store => self.write(address, size, false, me, order),
            Access::AtomicStore | Access::Update | Access::Exchange => self.write(address, size, true, me, order),
        }
    }

    fn read(&mut self, address: u64, size: u64, scalar: bool, me: Record, order: &AtomicOrder) -> Result<(), Clash> {
        for (number, from, until) in by_lines(address, size) {
            if let Some(line) = self.writes.existing(number).filter(|line| !scalar || line.has_words()) {
                for (at, cell) in line.part(from, until) {
                    if cell.write.unordered(me, order) {
                        let first = Some((cell.write, AccessKind::Store));
                        return Err(Clash { kind: FaultKind::Race, at: (number << LINE) + at, first });
                    }
                }
            }
            let reads = if scalar { &mut self.scalar_reads } else { &mut self.reads };
            if reads.lines.len() < GROUP_READS || reads.places.contains_key(&number) {
                for (_, cell) in reads.line(number).part(from, until) {
                    cell.add(me);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, address: u64, size: u64, atomic: bool, me: Record, order: &AtomicOrder) -> Result<(), Clash> {
        for (number, from, until) in by_lines(address, size) {
            let base = number << LINE;
            let clash = |kind, at, first, was| Err(Clash { kind, at: base + at, first: Some((first, was)) });
            let words = (from | until) & 3 == 0;
            let scalar_reads = Some(&mut self.scalar_reads).filter(|_| words);
            for reads in [Some(&mut self.reads), scalar_reads].into_iter().flatten().filter(|_| !atomic) {
                let Some(line) = reads.existing(number) else { continue };
                for (at, cell) in line.part(from, until) {
                    if let Some(read) = cell.unordered(me, order) {
                        return clash(FaultKind::Race, at, read, AccessKind::Load);
                    }
                }
            }
            for (at, cell) in self.writes.line(number).part(from, until) {
                if cell.write.unordered(me, order) {
                    return clash(FaultKind::OverlappingWrites, at, cell.write, AccessKind::Store);
                }
                if atomic {
                    cell.updates.add(me);
                    continue;
                }
                if let Some(update) = cell.updates.unordered(me, order) {
                    return clash(FaultKind::OverlappingWrites, at, update, AccessKind::Atomic);
                }
                cell.write = me;
            }
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

/// A work-group that read a unit, in few bytes: most of what a kernel accesses is read alone.
#[derive(Clone, Copy, Debug, Default)]
struct Reader {
    /// The work-group's number, from 1 on; 0 if there is none.
    group: u32,
    ip: u32,
    item: u32,
    epoch: u32,
}

/// Two work-groups that read a unit: whoever writes it differs from one of them at least.
#[derive(Clone, Copy, Debug, Default)]
struct Readers([Reader; 2]);

impl Readers {
    fn add(&mut self, group: u64, record: Record) {
        let Some(group) = u32::try_from(group).ok().and_then(|group| group.checked_add(1)) else { return };
        let [first, second] = &mut self.0;
        let reader = Reader { group, ip: record.ip, item: record.item, epoch: record.epoch };
        if first.group == 0 {
            *first = reader;
        } else if first.group != group {
            *second = reader;
        }
    }

    /// Work-groups and records.
    fn all(&self) -> impl Iterator<Item = (u64, Record)> {
        let there = self.0.into_iter().filter(|reader| reader.group != 0);
        there.map(|Reader { group, ip, item, epoch }| (u64::from(group - 1), Record { ip, item, epoch, phase: 1 }))
    }
}

#[derive(Debug, Default)]
struct Shard {
    writes: HashMap<u64, Line<Writers>>,
    reads: HashMap<u64, Line<Readers>>,
    scalar_reads: HashMap<u64, Line<Readers>>,
}

/// What all work-groups of a dispatch have accessed.
#[derive(Debug)]
pub struct DispatchAccesses {
    shards: Vec<Mutex<Shard>>,
}

impl Default for DispatchAccesses {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

/// What a work-group that has ended is compared by.
struct Merging<'m> {
    group: u64,
    base: u64,
    order: &'m DispatchOrder,
}

impl DispatchAccesses {
    /// Adds what a work-group has accessed.
    ///
    /// # Errors
    /// Bytes that another work-group has accessed too, if one of the two writes them and nothing orders that, unless both
    /// did so by atomic operations.
    pub fn merge(&self, group: u64, accesses: &GroupAccesses, order: &DispatchOrder) -> Result<(), Violation> {
        let lock = |number: u64| {
            let shard = &self.shards[number as usize % SHARDS];
            shard.lock().unwrap_or_else(PoisonError::into_inner)
        };
        for (number, line) in &accesses.writes.lines {
            let merging = Merging { group, base: number << LINE, order };
            let mut shard = lock(*number);
            let Shard { writes, reads, scalar_reads } = &mut *shard;
            let scalar_reads = scalar_reads.get_mut(number).filter(|_| line.has_words());
            for readers in reads.get_mut(number).into_iter().chain(scalar_reads) {
                merging.compare(readers, line, |readers, cell| merging.write_beside(readers, cell))?;
            }
            let all = match writes.entry(*number) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(Line::new()),
            };
            merging.compare(all, line, |writers, cell| merging.write(writers, cell))?;
        }
        for (scalar, lines) in [(false, &accesses.reads.lines), (true, &accesses.scalar_reads.lines)] {
            for (number, line) in lines {
                let merging = Merging { group, base: number << LINE, order };
                let mut shard = lock(*number);
                let Shard { writes, reads, scalar_reads } = &mut *shard;
                if let Some(writers) = writes.get_mut(number).filter(|writers| !scalar || writers.has_words()) {
                    merging.compare(writers, line, |writers, cell| merging.read_beside(writers, cell))?;
                }
                let reads = if scalar { scalar_reads } else { reads };
                let room = reads.len() < DISPATCH_READS / SHARDS;
                let all = match reads.entry(*number) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) if room => entry.insert(Line::new()),
                    Entry::Vacant(_) => continue,
                };
                merging.compare(all, line, |readers, cell| {
                    if let Some(record) = cell.first() {
                        readers.add(group, record);
                    }
                    None
                })?;
            }
        }
        Ok(())
    }
}

/// The accesses before and after, of which one must not be.
type Conflict = (FaultKind, (u64, Record, AccessKind), (Record, AccessKind));

impl Merging<'_> {
    /// Looks at a line of the group's together with the dispatch's.
    fn compare<A: Copy + Default, C>(
        &self,
        all: &mut Line<A>,
        line: &Line<C>,
        look: impl Fn(&mut A, &C) -> Option<Conflict>,
    ) -> Result<(), Violation> {
        if line.shift == 0 {
            all.split();
        }
        // `all` may have smaller units.
        let ratio = line.shift - all.shift;
        for (index, cell) in all.cells.iter_mut().enumerate() {
            if let Some((kind, first, (record, access))) = look(cell, &line.cells[index >> ratio]) {
                let place = Place::Memory(self.base + ((index as u64) << all.shift));
                let last = (self.group, record, access);
                return Err(Violation { kind, place, detail: None, last, first: Some(first) });
            }
        }
        Ok(())
    }

    /// Whether there is a record, of another group, that nothing orders with this one.
    fn unordered(&self, (group, record): (u64, Record), mine: Record) -> bool {
        record.is_some() && group != self.group && !self.order.orders((group, record.epoch), (self.group, mine.epoch))
    }

    /// Adds what the group has written.
    fn write(&self, writers: &mut Writers, cell: &Cell) -> Option<Conflict> {
        let write = Some((cell.write, AccessKind::Store)).filter(|(record, _)| record.is_some());
        let update = cell.updates.first().map(|record| (record, AccessKind::Atomic));
        let last = write.or(update)?;
        let there = |found: (u64, Record), was| {
            let (group, record) = found;
            self.unordered(found, last.0).then_some((group, record, was))
        };
        let written = there(writers.write, AccessKind::Store);
        // Two atomic operations may meet.
        let updated = there(writers.update, AccessKind::Atomic).filter(|_| write.is_some());
        if let Some(first) = written.or(updated) {
            return Some((FaultKind::OverlappingWrites, first, last));
        }
        if let Some((record, _)) = write {
            writers.write = (self.group, record);
        }
        if let Some((record, _)) = update {
            writers.update = (self.group, record);
        }
        None
    }

    /// Compares what the group has written with what others have read.
    fn write_beside(&self, readers: &Readers, cell: &Cell) -> Option<Conflict> {
        let write = Some(cell.write).filter(|record| record.is_some())?;
        let (group, record) = readers.all().find(|reader| self.unordered(*reader, write))?;
        Some((FaultKind::Race, (group, record, AccessKind::Load), (write, AccessKind::Store)))
    }

    /// Compares what the group has read with what others have written.
    fn read_beside(&self, writers: &Writers, cell: &Pair) -> Option<Conflict> {
        let read = cell.first()?;
        let (group, record) = Some(writers.write).filter(|writer| self.unordered(*writer, read))?;
        Some((FaultKind::Race, (group, record, AccessKind::Store), (read, AccessKind::Load)))
    }
}
