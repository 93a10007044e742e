//! A warp: 32 lanes, their registers and their local memory.

use std::sync::Arc;

use super::{
    code::Code,
    value::{Cell, LANES, Row, Source, Value},
};
use crate::fault::{FaultKind, Trap};

/// Most local memory of a thread in bytes.
pub const MOST_LOCAL: u32 = 512 << 10;
/// Most calls that a thread can be in.
const MOST_CALLS: usize = 1 << 14;

/// Where a lane goes on after a call.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    /// The instruction behind the call.
    pub pc: u32,
    /// Where the caller's registers begin.
    pub base: u32,
    /// Where the caller's local memory begins.
    pub local_base: u32,
    /// What the caller's local memory reached to.
    pub local_top: u32,
}

/// What a lane waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing.
    Ready,
    /// The other lanes of its mask.
    Lanes(u32),
    /// A barrier of the block.
    Barrier(u32),
    /// It has ended.
    Exited,
}

/// One lane's state beside its registers.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The next instruction, or the one that it waits at.
    pub pc: u32,
    /// Where its registers begin.
    pub base: u32,
    pub wait: Wait,
    /// Where its function's local memory begins.
    pub local_base: u32,
    /// What its local memory reaches to.
    pub local_top: u32,
    pub calls: Vec<Return>,
    pub local: Vec<u8>,
    /// When it ran last.
    pub turn: u64,
}

/// A warp.
#[derive(Debug)]
pub struct Warp {
    pub code: Arc<Code>,
    /// The frames of all lanes: a lane uses its own column of the rows from its base.
    pub rows: Vec<Row>,
    /// Where the registers of the lanes that execute begin.
    pub base: usize,
    /// The lanes that execute the instruction.
    pub mask: u32,
    /// The carry flag of each lane.
    pub carry: u32,
    pub lanes: [Lane; LANES],
    /// Thread ids along x, y and z.
    pub threads: [[u32; 3]; LANES],
    /// Its number in the block.
    pub number: u32,
    /// Counts the groups of lanes that have run.
    pub turn: u64,
    /// Instructions that were executed since the lanes have parted.
    pub parted: u32,
    /// The instruction that executes.
    pub at: u32,
}

impl Warp {
    /// A warp whose first `count` lanes begin at an instruction.
    pub fn new(code: &Arc<Code>, entry: u32, number: u32, count: usize) -> Self {
        let function = code.function_of(entry);
        let lane = |lane: usize| Lane {
            pc: entry,
            base: 0,
            wait: if lane < count { Wait::Ready } else { Wait::Exited },
            local_base: 0,
            local_top: function.local,
            calls: Vec::new(),
            local: Vec::new(),
            turn: 0,
        };
        Self {
            code: Arc::clone(code),
            rows: vec![Row([0; LANES]); function.rows as usize],
            base: 0,
            mask: 0,
            carry: 0,
            lanes: std::array::from_fn(lane),
            threads: [[0; 3]; LANES],
            number,
            turn: 0,
            parted: 0,
            at: entry,
        }
    }

    /// The values of a source in all lanes.
    #[inline(always)]
    pub fn get<C: Cell>(&self, source: Source) -> &[C; LANES] {
        let rows = match source {
            Source::Register(row) => &self.rows[self.base + row as usize..],
            Source::Constant(row) => &self.code.constants[row as usize..],
        };
        bytemuck::from_bytes(bytemuck::cast_slice(&rows[..C::ROWS]))
    }

