//! Copies that the program does not wait for.
//!
//! ```text
//!   submitted --a dependency is open--> watches it --it changes--+
//!       ^  |                                                    |
//!       |  +--all are 0, or one is negative--> copy engine      |
//!       +-------------------------------------------------------+
//! ```
//! A copy needs no access of a GPU to memory, but it reads and writes only memory that devices can reach: allocations
//! of pools, code objects and locked memory. The CPU alone copies other memory. Each end lies in one allocation; that
//! is checked when the copy is submitted and again when it runs. A copy that cannot run sets its completion signal to a
//! negative number.
//!
//! A copy of no bytes succeeds and leaves its completion signal alone, as AMD's runtime has it.

use std::{ffi::c_void, sync::atomic::Ordering};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    engine,
    out::null,
    signal::{Condition, Known, Signal},
    signal_functions::unknown,
    state::{Simulator, fail, simulator, status},
    watch::{self, Left, Then},
};
use crate::machine::memory::Memory;

/// What a failed copy leaves in its completion signal.
const FAILED: i64 = -1;

/// One end of a copy: rows of a box in memory.
#[derive(Clone, Copy, Debug)]
struct End {
    /// Address of the first byte.
    address: u64,
    /// Bytes from a row to the next one.
    pitch: usize,
    /// Bytes from a layer of rows to the next one.
    slice: usize,
}

impl End {
    /// Bytes from the first one to past the last one. `None` if that is more than there can be.
    fn span(&self, size: [usize; 3]) -> Option<u64> {
        let rows = (size[1] - 1).checked_mul(self.pitch)?;
        let layers = (size[2] - 1).checked_mul(self.slice)?;
        u64::try_from(size[0].checked_add(rows)?.checked_add(layers)?).ok()
    }
}

/// What is to be copied.
#[derive(Clone, Copy, Debug)]
struct Job {
    to: End,
    from: End,
    /// Bytes of a row, rows of a layer, and layers; none is 0.
    size: [usize; 3],
    /// Whether memory that devices do not reach can be copied.
    by_cpu: bool,
}

impl Job {
    /// Says what is wrong with it now.
    fn check(&self, memory: &Memory) -> Result<(), String> {
        self.check_end(memory, self.to, true)?;
        self.check_end(memory, self.from, false)
    }

    fn check_end(&self, memory: &Memory, end: End, writes: bool) -> Result<(), String> {
        let what = if writes { "destination" } else { "source" };
        let last = end.span(self.size).and_then(|span| end.address.checked_add(span));
        let last = last.ok_or_else(|| format!("the {what} goes beyond all addresses"))?;
        match memory.find(end.address) {
            Some(range) if last > range.end => Err(format!(
                "the {what} from {:#x} to {last:#x} goes beyond the end of its allocation at {:#x}",
                end.address, range.end
            )),
            Some(range) if writes && !range.writable => Err(format!("the {what} at {:#x} is read-only", end.address)),
            None if !self.by_cpu => Err(format!(
                "the {what} at {:#x} is no live allocation, and host memory is not locked there (hsa_amd_memory_lock)",
                end.address
            )),
            _ => Ok(()),
        }
    }

    /// # Safety
    /// Both ends are memory, and stay so until this returns.
    unsafe fn run(&self, memory: &Memory) {
        for layer in 0..self.size[2] {
            for row in 0..self.size[1] {
                let at = |end: &End| end.address + (layer * end.slice + row * end.pitch) as u64;
                let (from, to) = (at(&self.from) as *const u8, at(&self.to) as *mut u8);
                // SAFETY: a row of the box, by this function's contract. Ends that overlap, which HSA does not define,
                // are defined for `copy`.
                unsafe { std::ptr::copy(from, to, self.size[0]) };
                memory.note_copied(to as u64, from as u64, self.size[0] as u64);
            }
        }
    }
}

/// A copy that was submitted.
#[derive(Debug)]
pub struct Transfer {
    simulator: &'static Simulator,
    job: Job,
    dependencies: Vec<Known>,
    /// How many of them were seen to be 0.
    met: usize,
    /// What a dependency had that failed.
    failed: Option<i64>,
    profiled: bool,
    completion: Known,
}

