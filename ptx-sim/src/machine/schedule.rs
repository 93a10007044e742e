//! Which lanes of a warp execute next, and control flow.
//!
//! Each lane has its own next instruction. Lanes that are at the same one in the same frame run together; of several such
//! groups the one that is deepest in calls comes first, and then the one at the lowest address, so that those ahead wait
//! where the ways meet again. When lanes have been apart for long, the groups have their turns one after the other for a while:
//! lanes may wait in a loop for what others of their warp do.

use std::sync::{
    Arc,
    atomic::{Ordering, fence},
};

use super::{
    code::{Argument, Call, Code, Op, Target},
    env::Env,
    value::{Cell, LANES, Source},
    warp::{Lane, Wait, Warp},
};
use crate::fault::{FaultKind, Trap};

/// Barriers of a block.
pub const BARRIERS: u32 = 16;
/// Instructions of a warp whose lanes have parted before the order in which its groups have their turn changes.
const QUANTUM: u32 = 1 << 12;
/// Instructions that a warp executes before the block's others have their turn.
const WARP_QUANTUM: u32 = 1 << 15;

/// Runs a warp until no lane can go on, or its time is over; gives whether any lane has executed anything.
///
/// # Errors
/// A fault, at the instruction [`Warp::at`].
pub fn run(warp: &mut Warp, env: &mut Env<'_>) -> Result<bool, Box<Trap>> {
    let code = Arc::clone(&warp.code);
    let mut left = WARP_QUANTUM;
    let mut has_run = false;
    while left > 0 {
        let Some(group) = pick(warp) else { break };
        has_run = true;
        let is_whole = warp.waiting(|wait| wait == Wait::Ready) == group;
        let executed = run_group(warp, env, &code, group, QUANTUM.min(left))?;
        warp.parted = if is_whole { 0 } else { warp.parted.wrapping_add(executed) };
        left = left.saturating_sub(executed.max(1));
    }
    // What other blocks and the host wait for is in memory now.
    fence(Ordering::SeqCst);
    Ok(has_run)
}

/// The lanes that run next: those that come first, or, in every other quantum of a warp whose lanes have parted, those that
/// have waited longest.
fn pick(warp: &mut Warp) -> Option<u32> {
    let ready = |lane: &&Lane| lane.wait == Wait::Ready;
    let lanes = warp.lanes.iter().filter(ready);
    let in_turn = !(warp.parted / QUANTUM).is_multiple_of(2);
    let first = if in_turn {
        lanes.min_by_key(|lane| lane.turn)?
    } else {
        lanes.min_by_key(|lane| (std::cmp::Reverse(lane.base), lane.pc))?
    };
    let (pc, base) = (first.pc, first.base);
    let mut group = 0;
    warp.turn += 1;
    for (number, lane) in warp.lanes.iter_mut().enumerate() {
        if lane.wait == Wait::Ready && lane.pc == pc && lane.base == base {
            group |= 1 << number;
            lane.turn = warp.turn;
        }
    }
    Some(group)
}

/// Lane numbers of a mask.
fn lanes_of(mask: u32) -> impl Iterator<Item = usize> {
    (0..LANES).filter(move |lane| mask >> lane & 1 != 0)
}

/// Runs lanes that are at one instruction until they part, meet others, or wait; gives how many instructions that were.
fn run_group(warp: &mut Warp, env: &mut Env<'_>, code: &Code, group: u32, quantum: u32) -> Result<u32, Box<Trap>> {
    let first = group.trailing_zeros() as usize;
    let (mut pc, base) = (warp.lanes[first].pc, warp.lanes[first].base);
    warp.base = base as usize;
    let others = warp.waiting(|wait| wait == Wait::Ready) & !group;
    let meeting = lanes_of(others)
        .map(|lane| &warp.lanes[lane])
        .filter(|lane| lane.base == base && lane.pc > pc)
        .map(|lane| lane.pc)
        .min();
    let meeting = meeting.unwrap_or(u32::MAX);
    let mut executed = 0;
    let stay = |warp: &mut Warp, lanes: u32, pc: u32| lanes_of(lanes).for_each(|lane| warp.lanes[lane].pc = pc);
    loop {
        if executed == quantum || pc == meeting {
            stay(warp, group, pc);
            return Ok(executed);
        }
        executed += 1;
        let instruction = &code.instructions[pc as usize];
        warp.at = pc;
        let mask = match instruction.guard {
            None => group,
            Some((row, is_negated)) => {
                let bits = warp.predicate(Source::Register(row));
                group & if is_negated { !bits } else { bits }
            }
        };
        match &instruction.op {
            Op::Compute(run) => {
                if mask != 0 {
                    warp.mask = mask;
                    run(warp);
                }
                pc += 1;
            }
            Op::Access(run) => {
                if mask != 0 {
                    warp.mask = mask;
                    run(warp, env)?;
                }
                pc += 1;
            }
            Op::Branch(target) if mask == group => {
                pc = *target;
                if others != 0 {
                    stay(warp, group, pc);
                    return Ok(executed);
                }
            }
            _ if mask == 0 => pc += 1,
            op => {
                stay(warp, group & !mask, pc + 1);
                stay(warp, mask, pc);
                control(warp, code, op, mask, pc)?;
                return Ok(executed);
            }
        }
    }
}

