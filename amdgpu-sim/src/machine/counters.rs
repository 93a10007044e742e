//! What the hardware would have to do: counted while waves execute.
//!
//! Counting sees each instruction with the lanes that were active, and the log of its accesses ([`super::log`]). Without
//! counters neither is there.

use std::sync::{Mutex, PoisonError};

use super::{
    fault::Trap,
    log::{Accessed, Log},
    space::Place,
    wave::Wave,
    workgroup::{Env, Execute},
};
use crate::{
    counters::Counts,
    isa::{
        registers::{Class, Effect, Registers},
        step::Flow,
        target::Target,
    },
};

/// Banks of LDS, each a word wide.
const BANKS: usize = 32;

/// What is counted of one dispatch.
#[derive(Debug)]
pub struct DispatchCounts {
    total: Mutex<Counts>,
    line: u64,
}

impl DispatchCounts {
    /// Nothing was counted yet.
    pub fn new(target: Target) -> Self {
        Self { total: Mutex::default(), line: target.cache_line() }
    }

    /// What all work-groups that have ended have added.
    pub fn total(&self) -> Counts {
        self.total.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What one thread has counted of the work-group that it runs.
#[derive(Debug)]
pub struct GroupCounts<'d> {
    dispatch: &'d DispatchCounts,
    counts: Counts,
    /// Room for the addresses of one instruction.
    room: Vec<(u64, u64)>,
}

impl<'d> GroupCounts<'d> {
    /// Counts for one thread.
    pub fn new(dispatch: &'d DispatchCounts) -> Self {
        Self { dispatch, counts: Counts::default(), room: Vec::new() }
    }

    /// The work-group has ended, with this many waves.
    pub fn end(&mut self, waves: usize) {
        self.counts.work_groups += 1;
        self.counts.waves += waves as u64;
        let mut total = self.dispatch.total.lock().unwrap_or_else(PoisonError::into_inner);
        *total += std::mem::take(&mut self.counts);
    }

    fn count(&mut self, registers: &Registers, before: u64, wave: &Wave, log: Option<&Log>) {
        let counts = &mut self.counts;
        let by_class = &mut counts.instructions;
        let vector = match registers.class {
            Class::Salu => (&mut by_class.salu, false),
            Class::Valu => (&mut by_class.valu, true),
            Class::Matrix => (&mut by_class.matrix, true),
            Class::Smem => (&mut by_class.smem, false),
            Class::Vmem(Effect::Load) => (&mut by_class.vmem_load, true),
            Class::Vmem(Effect::Store) => (&mut by_class.vmem_store, true),
            Class::Vmem(_) => (&mut by_class.vmem_atomic, true),
            Class::Flat(_) => (&mut by_class.flat, true),
            Class::Scratch(_) => (&mut by_class.scratch, true),
            Class::Lds(_) | Class::Permute => (&mut by_class.lds, true),
            Class::Branch | Class::End => (&mut by_class.branch, false),
            Class::Barrier => (&mut by_class.barrier, false),
            Class::Wait => (&mut by_class.wait, false),
        };
        *vector.0 += 1;
        if vector.1 {
            counts.vector_instructions += 1;
            counts.lane_operations += u64::from(before.count_ones());
            counts.lanes_possible += wave.size.lanes() as u64;
        }
        let after = wave.exec();
        if after != before && after != 0 && after & !before == 0 {
            counts.divergences += 1;
        }
        if let Some(log) = log.filter(|log| !log.is_empty()) {
            self.accesses(registers.class, log);
        }
    }

