//! One work-group: its waves take turns on one thread, and meet at barriers.

use std::time::Instant;

use super::{
    barrier::SplitBarrier,
    check::{Checked, GroupCheck, WaveCheck, twin::Filling},
    counters::{Counted, GroupCounts},
    dispatch::Dispatch,
    fault::{FaultKind, FaultReport, Trap},
    log::Log,
    memory::View,
    report,
    wave::{State, Wave},
};
use crate::isa::{
    decode::Code,
    step::Flow,
    text::{EXEC, FLAT_SCRATCH, TTMP},
};

/// Instructions that a wave executes before another one has its turn: waves that wait for each other make progress.
const TURN: usize = 4096;

/// What an instruction can reach beyond its wave.
#[derive(Debug)]
pub struct Env<'d> {
    /// Memory.
    pub view: View<'d>,
    /// The work-group's LDS.
    pub lds: Vec<u8>,
    /// The code that runs.
    pub code: &'d Code,
    /// When the dispatch began.
    pub started: Instant,
    /// Takes the interrupts that kernels send to the host, each with its number.
    pub interrupt: fn(u32),
    /// The work-group's barrier, for waves that signal and wait apart.
    pub barrier: SplitBarrier,
    /// What the instruction that is executed does to memory, if somebody wants to know.
    pub log: Option<Box<Log>>,
}

impl Env<'_> {
    /// Called by each instruction that accesses memory, before it does.
    #[inline]
    pub fn begin_access(&mut self) {
        self.view.refresh();
    }

    /// A value that is another one each time, the same for a wave and its twin.
    pub fn once(&mut self, value: impl FnOnce(&Self) -> u64) -> u64 {
        match self.log.take() {
            None => value(self),
            Some(mut log) => {
                let value = log.once(|| value(self));
                self.log = Some(log);
                value
            }
        }
    }

    /// A wave interrupts the host, with this number.
    pub fn interrupt_host(&self, number: u32) {
        // A twin does nothing that can be seen.
        if !self.log.as_ref().is_some_and(|log| log.is_played_back()) {
            (self.interrupt)(number);
        }
    }

    /// A wave signals the work-group's barrier. Gives whether it is the first one.
    pub fn signal_barrier(&mut self, wave: &mut Wave) -> bool {
        let barrier = &mut self.barrier;
        let mut signal = || u64::from(barrier.signal(&mut wave.signalled).0);
        // A twin gives no signal of its own.
        let first = match &mut self.log {
            None => signal(),
            Some(log) => log.once(signal),
        };
        first != 0
    }
}

/// How a wave's instructions are executed: as they are, or with somebody looking on.
pub trait Execute {
    /// Executes the wave's next instruction. Where the wave goes on is left to the caller.
    ///
    /// # Errors
    /// The fault that ends the dispatch.
    fn execute(&mut self, wave: &mut Wave, env: &mut Env<'_>) -> Result<Flow, Box<Trap>>;
}

/// Instructions as they are.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl Execute for Plain {
    #[inline]
    fn execute(&mut self, wave: &mut Wave, env: &mut Env<'_>) -> Result<Flow, Box<Trap>> {
        env.code.steps[wave.ip as usize](wave, env)
    }
}

/// A thread that runs work-groups of a dispatch, one after the other.
#[derive(Debug)]
pub struct Worker<'d> {
    /// What instructions can reach.
    pub env: Env<'d>,
    /// What is checked beyond that memory is live, if anything.
    pub check: Option<GroupCheck<'d>>,
    /// What is counted, if anything.
    pub counts: Option<GroupCounts<'d>>,
}

/// Runs the work-group of this number to its end.
///
/// # Errors
/// The report of the fault that ended it.
pub fn run(dispatch: &Dispatch<'_>, worker: &mut Worker<'_>, number: u64) -> Result<(), Box<FaultReport>> {
    let Worker { env, check, counts } = worker;
    let group = dispatch.group(number);
    let size = dispatch.extent(group);
    let items = size[0] * size[1] * size[2];
    let lanes = dispatch.wave_size.lanes();
    let starts = || (0..items).step_by(lanes);
    let begin = |filling: Filling| starts().map(move |first| start(dispatch, group, size, first, filling));
    env.lds.clear();
    env.lds.resize(dispatch.lds_size as usize, 0);
    let filling = check.as_ref().map_or(Filling::Zeros, |_| Filling::of_group(number, false));
    let mut waves: Vec<Wave> = begin(filling).collect();
    let mut wave_checks = Vec::new();
    if let Some(check) = check {
        check.begin(number, &mut env.lds, &waves, lanes as u32);
        let count_stores = dispatch.code.target.counts_stores_with_loads();
        let twins = begin(Filling::of_group(number, true)).enumerate();
        wave_checks.extend(twins.map(|(number, twin)| WaveCheck::new(number, twin, count_stores)));
    }
    env.barrier = SplitBarrier::new(waves.len());
    loop {
        let mut running = false;
        for (number, wave) in waves.iter_mut().enumerate() {
            if wave.state == State::AtBarrierWait && env.barrier.is_passed(wave.signalled) {
                wave.state = State::Running;
            }
            if wave.state != State::Running {
                continue;
            }
            let checked = check.as_mut().zip(wave_checks.get_mut(number));
            let turn = match (checked.map(|(group, wave)| Checked { group, wave }), &mut *counts) {
                (None, None) => take_turn(dispatch, env, wave, &mut Plain),
                (None, Some(counts)) => take_turn(dispatch, env, wave, &mut Counted { executor: Plain, counts }),
                (Some(mut executor), None) => take_turn(dispatch, env, wave, &mut executor),
                (Some(executor), Some(counts)) => take_turn(dispatch, env, wave, &mut Counted { executor, counts }),
            };
            turn.map_err(|trap| report::trap(dispatch, env, wave, *trap, group))?;
            running |= wave.state == State::Running;
            if wave.state == State::Ended {
                env.barrier.leave(wave.signalled);
                if let Some(check) = check {
                    let passed = check.split_barrier(env.barrier.phase(), env.code);
                    passed.map_err(|violation| report::violation(dispatch, env, &violation))?;
                }
            }
        }
        let waits = |wave: &Wave| wave.state == State::AtBarrierWait;
        if running || waves.iter().any(|wave| waits(wave) && env.barrier.is_passed(wave.signalled)) {
            continue;
        }
        // Waves that have ended do not take part in barriers.
        let mut waiting = false;
        for wave in waves.iter_mut().filter(|wave| wave.state == State::AtBarrier) {
            wave.state = State::Running;
            waiting = true;
        }
        if waiting {
            if let Some(check) = check {
                let met = check.barrier(env.code);
                met.map_err(|violation| report::violation(dispatch, env, &violation))?;
            }
            continue;
        }
        if let Some(wave) = waves.iter().find(|wave| waits(wave)) {
            let detail = "the wave waits at a barrier that others of its work-group never signal";
            return Err(report::trap(dispatch, env, wave, *Trap::new(FaultKind::Trap, detail), group));
        }
        if let Some(counts) = counts {
            counts.end(waves.len());
        }
        let Some(check) = check else { return Ok(()) };
        return check.end().map_err(|violation| report::violation(dispatch, env, &violation));
    }
}