impl Transfer {
    /// Goes to an engine if all dependencies are met or one has failed, and waits for the next one that is open
    /// otherwise.
    pub fn go_on(mut self: Box<Self>) {
        while let Some(dependency) = self.dependencies.get(self.met).copied() {
            match watch::leave(dependency, Condition::SETTLED, Then::Copy(self)) {
                Left::Waiting => return,
                Left::Holds(Then::Copy(transfer), value) => {
                    self = transfer;
                    self.met += 1;
                    if value < 0 {
                        self.failed = Some(value);
                        break;
                    }
                }
                Left::Destroyed(Then::Copy(transfer)) => {
                    tracing::error!("a dependency of a copy was destroyed before it was met");
                    self = transfer;
                    self.failed = Some(FAILED);
                    break;
                }
                Left::Holds(..) | Left::Destroyed(_) => return,
            }
        }
        engine::run(self);
    }

    /// Copies, and completes. Called by an engine.
    pub fn run(self) {
        let start = self.simulator.ticks();
        let result = match self.failed {
            Some(value) => Err(value),
            None => {
                // First held, then checked: what is freed from here on stays until the copy is done.
                let _hold = self.simulator.memory.hold();
                let checked = injected().and_then(|()| self.job.check(&self.simulator.memory)).map_err(|reason| {
                    tracing::error!("a copy failed: {reason}");
                    FAILED
                });
                // SAFETY: allocations of the simulator, checked just now and held; other memory is the program's, which
                // sees to it that it stays until the copy is complete.
                checked.map(|()| unsafe { self.job.run(&self.simulator.memory) })
            }
        };
        if !self.completion.is_live() {
            tracing::error!("the completion signal of a copy was destroyed before the copy was complete");
            return;
        }
        let signal = self.completion.signal;
        if self.profiled {
            signal.set_times(start, self.simulator.ticks(), true);
        }
        match result {
            Ok(()) => {
                signal.update(|value| value.fetch_sub(1, Ordering::SeqCst));
            }
            Err(value) => signal.store(value),
        }
    }
}

/// Whether a test has this copy fail.
fn injected() -> Result<(), String> {
    #[cfg(feature = "fault-injection")]
    if super::injection::copy_fails() {
        return Err("an injected failure".to_owned());
    }
    Ok(())
}

/// Checks what all copies have in common, and submits one.
///
/// # Safety
/// There are `count` handles at `dependencies`.
unsafe fn submit(
    simulator: &'static Simulator,
    job: Job,
    count: u32,
    dependencies: *const hsa_signal_t,
    completion: hsa_signal_t,
) -> Result<(), hsa_status_t> {
    if completion.handle == 0 {
        return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "a copy needs a completion signal"));
    }
    if count > 0 && dependencies.is_null() {
        return Err(null("dep_signals"));
    }
    let know = |handle| Signal::know(handle).ok_or_else(|| unknown(handle));
    let dependencies = (0..count as usize)
        // SAFETY: the caller gives `count` handles.
        .map(|index| know(unsafe { dependencies.add(index).read_unaligned() }))
        .collect::<Result<Vec<_>, _>>()?;
    let completion = know(completion)?;
    if job.size.contains(&0) {
        return Ok(());
    }
    job.check(&simulator.memory).map_err(|reason| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason))?;
    engine::start()?;
    let profiled = simulator.copies_profiled.load(Ordering::Relaxed);
    let transfer = Transfer { simulator, job, dependencies, met: 0, failed: None, profiled, completion };
    Box::new(transfer).go_on();
    Ok(())
}

