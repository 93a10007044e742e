//! One kernel dispatch: from packet and descriptor to work-groups across the cores.

use std::{
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Instant,
};

use hsa_rt_sys::{
    HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS, HSA_STATUS_ERROR_INVALID_ALLOCATION, HSA_STATUS_ERROR_INVALID_ARGUMENT,
};
use rayon::{
    ThreadPool,
    iter::{IntoParallelIterator, ParallelIterator},
};

use super::{
    barrier::SplitBarrier,
    check::{DispatchCheck, GroupCheck},
    counters::{DispatchCounts, GroupCounts},
    descriptor::{Descriptor, UserRegister},
    fault::{FaultKind, FaultReport},
    memory::{Access, Memory, load_u32},
    watchdog::Watchdog,
    wave::{Mode, Size},
    workgroup::{self, Env, Worker},
};
use crate::{
    config::Config,
    counters::{Counts, DispatchCounters, Estimate, Occupancy, Recorder},
    isa::{decode::Code, mubuf::scratch_resource, target::ScratchAccess},
};

/// Most LDS that a work-group can have, in bytes.
pub const MAX_LDS: u32 = 65536;
/// Most work-items that a work-group can have.
pub const MAX_WORKGROUP: u32 = 1024;
/// Most scratch that a work-item can have, in bytes.
pub const MAX_SCRATCH: u32 = 1 << 20;

/// A kernel that can be dispatched.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its symbol, without `.kd`.
    pub name: String,
    /// Device address of its descriptor.
    pub address: u64,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The code that it is part of.
    pub code: Arc<Code>,
}

/// What the packet and its queue say.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    /// Work-group size in work-items.
    pub group_size: [u32; 3],
    /// Grid size in work-items.
    pub grid_size: [u32; 3],
    /// Scratch of a work-item in bytes.
    pub private_segment_size: u32,
    /// LDS of a work-group in bytes.
    pub group_segment_size: u32,
    /// Address of the kernarg segment.
    pub kernarg: u64,
    /// Address of the packet.
    pub packet: u64,
    /// Address of the queue.
    pub queue: u64,
    /// The packet's number in the queue.
    pub dispatch_id: u64,
    /// The number of the GPU that it runs on.
    pub gpu: usize,
    /// Takes the interrupts that the kernel sends to the host, each with its number.
    pub interrupt: fn(u32),
}

/// A dispatch that runs.
#[derive(Debug)]
pub struct Dispatch<'k> {
    /// The kernel's symbol.
    pub kernel: String,
    /// Its code.
    pub code: &'k Code,
    /// Index of its first instruction.
    pub entry: u32,
    /// The MODE register that waves start with.
    pub mode: Mode,
    /// Work-group size in work-items.
    pub group_size: [u32; 3],
    /// Grid size in work-items.
    pub grid_size: [u32; 3],
    /// LDS of a work-group in bytes.
    pub lds_size: u32,
    /// Scratch of a work-item in bytes.
    pub scratch_size: u32,
    /// The user SGPRs.
    pub user_registers: Vec<u32>,
    /// Which work-group ids follow them.
    pub group_ids: [bool; 3],
    /// Whether a register with facts on the work-group follows.
    pub group_info: bool,
    /// Whether the offset of the wave's scratch follows.
    pub scratch_offset: bool,
    /// Which work-item ids the first vector registers hold: x (0), x and y (1), or all three (2).
    pub item_ids: u32,
    /// Items of a wave.
    pub wave_size: Size,
    /// Sees to it that it ends.
    pub watchdog: Watchdog,
}

fn refuse(kernel: &str, kind: FaultKind, detail: impl Into<String>) -> Box<FaultReport> {
    Box::new(FaultReport::refused(kind, kernel, detail))
}

impl Dispatch<'_> {
    /// Work-groups along x, y and z.
    pub fn groups(&self) -> [u64; 3] {
        std::array::from_fn(|i| u64::from(self.grid_size[i].div_ceil(self.group_size[i])))
    }

    /// The id of the work-group of this number; x counts fastest.
    pub fn group(&self, number: u64) -> [u32; 3] {
        let [x, y, _] = self.groups();
        [number % x, number / x % y, number / x / y].map(|id| id as u32)
    }

    /// Items of a work-group along x, y and z: fewer than the group's size at the edge of the grid.
    pub fn extent(&self, group: [u32; 3]) -> [u32; 3] {
        std::array::from_fn(|i| {
            let begin = u64::from(group[i]) * u64::from(self.group_size[i]);
            u64::from(self.group_size[i]).min(u64::from(self.grid_size[i]).saturating_sub(begin)) as u32
        })
    }
}

