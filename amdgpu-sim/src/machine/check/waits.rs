//! Missing waits: a register that a load fills is used before the load's counter was waited for.
//!
//! Hardware does not keep a wave from that: the instruction finds what was in the register before. What a counter says
//! (*CDNA 3 ISA*, section 4.4 "Data dependency resolution"; the guides of the other generations agree):
//!
//! * Vector memory returns in the order of issue: behind `vmcnt(n)` all but the last n operations are complete. Before
//!   gfx10 stores count as well; from then on they have a counter of their own, which no register depends on.
//! * LDS returns in order, too. Scalar loads do not: only a count of 0 says anything about them. Before gfx12 both count
//!   together, and so behind `lgkmcnt(n)` all LDS operations but the last n are complete, and scalar loads if n is 0.
//! * FLAT counts with memory and with LDS. Its result comes from where its addresses lead, and that counter is the one
//!   that must be waited for.
//!
//! Registers are told apart by lanes: what a load fills in lanes that were not active is free.

use std::collections::VecDeque;

use super::{Place, Violation, record::Record};
use crate::{
    isa::registers::{Class, File, Registers, Span, Waits},
    machine::{check::record::AccessKind, fault::FaultKind, log::Log, space::Place as Memory, wave::Wave},
};

/// More cannot be open: the next operation is not issued before one is complete.
const MOST: usize = 64;

/// An operation that is not known to be complete.
#[derive(Clone, Debug)]
struct Open {
    ip: u32,
    /// Registers that it fills.
    fills: Option<Span>,
    /// Lanes that were active.
    lanes: u64,
    /// What it writes in LDS: item, offset, size.
    writes: Vec<(u32, u64, u64)>,
}

/// The operations of one wave that are not known to be complete.
#[derive(Debug)]
pub struct OpenOperations {
    /// Vector memory, in order of issue.
    memory: VecDeque<Open>,
    /// LDS, in order of issue.
    lds: VecDeque<Open>,
    scalar: Vec<Open>,
    /// Whether stores to memory count with loads.
    count_stores: bool,
    /// Vector registers that are to be filled: a bit for each.
    vectors: [u64; 8],
    /// Scalar registers that are to be filled.
    scalars: [u64; 4],
}

/// Which counter an operation counts with, for its order among others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    Memory,
    Lds,
    Scalar,
}

impl Queue {
    fn counter(self) -> &'static str {
        match self {
            Self::Memory => "vmcnt or loadcnt",
            Self::Lds => "lgkmcnt or dscnt",
            Self::Scalar => "lgkmcnt or kmcnt",
        }
    }
}

impl OpenOperations {
    /// A wave begins. `count_stores`: stores count with loads, as before gfx10.
    pub fn new(count_stores: bool) -> Self {
        let (memory, lds, scalar) = Default::default();
        Self { memory, lds, scalar, count_stores, vectors: [0; 8], scalars: [0; 4] }
    }

    /// The wave is about to execute an instruction.
    ///
    /// # Errors
    /// A register that it uses is still to be filled.
    #[inline]
    pub fn before(&mut self, registers: &Registers, wave: &Wave, group: u64) -> Result<(), Violation> {
        if let Some(waits) = registers.waits {
            self.wait(waits);
            return Ok(());
        }
        if registers.reads.iter().chain(&registers.writes).any(|span| self.may_fill(*span)) {
            return self.find(registers, wave, group);
        }
        Ok(())
    }

    /// Whether any of these registers is to be filled, in any lane.
    #[inline]
    fn may_fill(&self, span: Span) -> bool {
        (span.first..span.first + span.count).any(|index| match span.file {
            File::Scalar => self.scalars[usize::from((index / 64) & 3)] >> (index % 64) & 1 != 0,
            File::Vector => self.vectors[usize::from((index / 64) & 7)] >> (index % 64) & 1 != 0,
        })
    }

