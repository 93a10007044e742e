//! Checks of what only `unsafe` code can do wrong, and of what only code can do that no compiler made. Off unless
//! [`Config::with_checks`](crate::Config::with_checks) asks for them.
//!
//! ```text
//!                       +--> waits:    is a register used that a load is still to fill?      [`waits`]
//!   instruction --------+--> the step, which leaves a log of its accesses                    [`super::log`]
//!   (WaveCheck)         +--> GroupCheck: lds, memory     conflicts within the work-group     [`lds`], [`memory`]
//!                       +--> twin:     does it matter what was never written?                [`twin`]
//!                       +--> barrier:  do all items of the wave reach it?                    [`barriers`]
//!
//!   end of the work-group ----> conflicts with other work-groups                            [`memory`], [`order`]
//! ```
//!
//! What orders two accesses of different items of one work-group is a barrier between them: each barrier begins a new
//! **phase**. In a work-group of one wave LLVM removes barriers, because its lanes go in step; there each instruction is
//! a phase of its own, and only lanes of the same instruction can conflict. Items of different work-groups are ordered by
//! atomic operations at most.

mod barriers;
mod lds;
mod memory;
mod order;
mod record;
pub mod twin;
mod waits;
mod wave;

use std::collections::HashSet;

pub use record::{AccessKind, Record};
pub use wave::{Checked, WaveCheck};

use self::{
    barriers::Arrivals,
    lds::LdsShadow,
    memory::{DispatchAccesses, GroupAccesses},
    order::DispatchOrder,
    record::{AtomicOrder, Clash},
    twin::Filling,
};
use super::{
    fault::{FaultKind, Trap},
    log::Accessed,
    memory::Access,
    space,
    wave::Wave,
    workgroup::Env,
};
use crate::isa::decode::Code;

/// Where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory, by address.
    Memory(u64),
    /// In LDS, by offset.
    Lds(u64),
    /// In registers, or in the program's flow.
    Nowhere,
}

/// Two accesses that must not be, or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub kind: FaultKind,
    /// The first byte that both reach.
    pub place: Place,
    /// What is wrong, where the kind does not say all.
    pub detail: Option<String>,
    /// The access that came last, with the number of its work-group.
    pub last: (u64, Record, AccessKind),
    /// The access before it; `None` if there is none, and that is the fault.
    pub first: Option<(u64, Record, AccessKind)>,
}

impl From<Violation> for Box<Trap> {
    fn from(violation: Violation) -> Self {
        let address = match violation.place {
            Place::Memory(at) | Place::Lds(at) => Some(at),
            Place::Nowhere => None,
        };
        Box::new(Trap {
            kind: violation.kind,
            detail: String::new(),
            address,
            lane: None,
            place: None,
            violation: Some(violation),
        })
    }
}

/// What is checked of one dispatch.
#[derive(Debug, Default)]
pub struct DispatchCheck {
    accesses: DispatchAccesses,
    order: DispatchOrder,
}

/// What is checked of one work-group.
#[derive(Debug)]
pub struct GroupCheck<'d> {
    dispatch: &'d DispatchCheck,
    lds: LdsShadow,
    accesses: GroupAccesses,
    order: AtomicOrder,
    /// When the group executed atomic instructions.
    times: Vec<u64>,
    group: u64,
    /// Current phase, from 1 on.
    phase: u32,
    /// Whether each instruction is a phase.
    in_step: bool,
    /// Items of a wave.
    lanes: u32,
    /// Barriers of each wave.
    arrivals: Vec<Arrivals>,
    /// Barriers in two halves that were passed.
    split: u64,
    /// Writes to LDS that waves which are at a barrier have not waited for: instruction, item, offset, size.
    open_writes: Vec<(u32, u32, u64, u64)>,
    /// Those that barriers have not ordered: instruction and item.
    unfinished: HashSet<(u32, u32)>,
    /// What the twins have in LDS.
    twin_lds: Vec<u8>,
}

impl<'d> GroupCheck<'d> {
    /// Checks for one thread that runs work-groups of this dispatch.
    pub fn new(dispatch: &'d DispatchCheck) -> Self {
        Self {
            dispatch,
            lds: LdsShadow::default(),
            accesses: GroupAccesses::default(),
            order: AtomicOrder::default(),
            times: Vec::new(),
            group: 0,
            phase: 1,
            in_step: false,
            lanes: 0,
            arrivals: Vec::new(),
            split: 0,
            open_writes: Vec::new(),
            unfinished: HashSet::new(),
            twin_lds: Vec::new(),
        }
    }

    /// A work-group of these waves begins, with LDS that nobody has written. `lanes`: items of a wave.
    pub fn begin(&mut self, group: u64, lds: &mut [u8], waves: &[Wave], lanes: u32) {
        self.lds.clear(lds.len());
        self.accesses.clear();
        self.order.begin(waves.len(), lanes);
        self.times.clear();
        self.open_writes.clear();
        self.unfinished.clear();
        self.arrivals.clear();
        self.arrivals.extend(waves.iter().map(|wave| Arrivals::new(wave.exec())));
        (self.group, self.phase, self.in_step) = (group, 1, waves.len() == 1);
        (self.lanes, self.split) = (lanes, 0);
        self.twin_lds.resize(lds.len(), 0);
        Filling::of_group(group, false).bytes(lds);
        Filling::of_group(group, true).bytes(&mut self.twin_lds);
    }

