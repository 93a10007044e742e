//! One work-group: its waves take turns on one thread, and meet at barriers.

use std::time::Instant;

use super::{
    barrier::SplitBarrier,
    check::GroupCheck,
    dispatch::Dispatch,
    fault::{FaultKind, FaultReport, Trap},
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
    /// The work-group's barrier, for waves that signal and wait apart.
    pub barrier: SplitBarrier,
    /// What is checked beyond that memory is live, if anything.
    pub check: Option<Box<GroupCheck<'d>>>,
}

impl Env<'_> {
    /// Called by each instruction that accesses memory, before it does.
    #[inline]
    pub fn begin_access(&mut self) {
        self.view.refresh();
        if let Some(check) = &mut self.check {
            check.instruction();
        }
    }

    /// A wave signals the work-group's barrier. Gives whether it is the first one.
    pub fn signal_barrier(&mut self, wave: &mut Wave) -> bool {
        let (first, complete) = self.barrier.signal(&mut wave.signalled);
        self.passed_barrier(complete);
        first
    }

    fn leave_barrier(&mut self, wave: &Wave) {
        let complete = self.barrier.leave(wave.signalled);
        self.passed_barrier(complete);
    }

    fn passed_barrier(&mut self, complete: bool) {
        if complete && let Some(check) = &mut self.check {
            check.barrier();
        }
    }
}

/// Runs the work-group of this number to its end.
///
/// # Errors
/// The report of the fault that ended it.
pub fn run(dispatch: &Dispatch<'_>, env: &mut Env<'_>, number: u64) -> Result<(), Box<FaultReport>> {
    let group = dispatch.group(number);
    let size = dispatch.extent(group);
    let items = size[0] * size[1] * size[2];
    let lanes = dispatch.wave_size.lanes();
    if let Some(check) = &mut env.check {
        check.begin(number, dispatch.lds_size as usize, items as usize <= lanes);
    }
    env.lds.clear();
    env.lds.resize(dispatch.lds_size as usize, 0);
    let mut waves: Vec<Wave> = (0..items).step_by(lanes).map(|first| start(dispatch, group, size, first)).collect();
    env.barrier = SplitBarrier::new(waves.len());
    loop {
        let mut running = false;
        for wave in &mut waves {
            if wave.state == State::AtBarrierWait && env.barrier.is_passed(wave.signalled) {
                wave.state = State::Running;
            }
            if wave.state != State::Running {
                continue;
            }
            take_turn(dispatch, env, wave).map_err(|trap| report::trap(dispatch, env, wave, *trap, group))?;
            running |= wave.state == State::Running;
            if wave.state == State::Ended {
                env.leave_barrier(wave);
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
            if let Some(check) = &mut env.check {
                check.barrier();
            }
            continue;
        }
        if let Some(wave) = waves.iter().find(|wave| waits(wave)) {
            let detail = "the wave waits at a barrier that others of its work-group never signal";
            return Err(report::trap(dispatch, env, wave, *Trap::new(FaultKind::Trap, detail), group));
        }
        let Some(check) = &mut env.check else { return Ok(()) };
        return check.end().map_err(|violation| report::violation(dispatch, env, &violation));
    }
}

fn take_turn(dispatch: &Dispatch<'_>, env: &mut Env<'_>, wave: &mut Wave) -> Result<(), Box<Trap>> {
    let code = env.code;
    for _ in 0..TURN {
        match code.steps[wave.ip as usize](wave, env)? {
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
fn start(dispatch: &Dispatch<'_>, group: [u32; 3], size: [u32; 3], first: u32) -> Wave {
    let (target, wave_lanes) = (dispatch.code.target, dispatch.wave_size.lanes() as u32);
    let mut wave = Wave::new(dispatch.wave_size, dispatch.code.vector_registers);
    wave.ip = dispatch.entry;
    wave.mode = dispatch.mode;
    wave.first_item = first;
    wave.scratch_size = u64::from(dispatch.scratch_size);
    wave.scratch = vec![0; dispatch.scratch_size as usize * dispatch.wave_size.lanes()];
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