    #[cold]
    fn find(&self, registers: &Registers, wave: &Wave, group: u64) -> Result<(), Violation> {
        let own = match registers.class {
            Class::Vmem(_) | Class::Scratch(_) => Some(Queue::Memory),
            Class::Lds(_) | Class::Permute => Some(Queue::Lds),
            _ => None,
        };
        let lanes = if registers.across { u64::MAX } else { wave.exec() };
        let queues = [
            (Queue::Memory, &mut self.memory.iter() as &mut dyn Iterator<Item = &Open>),
            (Queue::Lds, &mut self.lds.iter()),
            (Queue::Scalar, &mut self.scalar.iter()),
        ];
        for (queue, list) in queues {
            for open in list {
                let Some(fills) = open.fills else { continue };
                let meets =
                    |span: &&Span| fills.meets(**span) && (fills.file == File::Scalar || open.lanes & lanes != 0);
                let read = registers.reads.iter().find(meets);
                // A later load of the same sort fills the register later.
                let written = || registers.writes.iter().find(meets).filter(|_| own != Some(queue));
                let (span, kind) = match (read, written()) {
                    (Some(span), _) => (span, AccessKind::Use),
                    (None, Some(span)) => (span, AccessKind::Overwrite),
                    (None, None) => continue,
                };
                let register = span.file.name(span.first.max(fills.first));
                let does = if kind == AccessKind::Use { "used" } else { "overwritten" };
                let detail =
                    format!("{register} is {does} before the load that fills it is waited for ({})", queue.counter());
                let lane = (open.lanes & lanes).trailing_zeros() & 63;
                let item = wave.first_item + lane;
                let record = |ip| Record { ip, item, ..Record::default() };
                return Err(Violation {
                    kind: FaultKind::MissingWait,
                    place: Place::Nowhere,
                    detail: Some(detail),
                    last: (group, record(wave.ip), kind),
                    first: Some((group, record(open.ip), AccessKind::Load)),
                });
            }
        }
        Ok(())
    }

    fn wait(&mut self, waits: Waits) {
        let keep = |queue: &mut VecDeque<Open>, last: u16| {
            let done = queue.len().saturating_sub(usize::from(last));
            queue.drain(..done);
        };
        if let Some(last) = waits.load {
            keep(&mut self.memory, last);
        }
        if let Some(last) = waits.lds {
            keep(&mut self.lds, last);
        }
        if waits.scalar == Some(0) {
            self.scalar.clear();
        }
        self.update();
    }

    /// Makes the bits what the operations say.
    fn update(&mut self) {
        (self.vectors, self.scalars) = ([0; 8], [0; 4]);
        for open in self.memory.iter().chain(&self.lds).chain(&self.scalar) {
            let Some(span) = open.fills else { continue };
            for index in span.first..span.first + span.count {
                match span.file {
                    File::Scalar => self.scalars[usize::from((index / 64) & 3)] |= 1 << (index % 64),
                    File::Vector => self.vectors[usize::from((index / 64) & 7)] |= 1 << (index % 64),
                }
            }
        }
    }

    /// The wave has executed a memory instruction that left this log.
    pub fn issued(&mut self, ip: u32, lanes: u64, wave: &Wave, registers: &Registers, log: &Log) {
        let fills = registers.writes.first().copied();
        let open = || Open { ip, fills, lanes, writes: Vec::new() };
        match registers.class {
            Class::Smem => self.scalar.push(Open { lanes: u64::MAX, ..open() }),
            Class::Vmem(effect) | Class::Scratch(effect) => {
                if effect.returns() || self.count_stores {
                    self.memory.push_back(open());
                }
            }
            Class::Lds(effect) => {
                let writes = if effect.returns() { Vec::new() } else { lds_writes(log, wave) };
                self.lds.push_back(Open { writes, ..open() });
            }
            Class::Permute => self.lds.push_back(open()),
            Class::Flat(effect) => {
                let is_lds = |place: &Option<Memory>| matches!(place, Some(Memory::Lds(_)));
                let places: Vec<_> = log.accesses().map(|access| access.place).collect();
                if places.iter().any(is_lds) {
                    let writes = if effect.returns() { Vec::new() } else { lds_writes(log, wave) };
                    self.lds.push_back(Open { writes, ..open() });
                }
                if places.iter().any(|place| !is_lds(place)) && (effect.returns() || self.count_stores) {
                    self.memory.push_back(open());
                }
            }
            _ => return,
        }
        for queue in [&mut self.memory, &mut self.lds] {
            if queue.len() > MOST {
                queue.pop_front();
            }
        }
        self.update();
    }

    /// Writes to LDS that nobody has waited for: instruction, item, offset, size.
    pub fn open_writes(&self) -> impl Iterator<Item = (u32, u32, u64, u64)> {
        let all = |open: &Open| {
            let ip = open.ip;
            open.writes.clone().into_iter().map(move |(item, offset, size)| (ip, item, offset, size))
        };
        self.lds.iter().flat_map(all)
    }
}

fn lds_writes(log: &Log, wave: &Wave) -> Vec<(u32, u64, u64)> {
    let writes = log.accesses().filter(|access| access.access.writes());
    writes
        .filter_map(|access| match access.place {
            Some(Memory::Lds(offset)) => Some((wave.first_item + access.lane, offset as u64, access.size)),
            _ => None,
        })
        .collect()
}