    /// Number of the work-group.
    pub fn group(&self) -> u64 {
        self.group
    }

    fn next_phase(&mut self) {
        // 0 is for records that are not there.
        self.phase = self.phase.checked_add(1).unwrap_or(1);
    }

    /// A wave has reached a barrier, its instruction, with writes to LDS that it has not waited for.
    ///
    /// # Errors
    /// If some of its items have not.
    fn reach_barrier(
        &mut self,
        wave_number: usize,
        code: &Code,
        wave: &Wave,
        open_writes: impl Iterator<Item = (u32, u32, u64, u64)>,
    ) -> Result<(), Box<Trap>> {
        self.open_writes.extend(open_writes);
        self.arrivals.get_mut(wave_number).map_or(Ok(()), |arrivals| arrivals.reach(code, wave))
    }

    /// A wave has ended, by this instruction.
    fn wave_ended(&mut self, wave_number: usize, ip: u32) {
        if let Some(arrivals) = self.arrivals.get_mut(wave_number) {
            arrivals.end(ip);
        }
    }

    /// All waves that have not ended are at a barrier.
    ///
    /// # Errors
    /// If it is not the same for all of them, or one has ended before.
    pub fn barrier(&mut self, code: &Code) -> Result<(), Violation> {
        self.next_phase();
        // What was not waited for happens on the other side as well.
        for (ip, item, offset, size) in std::mem::take(&mut self.open_writes) {
            let record = Record { ip, item, phase: self.phase, epoch: self.times.len() as u32 };
            self.lds.repeat_write(offset, size, record);
            self.unfinished.insert((ip, item));
        }
        barriers::meet(&self.arrivals, self.lanes, code, self.group)
    }

    /// Barriers in two halves were passed up to this number.
    ///
    /// # Errors
    /// As for [`barrier`](Self::barrier).
    pub fn split_barrier(&mut self, passed: u64, code: &Code) -> Result<(), Violation> {
        if passed == self.split {
            return Ok(());
        }
        self.split = passed;
        self.barrier(code)
    }

    /// Checks what an instruction of a wave did, and records it.
    ///
    /// # Errors
    /// What is wrong with it.
    fn accessed(&mut self, env: &Env<'_>, ip: u32, first_item: u32) -> Result<(), Box<Trap>> {
        let Some(log) = env.log.as_ref().filter(|log| !log.is_empty()) else { return Ok(()) };
        if self.in_step {
            self.next_phase();
        }
        let mut atomic = None;
        for accessed in log.accesses() {
            let access = match accessed.access {
                Access::Load if env.code.source_atomics.contains(&ip) => Access::AtomicLoad,
                Access::Store if env.code.source_atomics.contains(&ip) => Access::AtomicStore,
                access => access,
            };
            let item = first_item + accessed.lane;
            if !matches!(access, Access::Load | Access::ScalarLoad | Access::Store) {
                atomic = Some(item);
            }
            let lane = accessed.lane as usize;
            self.access(env, accessed, access, ip, item).map_err(|violation| {
                let trap: Box<Trap> = violation.into();
                trap.in_lane(lane)
            })?;
        }
        if let Some(item) = atomic {
            self.times.push(self.dispatch.order.tick());
            self.order.note(item, self.times.len() as u32);
        }
        Ok(())
    }

    fn access(
        &mut self,
        env: &Env<'_>,
        accessed: &Accessed,
        access: Access,
        ip: u32,
        item: u32,
    ) -> Result<(), Violation> {
        let me = Record { ip, item, phase: self.phase, epoch: self.times.len() as u32 };
        let (size, reads) = (accessed.size, matches!(access, Access::Load | Access::ScalarLoad | Access::Update));
        let (place, found) = match accessed.place {
            None | Some(space::Place::Scratch(_) | space::Place::Nowhere) => return Ok(()),
            Some(space::Place::Lds(offset)) => {
                let at = offset as u64;
                (Place::Lds as fn(u64) -> Place, self.lds.access(at, size, access, me, &self.order))
            }
            Some(space::Place::Global(address)) if reads && env.view.is_unwritten(address, size) => {
                let clash = Clash { kind: FaultKind::UninitializedRead, at: address, first: None };
                (Place::Memory as fn(u64) -> Place, Err(clash))
            }
            Some(space::Place::Global(address)) => {
                (Place::Memory as fn(u64) -> Place, self.accesses.access(address, size, access, me, &self.order))
            }
        };
        found.map_err(|clash| {
            let unfinished = clash.first.is_some_and(|(first, _)| self.unfinished.contains(&(first.ip, first.item)));
            let (kind, detail) = if unfinished {
                let detail = "a write to LDS was not waited for before the barrier (lgkmcnt or dscnt), and another \
                              work-item accesses the same bytes behind it";
                (FaultKind::MissingWait, Some(detail.to_owned()))
            } else {
                (clash.kind, None)
            };
            Violation {
                kind,
                place: place(clash.at),
                detail,
                last: (self.group, me, access.into()),
                first: clash.first.map(|(record, was)| (self.group, record, was)),
            }
        })
    }

    /// The work-group has ended: compares its accesses with those of all others.
    ///
    /// # Errors
    /// Two work-groups that access the same bytes.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.dispatch.order.ended(self.group, &self.times);
        self.dispatch.accesses.merge(self.group, &self.accesses, &self.dispatch.order)
    }
}
