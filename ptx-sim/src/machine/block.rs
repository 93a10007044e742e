//! A block: its warps in turn, and the barriers between them.

use std::sync::{Arc, atomic::Ordering};

use super::{
    code::{Barrier, Op, ReductionKind},
    env::Env,
    schedule::{self, BARRIERS},
    value::{LANES, Source},
    warp::{Wait, Warp},
};
use crate::fault::{Fault, FaultKind, Trap};

/// Runs a block to its end.
///
/// # Errors
/// The first fault.
pub fn run(env: &mut Env<'_>) -> Result<(), Box<Fault>> {
    let dispatch = env.dispatch;
    let size = dispatch.block;
    let threads: usize = size.iter().map(|size| *size as usize).product();
    let mut warps: Vec<Warp> = (0..threads.div_ceil(LANES))
        .map(|number| {
            let first = number * LANES;
            let mut warp = Warp::new(dispatch.code, dispatch.entry, number as u32, (threads - first).min(LANES));
            for (lane, thread) in warp.threads.iter_mut().enumerate() {
                let linear = (first + lane) as u32;
                *thread = [linear % size[0], linear / size[0] % size[1], linear / size[0] / size[1]];
            }
            warp
        })
        .collect();
    let mut arrived = [0_u32; BARRIERS as usize];
    loop {
        let mut has_run = false;
        for warp in &mut warps {
            has_run |= schedule::run(warp, env).map_err(|trap| Box::new(fault(env, warp, *trap)))?;
            if dispatch.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) || dispatch.failed.load(Ordering::Relaxed)
            {
                let trap = Trap::new(FaultKind::Stopped, "whoever launched the kernel had it stopped");
                return Err(Box::new(fault(env, warp, *trap)));
            }
        }
        has_run |=
            pass(&mut warps, &mut arrived).map_err(|(number, trap)| Box::new(fault(env, &warps[number], *trap)))?;
        if !has_run {
            return end(env, &mut warps);
        }
    }
}

/// What it means that no lane can go on: all have ended, or they wait for each other.
fn end(env: &Env<'_>, warps: &mut [Warp]) -> Result<(), Box<Fault>> {
    let Some(warp) = warps.iter_mut().find(|warp| warp.live() != 0) else { return Ok(()) };
    let lane = warp.live().trailing_zeros() as usize;
    warp.at = warp.lanes[lane].pc;
    let detail = match warp.lanes[lane].wait {
        Wait::Lanes(members) => {
            let here = warp.waiting(|wait| wait == Wait::Lanes(members));
            let missing = members & !here & warp.live();
            format!("the lanes {here:#010x} of the warp wait for the lanes {missing:#010x}, which never come")
        }
        Wait::Barrier(number) => {
            let waiting = |warp: &Warp| warp.waiting(|wait| wait == Wait::Barrier(number)).count_ones();
            let others = |warp: &Warp| warp.live().count_ones() - waiting(warp);
            let (here, elsewhere) =
                warps.iter().fold((0, 0), |(here, elsewhere), warp| (here + waiting(warp), elsewhere + others(warp)));
            format!("{here} threads wait at barrier {number}, and {elsewhere} wait for something else: none can go on")
        }
        Wait::Ready | Wait::Exited => "no thread can go on".to_owned(),
    };
    let Some(warp) = warps.iter().find(|warp| warp.live() != 0) else { return Ok(()) };
    Err(Box::new(fault(env, warp, *Trap::new(FaultKind::Deadlock, detail).in_lane(lane))))
}

/// The barrier that a lane waits at.
fn barrier(warp: &Warp, lane: usize) -> Option<&Barrier> {
    match &warp.code.instructions[warp.lanes[lane].pc as usize].op {
        Op::Barrier(barrier) => Some(barrier),
        _ => None,
    }
}

/// A value of a lane that waits, whose frame may be any.
fn value(warp: &mut Warp, lane: usize, source: Source) -> u32 {
    warp.base = warp.lanes[lane].base as usize;
    warp.get::<u32>(source)[lane]
}

