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
}

impl Record {
    /// Whether there was an access.
    #[inline]
    pub fn is_some(self) -> bool {
        self.phase != 0
    }

    /// Whether no barrier lies between the two, and they are of different items.
    #[inline]
    pub fn unordered(self, other: Self) -> bool {
        self.phase == other.phase && self.item != other.item
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
    pub fn unordered(&self, me: Record) -> Option<Record> {
        self.0.into_iter().find(|record| record.unordered(me))
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
}

impl fmt::Display for AccessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "read",
            Self::Store => "write",
            Self::Atomic => "atomic operation",
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
