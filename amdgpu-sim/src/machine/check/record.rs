//! Who accessed a place: what the shadows keep.

use std::fmt;

use crate::machine::{fault::FaultKind, memory::Access};

/// One access of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Index of the instruction.
    pub ip: u32,
    /// Number of the item in its work-group.
    pub item: u32,
    /// Phase of the work-group; 0 if there was no access.
    pub phase: u32,
    /// Atomic instructions that the work-group had executed before it.
    pub epoch: u32,
}

impl Record {
    /// Whether there was an access.
    #[inline]
    pub fn is_some(self) -> bool {
        self.phase != 0
    }

    /// Whether nothing lies between the two that orders them, and they are of different items.
    #[inline]
    pub fn unordered(self, other: Self, order: &AtomicOrder) -> bool {
        self.phase == other.phase && self.item != other.item && !order.orders(self, other)
    }
}

/// Which atomic instructions may have ordered the accesses of a work-group's items: that of each wave that came last.
///
/// A machine instruction does not show whether it acquires or releases. So all that a program can have ordered counts as
/// ordered: an access of one wave, an atomic instruction of that wave, one of the other wave, an access of that.
#[derive(Clone, Debug, Default)]
pub struct AtomicOrder {
    last: Vec<u32>,
    /// Work-items of a wave.
    lanes: u32,
}

impl AtomicOrder {
    /// A work-group begins, with this many waves of `lanes` items.
    pub fn begin(&mut self, waves: usize, lanes: u32) {
        self.last.clear();
        self.last.resize(waves, 0);
        self.lanes = lanes;
    }

    /// The wave of this item has executed an atomic instruction, the `epoch`th of the group.
    pub fn note(&mut self, item: u32, epoch: u32) {
        if let Some(last) = self.last.get_mut((item / self.lanes.max(1)) as usize) {
            *last = epoch;
        }
    }

    #[inline]
    fn orders(&self, first: Record, next: Record) -> bool {
        let after = |item: u32| self.last.get((item / self.lanes.max(1)) as usize).is_some_and(|at| *at > first.epoch);
        next.epoch > first.epoch && after(first.item) && after(next.item)
    }
}

/// Up to two accesses of different items in one phase: whoever comes next differs from one of them at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair([Record; 2]);

impl Pair {
    /// Adds an access.
    #[inline]
    pub fn add(&mut self, me: Record) {
        if self.0[0].phase != me.phase {
            self.0 = [me, Record::default()];
        } else if self.0[0].item != me.item {
            self.0[1] = me;
        }
    }

    /// An access that is not ordered with this one.
    #[inline]
    pub fn unordered(&self, me: Record, order: &AtomicOrder) -> Option<Record> {
        self.0.into_iter().find(|record| record.unordered(me, order))
    }

    /// The latest phase's first access, if there was any.
    #[inline]
    pub fn first(&self) -> Option<Record> {
        Some(self.0[0]).filter(|record| record.is_some())
    }
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessKind {
    /// It reads.
    Load,
    /// It writes.
    Store,
    /// It is an atomic operation.
    Atomic,
    /// It reads a register.
    Use,
    /// It writes a register.
    Overwrite,
    /// It is a barrier.
    Barrier,
    /// It ends the wave.
    End,
}

impl fmt::Display for AccessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "read",
            Self::Store => "write",
            Self::Atomic => "atomic operation",
            Self::Use => "use of the register",
            Self::Overwrite => "write of the register",
            Self::Barrier => "barrier",
            Self::End => "end of the wave",
        })
    }
}

impl From<Access> for AccessKind {
    fn from(access: Access) -> Self {
        match access {
            Access::Load | Access::ScalarLoad => Self::Load,
            Access::Store => Self::Store,
            Access::AtomicLoad | Access::AtomicStore | Access::Update | Access::Exchange => Self::Atomic,
        }
    }
}

/// What is wrong with an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Which rule it breaks.
    pub kind: FaultKind,
    /// First address or offset concerned.
    pub at: u64,
    /// The access that it clashes with.
    pub first: Option<(Record, AccessKind)>,
}
