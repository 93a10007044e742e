//! One work-group: its waves take turns on one thread, and meet at barriers.

use std::time::Instant;

use super::{
    dispatch::Dispatch,
    fault::{FaultKind, FaultReport, Trap},
    memory::View,
    wave::{LANES, State, Wave},
};
use crate::isa::{
    decode::Code,
    step::Flow,
    text::{EXEC, FLAT_SCRATCH},
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
}

/// Runs a work-group to its end.
///
/// # Errors
/// The report of the fault that ended it.
pub fn run(dispatch: &Dispatch<'_>, env: &mut Env<'_>, group: [u32; 3]) -> Result<(), Box<FaultReport>> {
    let size: [u32; 3] = std::array::from_fn(|i| {
        let begin = u64::from(group[i]) * u64::from(dispatch.group_size[i]);
        u64::from(dispatch.group_size[i]).min(u64::from(dispatch.grid_size[i]) - begin) as u32
    });
    let items = size[0] * size[1] * size[2];
    env.lds.clear();
    env.lds.resize(dispatch.lds_size as usize, 0);
    let mut waves: Vec<Wave> = (0..items).step_by(LANES).map(|first| start(dispatch, group, size, first)).collect();
    loop {
        let mut running = false;
        for wave in waves.iter_mut().filter(|wave| wave.state == State::Running) {
            take_turn(dispatch, env, wave).map_err(|trap| report(dispatch, env, wave, *trap, group, size))?;
            running |= wave.state == State::Running;
        }
        if running {
            continue;
        }
        // Waves that have ended do not take part in barriers.
        let mut waiting = false;
        for wave in waves.iter_mut().filter(|wave| wave.state == State::AtBarrier) {
            wave.state = State::Running;
            waiting = true;
        }
        if !waiting {
            return Ok(());
        }
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
    let mut wave = Wave::new(dispatch.code.vector_registers);
    wave.ip = dispatch.entry;
    wave.mode = dispatch.mode;
    wave.first_item = first;
    wave.scratch_size = u64::from(dispatch.scratch_size);
    wave.scratch = vec![0; dispatch.scratch_size as usize * LANES];
    let lanes = (size[0] * size[1] * size[2] - first).min(LANES as u32);
    wave.set_scalar_u64(EXEC, u64::MAX >> (LANES as u32 - lanes));
    for (register, value) in wave.scalar.iter_mut().zip(&dispatch.user_registers) {
        *register = *value;
    }
    // A wave's scratch begins at offset 0 of its own memory: FLAT_SCRATCH stays 0.
    wave.set_scalar_u64(FLAT_SCRATCH, 0);
    let mut next = dispatch.user_registers.len();
    for (id, enabled) in group.into_iter().zip(dispatch.group_ids) {
        if enabled {
            wave.scalar[next] = id;
            next += 1;
        }
    }
    for lane in 0..lanes {
        let [x, y, z] = item(first + lane, size);
        wave.vector[0][lane as usize] = match dispatch.item_ids {
            0 => x,
            1 => x | y << 10,
            _ => x | y << 10 | z << 20,
        };
    }
    wave
}

fn item(number: u32, size: [u32; 3]) -> [u32; 3] {
    [number % size[0], number / size[0] % size[1], number / size[0] / size[1]]
}

fn report(
    dispatch: &Dispatch<'_>,
    env: &Env<'_>,
    wave: &Wave,
    trap: Trap,
    group: [u32; 3],
    size: [u32; 3],
) -> Box<FaultReport> {
    let (function, pc_offset) = env.code.locate(wave.ip);
    Box::new(FaultReport {
        kind: trap.kind,
        status: trap.kind.status(),
        kernel: dispatch.kernel.clone(),
        pc_offset,
        function,
        instruction: env.code.texts.get(wave.ip as usize).cloned().unwrap_or_default(),
        group,
        item: trap.lane.map(|lane| item(wave.first_item + lane, size)),
        lane: trap.lane,
        address: trap.address,
        detail: trap.detail,
    })
}