/// Executes what changes where lanes go on, or whether.
fn control(warp: &mut Warp, code: &Code, op: &Op, mask: u32, pc: u32) -> Result<(), Box<Trap>> {
    match op {
        Op::Branch(target) => lanes_of(mask).for_each(|lane| warp.lanes[lane].pc = *target),
        Op::BranchIndexed { index, targets } => {
            let index = *warp.get::<u32>(*index);
            for lane in lanes_of(mask) {
                let Some(target) = targets.get(index[lane] as usize) else {
                    let detail = format!("branch to target {} of {}", index[lane], targets.len());
                    return Err(Trap::new(FaultKind::Trap, detail).in_lane(lane));
                };
                warp.lanes[lane].pc = *target;
            }
        }
        Op::Call(call) => enter(warp, code, call, mask, pc)?,
        Op::Return => {
            leave(warp, code, mask)?;
            release(warp, code);
        }
        Op::Exit => {
            lanes_of(mask).for_each(|lane| warp.lanes[lane].wait = Wait::Exited);
            release(warp, code);
        }
        Op::Trap(what) => return Err(Trap::new(FaultKind::Trap, *what).in_lane(mask.trailing_zeros() as usize)),
        Op::Together(together) => {
            let members = *warp.get::<u32>(together.members);
            for lane in lanes_of(mask) {
                if members[lane] >> lane & 1 == 0 {
                    let detail =
                        format!("the member mask {:#010x} lacks the lane that executes, {lane}", members[lane]);
                    return Err(Trap::new(FaultKind::Trap, detail).in_lane(lane));
                }
                warp.lanes[lane].wait = Wait::Lanes(members[lane]);
            }
            release(warp, code);
        }
        Op::Barrier(barrier) => {
            let numbers = *warp.get::<u32>(barrier.number);
            for lane in lanes_of(mask) {
                if numbers[lane] >= BARRIERS {
                    let detail = format!("barrier {}; a block has {BARRIERS}", numbers[lane]);
                    return Err(Trap::new(FaultKind::Trap, detail).in_lane(lane));
                }
                warp.lanes[lane].wait = Wait::Barrier(numbers[lane]);
            }
        }
        // These are executed where they stand.
        Op::Compute(_) | Op::Access(_) => {}
    }
    Ok(())
}

/// Lets lanes go on that all lanes of their mask have come to, where those that have ended count as having come.
fn release(warp: &mut Warp, code: &Code) {
    let mut seen = 0;
    for lane in 0..LANES {
        let Wait::Lanes(members) = warp.lanes[lane].wait else { continue };
        if seen >> lane & 1 != 0 {
            continue;
        }
        let (pc, base) = (warp.lanes[lane].pc, warp.lanes[lane].base);
        let Op::Together(together) = &code.instructions[pc as usize].op else { continue };
        let is_same = together.is_same;
        let mut here = 0;
        let mut missing = 0;
        for other in lanes_of(members) {
            let state = &warp.lanes[other];
            let is_with = match state.wait {
                Wait::Lanes(mask) if mask == members => {
                    let at = &code.instructions[state.pc as usize].op;
                    let same_sort = matches!(at, Op::Together(at) if at.is_same == is_same);
                    same_sort && (!is_same || state.pc == pc && state.base == base)
                }
                _ => false,
            };
            if is_with {
                here |= 1 << other;
            } else if state.wait != Wait::Exited {
                missing |= 1 << other;
            }
        }
        seen |= here;
        if missing != 0 {
            continue;
        }
        warp.mask = here;
        warp.base = base as usize;
        warp.at = pc;
        (together.run)(warp);
        for lane in lanes_of(here) {
            warp.lanes[lane].pc += 1;
            warp.lanes[lane].wait = Wait::Ready;
        }
    }
}