/// Runs a kernel to its end, or until `stop` says that it must end.
///
/// # Errors
/// The report of the first fault; no work-group runs any more when it is given.
pub fn run(
    kernel: &Kernel,
    launch: &Launch,
    stop: &Arc<AtomicBool>,
    memory: &Memory,
    pool: &ThreadPool,
    config: &Config,
    recorder: Option<&Recorder>,
) -> Result<(), Box<FaultReport>> {
    let started = Instant::now();
    let _hold = memory.hold();
    let watchdog = Watchdog::new(config.watchdog(), Arc::clone(stop));
    let dispatch = prepare(kernel, launch, memory, watchdog)?;
    let groups = dispatch.groups();
    let total = groups[0]
        .checked_mul(groups[1])
        .and_then(|n| n.checked_mul(groups[2]))
        .ok_or_else(|| refuse(&kernel.name, FaultKind::InvalidPacket, "the grid has too many work-groups"))?;
    let check = config.checks().then(DispatchCheck::default);
    let counts = recorder.map(|_| DispatchCounts::new(kernel.code.target));
    let worker = || Worker {
        env: Env {
            view: memory.view(launch.gpu),
            lds: Vec::new(),
            code: &kernel.code,
            started: dispatch.watchdog.started(),
            interrupt: launch.interrupt,
            barrier: SplitBarrier::default(),
            log: (check.is_some() || counts.is_some()).then(Box::default),
        },
        check: check.as_ref().map(GroupCheck::new),
        counts: counts.as_ref().map(GroupCounts::new),
    };
    // One work-group is not worth another thread.
    let result =
        if total == 1 { workgroup::run(&dispatch, &mut worker(), 0) } else { run_all(&dispatch, total, worker, pool) };
    if let (Ok(()), Some(recorder), Some(counts)) = (&result, recorder, &counts) {
        recorder.add(counters(kernel, launch, &dispatch, counts.total(), recorder.span(started)));
    }
    result
}

/// Runs all work-groups, on all threads.
fn run_all<'w>(
    dispatch: &Dispatch<'_>,
    total: u64,
    worker: impl Fn() -> Worker<'w> + Send + Sync,
    pool: &ThreadPool,
) -> Result<(), Box<FaultReport>> {
    // The fault that came first is the one to report: the others ended because of it.
    let first = OnceLock::new();
    pool.install(|| {
        (0..total).into_par_iter().try_for_each_init(worker, |worker, number| {
            dispatch.watchdog.progress();
            match workgroup::run(dispatch, worker, number) {
                Ok(()) => {
                    dispatch.watchdog.progress();
                    Ok(())
                }
                Err(report) => {
                    let _ = first.set(report);
                    dispatch.watchdog.cancel();
                    Err(())
                }
            }
        })
    })
    .ok();
    first.into_inner().map_or(Ok(()), Err)
}

/// What is known of a dispatch that has ended, in this time.
fn counters(
    kernel: &Kernel,
    launch: &Launch,
    dispatch: &Dispatch<'_>,
    counts: Counts,
    (start_us, simulated_in_us): (f64, f64),
) -> DispatchCounters {
    let (target, size) = (kernel.code.target, dispatch.wave_size);
    let registers = kernel.descriptor.vector_registers(target);
    let items = dispatch.group_size.iter().product();
    DispatchCounters {
        kernel: kernel.name.clone(),
        target: target.name(),
        gpu: launch.gpu,
        queue: launch.queue,
        dispatch: launch.dispatch_id,
        grid: dispatch.grid_size,
        work_group: dispatch.group_size,
        wave: size.lanes(),
        start_us,
        simulated_in_us,
        occupancy: Occupancy::of(target, size, registers, dispatch.lds_size, items),
        estimate: Estimate::of(target, size, &counts),
        counts,
    }
}