pub unsafe extern "C" fn hsa_amd_memory_async_copy(
    dst: *mut c_void,
    dst_agent: hsa_agent_t,
    src: *const c_void,
    src_agent: hsa_agent_t,
    size: usize,
    num_dep_signals: u32,
    dep_signals: *const hsa_signal_t,
    completion_signal: hsa_signal_t,
) -> hsa_status_t {
    let copy = || {
        let simulator = simulator()?;
        if dst.is_null() || src.is_null() {
            return Err(null("dst or src"));
        }
        let agents = [Agent::find(simulator, dst_agent)?, Agent::find(simulator, src_agent)?];
        let end = |address| End { address, pitch: 0, slice: 0 };
        let job =
            Job { to: end(dst as u64), from: end(src as u64), size: [size, 1, 1], by_cpu: agents == [Agent::Cpu; 2] };
        // SAFETY: the caller gives the list of signals.
        unsafe { submit(simulator, job, num_dep_signals, dep_signals, completion_signal) }
    };
    status(copy())
}

/// Where a box begins, and how far its rows and layers are apart.
fn corner(base: &hsa_pitched_ptr_t, offset: &hsa_dim3_t, range: &hsa_dim3_t) -> Result<End, hsa_status_t> {
    let refuse = |reason: &str| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{reason}: {base:?}, {offset:?}"));
    if base.base.is_null() {
        return Err(null("the base of a box"));
    }
    if [base.base as usize, base.pitch, base.slice].iter().any(|number| !number.is_multiple_of(4)) {
        return Err(refuse("base, pitch and slice must be multiples of 4"));
    }
    let fits = |offset: u32, range: u32, size: usize| offset as usize + range as usize <= size;
    let rows = range.y > 1 || range.z > 1 || offset.y > 0 || offset.z > 0;
    let layers = range.z > 1 || offset.z > 0;
    if rows && !fits(offset.x, range.x, base.pitch) {
        return Err(refuse("a row goes beyond the pitch"));
    }
    let bytes = (offset.y as usize + range.y as usize).checked_mul(base.pitch);
    if layers && bytes.is_none_or(|bytes| bytes > base.slice) {
        return Err(refuse("a layer goes beyond the slice"));
    }
    let begin = |count: u32, step: usize| (count as u64).checked_mul(step as u64);
    let address = begin(offset.y, base.pitch)
        .zip(begin(offset.z, base.slice))
        .and_then(|(row, layer)| row.checked_add(layer)?.checked_add(u64::from(offset.x)))
        .and_then(|bytes| bytes.checked_add(base.base as u64))
        .ok_or_else(|| refuse("it begins beyond all addresses"))?;
    Ok(End { address, pitch: base.pitch, slice: base.slice })
}

pub unsafe extern "C" fn hsa_amd_memory_async_copy_rect(
    dst: *const hsa_pitched_ptr_t,
    dst_offset: *const hsa_dim3_t,
    src: *const hsa_pitched_ptr_t,
    src_offset: *const hsa_dim3_t,
    range: *const hsa_dim3_t,
    copy_agent: hsa_agent_t,
    dir: hsa_amd_copy_direction_t,
    num_dep_signals: u32,
    dep_signals: *const hsa_signal_t,
    completion_signal: hsa_signal_t,
) -> hsa_status_t {
    let copy = || {
        let simulator = simulator()?;
        if dst.is_null() || src.is_null() || dst_offset.is_null() || src_offset.is_null() || range.is_null() {
            return Err(null("an end, an offset or the range"));
        }
        if Agent::find(simulator, copy_agent)? == Agent::Cpu {
            return Err(fail(HSA_STATUS_ERROR_INVALID_AGENT, "the CPU copies no boxes"));
        }
        if ![hsaHostToDevice, hsaDeviceToHost, hsaDeviceToDevice].contains(&dir) {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no box is copied in direction {dir}")));
        }
        // SAFETY: not null, and the caller gives them.
        let (to, to_offset, from, from_offset, range) =
            unsafe { (&*dst, &*dst_offset, &*src, &*src_offset, range.read_unaligned()) };
        let job = Job {
            to: corner(to, to_offset, &range)?,
            from: corner(from, from_offset, &range)?,
            size: [range.x, range.y, range.z].map(|size| size as usize),
            by_cpu: false,
        };
        // SAFETY: the caller gives the list of signals.
        unsafe { submit(simulator, job, num_dep_signals, dep_signals, completion_signal) }
    };
    status(copy())
}