/// An argument's value in a lane.
fn read(warp: &mut Warp, lane: usize, argument: Argument, into: &mut Vec<u8>) -> Result<(), Box<Trap>> {
    into.clear();
    match argument {
        Argument::Memory { offset, bytes } => {
            let at = u64::from(warp.lanes[lane].local_base) + u64::from(offset);
            into.extend_from_slice(warp.local(lane, at, u64::from(bytes))?);
        }
        Argument::Value { source, bytes } => {
            let bits = match bytes {
                0 => u128::from(warp.predicate(source) >> lane & 1),
                1..=4 => warp.get::<u32>(source)[lane].bits(),
                5..=8 => warp.get::<u64>(source)[lane].bits(),
                _ => warp.get::<u128>(source)[lane],
            };
            into.extend_from_slice(&bits.to_le_bytes()[..bytes.max(1) as usize]);
        }
    }
    Ok(())
}

/// Gives an argument a value in a lane.
fn write(warp: &mut Warp, lane: usize, argument: Argument, from: &[u8]) -> Result<(), Box<Trap>> {
    match argument {
        Argument::Memory { offset, bytes } => {
            let at = u64::from(warp.lanes[lane].local_base) + u64::from(offset);
            let target = warp.local(lane, at, u64::from(bytes))?;
            let length = target.len().min(from.len());
            target[..length].copy_from_slice(&from[..length]);
        }
        Argument::Value { source: Source::Register(row), bytes } => {
            let mut all = [0; 16];
            let length = from.len().min(16);
            all[..length].copy_from_slice(&from[..length]);
            let bits = u128::from_le_bytes(all);
            match bytes {
                0 => {
                    warp.mask = 1 << lane;
                    warp.set_predicate(row, (bits as u32 & 1) << lane);
                }
                1..=4 => warp.set_lane(row, lane, u32::of_bits(bits)),
                5..=8 => warp.set_lane(row, lane, u64::of_bits(bits)),
                _ => warp.set_lane(row, lane, bits),
            }
        }
        // Nothing is written to a constant: decoding sees to it.
        Argument::Value { .. } => {}
    }
    Ok(())
}

fn enter(warp: &mut Warp, code: &Code, call: &Call, mask: u32, pc: u32) -> Result<(), Box<Trap>> {
    // Lanes that call another function stay, and have their turn.
    let first = mask.trailing_zeros() as usize;
    let (function, mask) = match call.target {
        Target::Function(number) => (&code.functions[number as usize], mask),
        Target::Address(source) => {
            let addresses = *warp.get::<u64>(source);
            let address = addresses[first];
            let function = code.function_at(address).ok_or_else(|| {
                let detail = format!("call of {address:#x}, where no function is");
                Trap::at(FaultKind::Trap, address, detail).in_lane(first)
            })?;
            let fits = |formals: &[Argument], actuals: &[Argument]| {
                formals.len() == actuals.len()
                    && formals.iter().zip(actuals).all(|(formal, actual)| formal.bytes() == actual.bytes())
            };
            if !fits(&function.params, &call.arguments) || !fits(&function.returns, &call.results) {
                let detail = format!("call of {}, which has other parameters than the call's prototype", function.name);
                return Err(Trap::at(FaultKind::Trap, address, detail).in_lane(first));
            }
            (function, lanes_of(mask).filter(|lane| addresses[*lane] == address).fold(0, |mask, lane| mask | 1 << lane))
        }
    };
    let caller = warp.base;
    let mut bytes = Vec::new();
    let mut given: Vec<Vec<u8>> = Vec::with_capacity(call.arguments.len());
    for lane in lanes_of(mask) {
        warp.base = caller;
        given.clear();
        for argument in &call.arguments {
            read(warp, lane, *argument, &mut bytes)?;
            given.push(bytes.clone());
        }
        warp.enter(lane, pc, function.entry)?;
        warp.base = warp.lanes[lane].base as usize;
        for (formal, value) in function.params.iter().zip(&given) {
            write(warp, lane, *formal, value)?;
        }
    }
    Ok(())
}

fn leave(warp: &mut Warp, code: &Code, mask: u32) -> Result<(), Box<Trap>> {
    let callee = warp.base;
    let function = code.function_of(warp.at);
    let mut bytes = Vec::new();
    for lane in lanes_of(mask) {
        warp.base = callee;
        let mut given: Vec<Vec<u8>> = Vec::with_capacity(function.returns.len());
        for formal in &function.returns {
            read(warp, lane, *formal, &mut bytes)?;
            given.push(bytes.clone());
        }
        match warp.leave(lane) {
            None => warp.lanes[lane].wait = Wait::Exited,
            Some(back) => {
                warp.base = warp.lanes[lane].base as usize;
                if let Op::Call(call) = &code.instructions[back as usize - 1].op {
                    for (result, value) in call.results.iter().zip(&given) {
                        write(warp, lane, *result, value)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Orders a thread's accesses before and after.
pub fn order() {
    fence(Ordering::SeqCst);
}
