//! Checks of what only `unsafe` code can do wrong: writes that overlap, races in LDS, LDS that is read before it is
//! written. Off unless [`Config::with_checks`](crate::Config::with_checks) asks for them; then every access to memory and
//! LDS leaves a record, and is compared with the records that are there.
//!
//! ```text
//!   lane's access --> GroupCheck --+--> lds:    records of this work-group       conflict: at once
//!                                  +--> memory: writes of this work-group        conflict: at once
//!                                                  | the work-group ends
//!                                                  v
//!                                       memory: writes of all work-groups        conflict: now
//! ```
//!
//! What orders two accesses of different items of one work-group is a barrier between them: each barrier begins a new
//! **phase**. In a work-group of one wave LLVM removes barriers, because its lanes go in step; there each instruction is
//! a phase of its own, and only lanes of the same instruction can conflict. Items of different work-groups are never
//! ordered.

mod lds;
mod memory;
mod record;

pub use memory::DispatchWrites;
pub use record::{AccessKind, Record};

use self::{lds::LdsShadow, memory::GroupWrites};
use super::{
    fault::{FaultKind, Trap},
    memory::Access,
    space::Place,
};

/// Two accesses that must not be, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub kind: FaultKind,
    /// First address, or LDS offset, that both reach.
    pub at: u64,
    /// Whether `at` is an LDS offset.
    pub lds: bool,
    /// The access that came last, with the number of its work-group.
    pub last: (u64, Record, AccessKind),
    /// The access before it; `None` if there is none, and that is the fault.
    pub first: Option<(u64, Record, AccessKind)>,
}

impl From<Violation> for Box<Trap> {
    fn from(violation: Violation) -> Self {
        let address = Some(violation.at);
        Box::new(Trap { kind: violation.kind, detail: String::new(), address, lane: None, violation: Some(violation) })
    }
}

/// What is checked of one work-group.
#[derive(Debug)]
pub struct GroupCheck<'d> {
    dispatch: &'d DispatchWrites,
    lds: LdsShadow,
    writes: GroupWrites,
    group: u64,
    /// Current phase, from 1 on.
    phase: u32,
    /// Whether each instruction is a phase.
    in_step: bool,
}

impl<'d> GroupCheck<'d> {
    /// Checks for one thread that runs work-groups of this dispatch.
    pub fn new(dispatch: &'d DispatchWrites) -> Self {
        let (lds, writes) = (LdsShadow::default(), GroupWrites::default());
        Self { dispatch, lds, writes, group: 0, phase: 1, in_step: false }
    }

    /// A work-group begins. `in_step`: it is one wave.
    pub fn begin(&mut self, group: u64, lds_size: usize, in_step: bool) {
        self.lds.clear(lds_size);
        self.writes.clear();
        (self.group, self.phase, self.in_step) = (group, 1, in_step);
    }

    /// All waves have met at a barrier.
    pub fn barrier(&mut self) {
        // 0 is for records that are not there.
        self.phase = self.phase.checked_add(1).unwrap_or(1);
    }

    /// An instruction that accesses memory begins.
    #[inline]
    pub fn instruction(&mut self) {
        if self.in_step {
            self.barrier();
        }
    }

    /// Checks one lane's access, and records it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn access(&mut self, place: Place, size: u64, access: Access, ip: u32, item: u32) -> Result<(), Box<Trap>> {
        let me = Record { ip, item, phase: self.phase };
        let found = match place {
            Place::Scratch(_) => Ok(()),
            Place::Lds(offset) => self.lds.access(offset as u64, size, access, me),
            Place::Global(address) => self.writes.access(address, size, access, me),
        };
        found.map_err(|clash| {
            Violation {
                kind: clash.kind,
                at: clash.at,
                lds: matches!(place, Place::Lds(_)),
                last: (self.group, me, access.into()),
                first: clash.first.map(|(record, was)| (self.group, record, was)),
            }
            .into()
        })
    }

    /// The work-group has ended: compares its writes with those of all others.
    ///
    /// # Errors
    /// Two work-groups that write the same bytes.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.dispatch.merge(self.group, &self.writes)
    }
}