fn prepare<'k>(
    kernel: &'k Kernel,
    launch: &Launch,
    memory: &Memory,
    watchdog: Watchdog,
) -> Result<Dispatch<'k>, Box<FaultReport>> {
    let descriptor = &kernel.descriptor;
    let invalid = |detail: String| refuse(&kernel.name, FaultKind::InvalidPacket, detail);
    let items = launch.group_size.iter().try_fold(1_u32, |n, size| n.checked_mul(*size)).unwrap_or(u32::MAX);
    // The statuses are those of AMD's runtime.
    let with_status = |status, mut report: Box<FaultReport>| {
        report.status = status;
        Err(report)
    };
    if items == 0 || items > MAX_WORKGROUP || launch.grid_size.contains(&0) {
        let (group, grid) = (launch.group_size, launch.grid_size);
        let status = if items > MAX_WORKGROUP {
            HSA_STATUS_ERROR_INVALID_ARGUMENT
        } else {
            HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS
        };
        let detail = format!(
            "work-group size {group:?}, grid size {grid:?}: 1 to {MAX_WORKGROUP} items in a work-group, and no dimension 0"
        );
        return with_status(status, invalid(detail));
    }
    let lds = launch.group_segment_size;
    if lds < descriptor.group_segment_size || lds > MAX_LDS {
        let need = descriptor.group_segment_size;
        let detail = format!("{lds} bytes of LDS; the kernel needs {need}, the device has {MAX_LDS}");
        return with_status(HSA_STATUS_ERROR_INVALID_ALLOCATION, invalid(detail));
    }
    let scratch = launch.private_segment_size.max(descriptor.private_segment_size);
    if scratch > MAX_SCRATCH {
        return Err(invalid(format!("{scratch} bytes of scratch for a work-item; the device has {MAX_SCRATCH}")));
    }
    let target = kernel.code.target;
    let wave_size = descriptor.wave_size();
    if !target.has_wave(wave_size) {
        let (name, lanes) = (target.name(), wave_size.lanes());
        return Err(invalid(format!("the kernel wants waves of {lanes} work-items, which {name} has not")));
    }
    let mode = descriptor.mode(target);
    let user_registers = user_registers(kernel, launch, memory, scratch)?;
    // Firmware that preloads kernel arguments enters behind the 256 bytes that load them.
    let skip = if descriptor.preload().1 > 0 { 256 } else { 0 };
    let entry = kernel.address.wrapping_add_signed(descriptor.entry_offset).wrapping_add(skip);
    let entry = kernel.code.find(entry).ok_or_else(|| {
        refuse(&kernel.name, FaultKind::IllegalInstruction, format!("no instruction begins at the entry {entry:#x}"))
    })?;
    Ok(Dispatch {
        kernel: kernel.name.clone(),
        code: &kernel.code,
        entry,
        mode,
        group_size: launch.group_size,
        grid_size: launch.grid_size,
        lds_size: lds,
        scratch_size: scratch.next_multiple_of(16),
        user_registers,
        group_ids: descriptor.group_ids(),
        group_info: descriptor.group_info(),
        scratch_offset: target.scratch_access() == ScratchAccess::Buffer && descriptor.scratch_offset(),
        wave_size,
        item_ids: descriptor.item_ids(),
        watchdog,
    })
}

fn user_registers(
    kernel: &Kernel,
    launch: &Launch,
    memory: &Memory,
    scratch: u32,
) -> Result<Vec<u32>, Box<FaultReport>> {
    let descriptor = &kernel.descriptor;
    let mut registers = Vec::new();
    let double = |value: u64| [value as u32, (value >> 32) as u32];
    for content in descriptor.user_contents() {
        match content {
            UserRegister::PrivateSegmentBuffer => {
                registers.extend(scratch_resource(descriptor.wave_size(), scratch));
            }
            UserRegister::DispatchPointer => registers.extend(double(launch.packet)),
            UserRegister::QueuePointer => registers.extend(double(launch.queue)),
            UserRegister::KernargPointer => registers.extend(double(launch.kernarg)),
            UserRegister::DispatchId => registers.extend(double(launch.dispatch_id)),
            UserRegister::FlatScratchInit => registers.extend([0; 2]),
            UserRegister::PrivateSegmentSize => registers.push(scratch),
        }
    }
    let (first, count) = descriptor.preload();
    let mut view = memory.view(launch.gpu);
    for word in 0..count {
        let address = launch.kernarg + 4 * (first + word) as u64;
        if let Err(trap) = view.check(address, 4, Access::ScalarLoad) {
            return Err(refuse(
                &kernel.name,
                FaultKind::MemoryFault,
                format!("preloading kernel arguments: {}", trap.detail),
            ));
        }
        // SAFETY: checked just now; the caller holds the dispatch active.
        registers.push(unsafe { load_u32(address) });
    }
    registers.resize(descriptor.user_registers().min(32), 0);
    Ok(registers)
}