fn take_turn<E: Execute>(
    dispatch: &Dispatch<'_>,
    env: &mut Env<'_>,
    wave: &mut Wave,
    executor: &mut E,
) -> Result<(), Box<Trap>> {
    let code = env.code;
    for _ in 0..TURN {
        match executor.execute(wave, env)? {
            Flow::Next => wave.ip += 1,
            Flow::Jump(index) => wave.ip = index,
            Flow::JumpAddress(address) => match code.find(address) {
                Some(index) => wave.ip = index,
                None => {
                    let detail = format!("jump to {address:#x}, where no instruction begins");
                    return Err(Trap::new(FaultKind::IllegalInstruction, detail));
                }
            },
            Flow::Barrier => {
                wave.ip += 1;
                wave.state = State::AtBarrier;
                return Ok(());
            }
            Flow::BarrierWait => {
                wave.ip += 1;
                if !env.barrier.is_passed(wave.signalled) {
                    wave.state = State::AtBarrierWait;
                    return Ok(());
                }
            }
            Flow::End => {
                wave.state = State::Ended;
                return Ok(());
            }
            Flow::Yield => {
                wave.ip += 1;
                break;
            }
        }
    }
    dispatch.watchdog.check()
}

/// The state that a wave starts with (LLVM's *User Guide for AMDGPU Backend*, "Initial Kernel Execution State").
/// `filling` is for registers that are not set up.
fn start(dispatch: &Dispatch<'_>, group: [u32; 3], size: [u32; 3], first: u32, filling: Filling) -> Wave {
    let (target, wave_lanes) = (dispatch.code.target, dispatch.wave_size.lanes() as u32);
    let mut wave = Wave::new(dispatch.wave_size, dispatch.code.vector_registers);
    wave.ip = dispatch.entry;
    wave.mode = dispatch.mode;
    wave.first_item = first;
    wave.scratch_size = u64::from(dispatch.scratch_size);
    wave.scratch = vec![0; dispatch.scratch_size as usize * dispatch.wave_size.lanes()];
    filling.wave(&mut wave);
    let lanes = (size[0] * size[1] * size[2] - first).min(wave_lanes);
    wave.set_scalar_u64(EXEC, u64::MAX >> (64 - lanes));
    for (register, value) in wave.scalar.iter_mut().zip(&dispatch.user_registers) {
        *register = *value;
    }
    // A wave's scratch begins at offset 0 of its own memory: FLAT_SCRATCH stays 0.
    wave.set_scalar_u64(FLAT_SCRATCH, 0);
    let mut next = dispatch.user_registers.len();
    let mut push = |wave: &mut Wave, value| {
        wave.scalar[next] = value;
        next += 1;
    };
    if target.group_ids_in_trap_temporaries() {
        wave.scalar[usize::from(TTMP + 9)] = group[0];
        wave.scalar[usize::from(TTMP + 7)] = group[1] & 0xffff | group[2] << 16;
    } else {
        for (id, enabled) in group.into_iter().zip(dispatch.group_ids) {
            if enabled {
                push(&mut wave, id);
            }
        }
    }
    if dispatch.group_info {
        push(&mut wave, u32::from(first == 0));
    }
    if dispatch.scratch_offset {
        // So this is the offset of the wave's scratch.
        push(&mut wave, 0);
    }
    for lane in 0..lanes {
        let [x, y, z] = item(first + lane, size);
        let lane = lane as usize;
        if target.packs_item_ids() {
            wave.vector[0][lane] = match dispatch.item_ids {
                0 => x,
                1 => x | y << 10,
                _ => x | y << 10 | z << 20,
            };
        } else {
            for (register, id) in [x, y, z].into_iter().enumerate().take(1 + dispatch.item_ids as usize) {
                wave.vector[register][lane] = id;
            }
        }
    }
    wave
}

/// The id of the item of this number in a work-group of this size; x counts fastest.
pub fn item(number: u32, size: [u32; 3]) -> [u32; 3] {
    [number % size[0], number / size[0] % size[1], number / size[0] / size[1]]
}