/// Lets threads go on that wait at barriers which all have come to; gives whether there are any.
///
/// # Errors
/// A fault, and the number of its warp.
fn pass(warps: &mut [Warp], arrived: &mut [u32; BARRIERS as usize]) -> Result<bool, (usize, Box<Trap>)> {
    let mut has_passed = false;
    let (mut live, mut used) = (0, 0_u32);
    for lane in warps.iter().flat_map(|warp| &warp.lanes) {
        live += u32::from(lane.wait != Wait::Exited);
        if let Wait::Barrier(number) = lane.wait {
            used |= 1 << number;
        }
    }
    for number in (0..BARRIERS).filter(|number| used >> number & 1 != 0) {
        let at = |warp: &Warp| warp.waiting(|wait| wait == Wait::Barrier(number));
        let mut waiting = 0;
        let mut expected = None;
        for (index, warp) in warps.iter_mut().enumerate() {
            let lanes = at(warp);
            for lane in (0..LANES).filter(|lane| lanes >> lane & 1 != 0) {
                let Some((threads, waits)) = barrier(warp, lane).map(|barrier| (barrier.threads, barrier.waits)) else {
                    continue;
                };
                let count = threads.map(|source| value(warp, lane, source));
                if let Some(count) = count.filter(|count| *count == 0 || !count.is_multiple_of(LANES as u32)) {
                    let detail = format!("a barrier for {count} threads: it must be a multiple of {LANES}");
                    return Err((index, fault_at(warp, lane, FaultKind::Trap, detail)));
                }
                if expected.is_some_and(|expected| expected != count) {
                    let detail =
                        format!("threads come to barrier {number} with different numbers of threads to wait for");
                    return Err((index, fault_at(warp, lane, FaultKind::DivergentBarrier, detail)));
                }
                expected = Some(count);
                if waits {
                    waiting += 1;
                } else {
                    // It only says that it has come.
                    arrived[number as usize] += 1;
                    warp.lanes[lane].wait = Wait::Ready;
                    warp.lanes[lane].pc += 1;
                    has_passed = true;
                }
            }
        }
        let Some(expected) = expected else { continue };
        let expected = expected.unwrap_or(live);
        if waiting == 0 || waiting + arrived[number as usize] < expected {
            continue;
        }
        arrived[number as usize] = 0;
        open(warps, number)?;
        has_passed = true;
    }
    Ok(has_passed)
}

fn fault_at(warp: &mut Warp, lane: usize, kind: FaultKind, detail: String) -> Box<Trap> {
    warp.at = warp.lanes[lane].pc;
    Trap::new(kind, detail).in_lane(lane)
}

/// Lets all threads go on that wait at this barrier.
fn open(warps: &mut [Warp], number: u32) -> Result<(), (usize, Box<Trap>)> {
    let waits = |warp: &Warp| warp.waiting(|wait| wait == Wait::Barrier(number));
    let (mut count, mut all) = (0_u32, true);
    for (index, warp) in warps.iter_mut().enumerate() {
        let lanes = waits(warp);
        let mut first = None;
        for lane in (0..LANES).filter(|lane| lanes >> lane & 1 != 0) {
            let Some((reduction, is_aligned)) =
                barrier(warp, lane).map(|barrier| (barrier.reduction, barrier.is_aligned))
            else {
                continue;
            };
            let here = warp.lanes[lane].pc;
            if is_aligned && *first.get_or_insert(here) != here {
                let detail = format!("threads of one warp wait for barrier {number} at different instructions");
                return Err((index, fault_at(warp, lane, FaultKind::DivergentBarrier, detail)));
            }
            if let Some(reduction) = reduction {
                warp.base = warp.lanes[lane].base as usize;
                let bit = (warp.predicate(reduction.predicate) >> lane & 1 != 0) ^ reduction.is_negated;
                count += u32::from(bit);
                all &= bit;
            }
        }
    }
    for warp in warps {
        let lanes = waits(warp);
        for lane in (0..LANES).filter(|lane| lanes >> lane & 1 != 0) {
            if let Some(reduction) = barrier(warp, lane).and_then(|barrier| barrier.reduction) {
                warp.base = warp.lanes[lane].base as usize;
                warp.mask = 1 << lane;
                match reduction.kind {
                    ReductionKind::Count => warp.set_lane(reduction.row, lane, count),
                    ReductionKind::All => warp.set_predicate(reduction.row, if all { u32::MAX } else { 0 }),
                    ReductionKind::Any => warp.set_predicate(reduction.row, if count > 0 { u32::MAX } else { 0 }),
                }
            }
            warp.lanes[lane].wait = Wait::Ready;
            warp.lanes[lane].pc += 1;
        }
    }
    Ok(())
}

/// The report of a fault at the instruction that a warp executes.
fn fault(env: &Env<'_>, warp: &Warp, trap: Trap) -> Fault {
    Fault {
        kind: trap.kind,
        kernel: env.dispatch.kernel.to_owned(),
        site: Arc::clone(&warp.code).site(warp.at),
        block: env.block,
        thread: trap.lane.map(|lane| warp.threads[lane]),
        address: trap.address,
        detail: trap.detail,
    }
}