    fn accesses(&mut self, class: Class, log: &Log) {
        let of = |wanted: fn(&Place) -> Option<u64>| {
            let accesses = log.accesses();
            accesses.filter_map(move |access| Some((wanted(access.place.as_ref()?)?, access)))
        };
        let memory = of(|place| match place {
            Place::Global(address) => Some(*address),
            _ => None,
        });
        self.room.clear();
        self.room.extend(memory.map(|(address, access)| (address, access.size)));
        if !self.room.is_empty() {
            let counts = match class {
                Class::Smem => &mut self.counts.memory.scalar,
                Class::Vmem(Effect::Load) | Class::Flat(Effect::Load) => &mut self.counts.memory.loads,
                Class::Vmem(Effect::Store) | Class::Flat(Effect::Store) => &mut self.counts.memory.stores,
                _ => &mut self.counts.memory.atomics,
            };
            counts.accesses += self.room.len() as u64;
            let (bytes, lines) = coalesce(&mut self.room, self.dispatch.line);
            counts.bytes += bytes;
            counts.transactions += lines;
            counts.transferred += lines * self.dispatch.line;
        }
        let lds: Vec<(u64, &Accessed)> = of(|place| match place {
            Place::Lds(offset) => Some(*offset as u64),
            _ => None,
        })
        .collect();
        if !lds.is_empty() {
            let counts = &mut self.counts.lds;
            counts.accesses += lds.len() as u64;
            counts.bytes += lds.iter().map(|(_, access)| access.size).sum::<u64>();
            let (cycles, without) = bank_cycles(&lds);
            counts.cycles += cycles;
            counts.conflict_cycles += cycles - without;
        }
        let scratch = of(|place| match place {
            Place::Scratch(offset) => Some(*offset as u64),
            _ => None,
        });
        self.counts.scratch_bytes += scratch.map(|(_, access)| access.size).sum::<u64>();
    }
}

/// Different bytes that an instruction accesses, and different lines that they lie in.
fn coalesce(accesses: &mut [(u64, u64)], line: u64) -> (u64, u64) {
    accesses.sort_unstable();
    let (mut bytes, mut lines) = (0, 0);
    let (mut next_byte, mut next_line) = (0, 0);
    for (address, size) in accesses.iter().copied() {
        let end = address + size;
        bytes += end.saturating_sub(address.max(next_byte));
        next_byte = next_byte.max(end);
        let past = (end - 1) / line + 1;
        lines += past.saturating_sub((address / line).max(next_line));
        next_line = next_line.max(past);
    }
    (bytes, lines)
}

/// Cycles that LDS needs for an instruction, and those that it would need if no two lanes met in a bank.
///
/// In each cycle every bank gives one word, to all lanes that want it. Lanes are taken in order, as many at once as can be
/// served if there is no conflict; instructions with two addresses are taken as two.
fn bank_cycles(accesses: &[(u64, &Accessed)]) -> (u64, u64) {
    let (mut cycles, mut without) = (0, 0);
    for part in 0..2 {
        // The nth access of each lane.
        let mut last = None;
        let mut nth = 0;
        let lanes: Vec<(u64, u64)> = accesses
            .iter()
            .filter(|(_, access)| {
                nth = if last == Some(access.lane) { nth + 1 } else { 0 };
                last = Some(access.lane);
                nth == part
            })
            .map(|(offset, access)| (*offset, access.size))
            .collect();
        let Some((_, size)) = lanes.first() else { continue };
        let words = size.div_ceil(4).max(1) as usize;
        for together in lanes.chunks((BANKS / words).max(1)) {
            let mut wanted: Vec<u64> =
                together.iter().flat_map(|(offset, size)| offset / 4..(offset + size).div_ceil(4)).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let mut banks = [0_u64; BANKS];
            for word in wanted {
                banks[word as usize % BANKS] += 1;
            }
            cycles += banks.into_iter().max().unwrap_or(0).max(1);
            without += 1;
        }
    }
    (cycles, without)
}

/// Executes a wave's instructions as another executor does, and counts them.
#[derive(Debug)]
pub struct Counted<'c, 'd, E> {
    /// Who executes them.
    pub executor: E,
    /// What was counted.
    pub counts: &'c mut GroupCounts<'d>,
}

impl<E: Execute> Execute for Counted<'_, '_, E> {
    fn execute(&mut self, wave: &mut Wave, env: &mut Env<'_>) -> Result<Flow, Box<Trap>> {
        let (registers, before) = (&env.code.registers[wave.ip as usize], wave.exec());
        if let Some(log) = &mut env.log {
            log.begin();
        }
        let flow = self.executor.execute(wave, env)?;
        self.counts.count(registers, before, wave, env.log.as_deref());
        Ok(flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::memory::Access;

    #[test]
    fn lines_and_bytes_are_counted_once() {
        let coalesce = |list: &[(u64, u64)]| coalesce(&mut list.to_vec(), 128);
        let wave = |stride: u64| (0..64).map(|lane| (0x1000 + lane * stride, 4)).collect::<Vec<_>>();
        assert_eq!(coalesce(&wave(4)), (256, 2));
        assert_eq!(coalesce(&wave(128)), (256, 64));
        assert_eq!(coalesce(&wave(0)), (4, 1));
        // Not aligned, across a line's end, and overlapping.
        assert_eq!(coalesce(&[(0x1000 + 126, 4), (0x1000 + 128, 4)]), (6, 2));
        assert_eq!(coalesce(&[(0x2000, 300)]), (300, 3));
    }

    #[test]
    fn banks_give_one_word_in_a_cycle() {
        let cycles = |offsets: &[u64], size| {
            let access = |lane| Accessed { lane, asked: 0, place: None, size, access: Access::Load };
            let accesses: Vec<_> = (0..offsets.len() as u32).map(access).collect();
            bank_cycles(&offsets.iter().copied().zip(&accesses).collect::<Vec<_>>())
        };
        let stride = |bytes: u64| (0..64).map(|lane| lane * bytes).collect::<Vec<_>>();
        assert_eq!(cycles(&stride(4), 4), (2, 2));
        // Every other bank, twice; one bank for all; the same word for all.
        assert_eq!(cycles(&stride(8), 4), (4, 2));
        assert_eq!(cycles(&stride(128), 4), (64, 2));
        assert_eq!(cycles(&stride(0), 4), (2, 2));
        // A word of padding for each row.
        assert_eq!(cycles(&stride(132), 4), (2, 2));
        // Four words for each lane: eight lanes at once.
        assert_eq!(cycles(&stride(16), 16), (8, 8));
    }
}