    /// Sets a register of the lanes that execute.
    #[inline(always)]
    pub fn set<C: Cell>(&mut self, row: u32, values: &[C; LANES]) {
        let mask = self.mask;
        let at = self.base + row as usize;
        let rows = &mut self.rows[at..at + C::ROWS];
        let target: &mut [C; LANES] = bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(rows));
        if mask == u32::MAX {
            *target = *values;
        } else {
            for (lane, (target, value)) in target.iter_mut().zip(values).enumerate() {
                if mask >> lane & 1 != 0 {
                    *target = *value;
                }
            }
        }
    }

    /// Sets a register in one lane.
    #[inline]
    pub fn set_lane<C: Cell>(&mut self, row: u32, lane: usize, value: C) {
        let at = self.base + row as usize;
        let rows = &mut self.rows[at..at + C::ROWS];
        let target: &mut [C; LANES] = bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(rows));
        target[lane] = value;
    }

    /// A predicate: a bit for each lane.
    #[inline(always)]
    pub fn predicate(&self, source: Source) -> u32 {
        self.get::<u32>(source)[0]
    }

    /// Sets a predicate of the lanes that execute.
    #[inline(always)]
    pub fn set_predicate(&mut self, row: u32, bits: u32) {
        let cell = &mut self.rows[self.base + row as usize].0[0];
        *cell = *cell & !self.mask | bits & self.mask;
    }

    /// The lanes that execute.
    #[inline]
    pub fn active(&self) -> impl Iterator<Item = usize> + use<> {
        let mask = self.mask;
        (0..LANES).filter(move |lane| mask >> lane & 1 != 0)
    }

    /// The lanes that wait in this way.
    pub fn waiting(&self, is_it: impl Fn(Wait) -> bool) -> u32 {
        self.lanes.iter().enumerate().fold(0, |mask, (number, lane)| mask | u32::from(is_it(lane.wait)) << number)
    }

    /// The lanes that have not ended.
    pub fn live(&self) -> u32 {
        self.waiting(|wait| wait != Wait::Exited)
    }

    /// Has a lane enter a function, in rows and local memory behind those of the caller.
    ///
    /// # Errors
    /// The stack is full.
    pub fn enter(&mut self, lane: usize, pc: u32, entry: u32) -> Result<(), Box<Trap>> {
        let code = Arc::clone(&self.code);
        let rows = code.function_of(pc).rows;
        let function = code.function_of(entry);
        let state = &mut self.lanes[lane];
        if state.calls.len() >= MOST_CALLS {
            return Err(Trap::new(FaultKind::StackOverflow, format!("{MOST_CALLS} calls are nested")).in_lane(lane));
        }
        let Lane { base, local_base, local_top, .. } = *state;
        state.calls.push(Return { pc: pc + 1, base, local_base, local_top });
        state.base = base + rows;
        state.local_base = local_top.next_multiple_of(16);
        state.local_top = state.local_base + function.local;
        state.pc = entry;
        if state.local_top > MOST_LOCAL {
            let detail =
                format!("the thread's stack needs {} bytes of local memory; {MOST_LOCAL} is the most", state.local_top);
            return Err(Trap::new(FaultKind::StackOverflow, detail).in_lane(lane));
        }
        // Its local memory is undefined, not what another call has left there.
        let (from, to) = (state.local_base as usize, state.local_top as usize);
        if let Some(stale) = state.local.get_mut(from..) {
            let length = stale.len().min(to - from);
            stale[..length].fill(0);
        }
        let end = (state.base + function.rows) as usize;
        if self.rows.len() < end {
            self.rows.resize(end.max(2 * self.rows.len()), Row([0; LANES]));
        }
        Ok(())
    }

    /// Has a lane return to its caller; gives the instruction behind the call, or nothing if there is no caller.
    pub fn leave(&mut self, lane: usize) -> Option<u32> {
        let state = &mut self.lanes[lane];
        let back = state.calls.pop()?;
        state.pc = back.pc;
        state.base = back.base;
        state.local_base = back.local_base;
        state.local_top = back.local_top;
        Some(back.pc)
    }

    /// A lane's local memory from here on, so many bytes.
    ///
    /// # Errors
    /// It has not so much.
    #[inline]
    pub fn local(&mut self, lane: usize, at: u64, bytes: u64) -> Result<&mut [u8], Box<Trap>> {
        let state = &mut self.lanes[lane];
        let top = u64::from(state.local_top);
        if at > top || bytes > top - at {
            let detail = format!("access of {bytes} bytes at {at:#x} in local memory; the thread has {top} bytes");
            return Err(Trap::at(FaultKind::OutOfBounds, at, detail).in_lane(lane));
        }
        if state.local.len() < top as usize {
            state.local.resize(top as usize, 0);
        }
        Ok(&mut state.local[at as usize..(at + bytes) as usize])
    }

    /// Writes one value of a type into all lanes that execute, computed lane by lane.
    #[inline]
    pub fn each<V: Value>(&mut self, row: u32, f: impl Fn(&Self, usize) -> V) {
        for lane in self.active() {
            let value = f(self, lane).cell();
            self.set_lane(row, lane, value);
        }
    }
}
