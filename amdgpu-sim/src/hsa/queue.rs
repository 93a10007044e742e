//! Queues: rings of AQL packets, and the thread that works through each (*HSA Platform System Architecture*, section
//! 2.9 "Architected Queuing Language").
//!
//! ```text
//!   INVALID --producer writes the header--> ready --doorbell--> processed --> INVALID, read index + 1
//!                                                      |
//!                                              fault --+--> callback, completion signal = -1, queue in error
//! ```
//! A queue in error executes nothing more; the completion signals of later packets become -1 too, so nobody hangs.

use std::{
    collections::VecDeque,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering, fence},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    control::{Control, unknown},
    events::memory_fault,
    out::null,
    signal::{self, Condition, Known, Signal},
    signal_functions::spin_for,
    soft_queue,
    state::{Simulator, fail, installed, lock, simulator, status},
};
use crate::machine::{
    agents::GpuSet,
    dispatch::{self, Launch},
    fault::{FaultKind, FaultReport},
    memory::{Block, PRIVATE_APERTURE, Purpose, Range, SHARED_APERTURE},
};

/// Fewest packets of a ring.
pub const MIN_QUEUE_SIZE: u32 = 64;
/// Most packets of a ring.
pub const MAX_QUEUE_SIZE: u32 = 131_072;
/// Size of a packet in bytes.
pub const PACKET: usize = 64;
/// How long a queue's thread spins for the next packet before it sleeps.
const SPIN: Duration = Duration::from_micros(20);
/// Header of a packet that is not there.
const INVALID: u16 = HSA_PACKET_TYPE_INVALID as u16;

/// How long a barrier that waits for a dependency looks neither at the others nor at its queue.
const LOOK: Duration = Duration::from_millis(1);

type Callback = unsafe extern "C" fn(status: hsa_status_t, source: *mut hsa_queue_t, data: *mut c_void);

/// A queue.
#[derive(Debug)]
pub struct Queue {
    agent: Agent,
    /// The number of its GPU.
    gpu: usize,
    control: &'static Control,
    ring: Option<Block>,
    ranges: [Range; 2],
    size: u64,
    doorbell: &'static Signal,
    callback: Option<Callback>,
    data: *mut c_void,
    /// Set when it is destroyed or inactivated: nothing is executed any more.
    stop: Arc<AtomicBool>,
    failed: AtomicBool,
    priority: AtomicU32,
    /// Compute units that it may use, as the program has said; nothing for all.
    compute_units: Mutex<Vec<u32>>,
    reports: Mutex<VecDeque<FaultReport>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

// SAFETY: `data` is only handed to the program's callback, which the HSA specification has called from the runtime's
// threads; everything else is shared through atomics and locks.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // Before the slot of the control block can be another queue's.
        if let Some(simulator) = installed() {
            simulator.memory.remove(&self.ranges, self.ring.take());
        }
        self.doorbell.destroy();
        self.control.destroy();
    }
}

impl Queue {
    fn create(
        simulator: &'static Simulator,
        gpu: usize,
        size: u32,
        kind: hsa_queue_type32_t,
        callback: Option<Callback>,
        data: *mut c_void,
    ) -> Result<Arc<Self>, hsa_status_t> {
        let memory = || fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "there are too many queues, or no memory for one more");
        let ring = Block::new(size as usize * PACKET).ok_or_else(memory)?;
        for slot in 0..size as usize {
            // SAFETY: the ring has `size` packets, and nobody else has it yet.
            unsafe { ring.as_ptr().add(slot * PACKET).cast::<u16>().write(INVALID) };
        }
        let doorbell = Signal::create_doorbell().ok_or_else(memory)?;
        let contents = amd_queue_t {
            hsa_queue: hsa_queue_t {
                type_: kind,
                features: HSA_QUEUE_FEATURE_KERNEL_DISPATCH,
                base_address: ring.as_ptr().cast(),
                doorbell_signal: doorbell.handle(),
                size,
                reserved1: 0,
                id: simulator.handle(),
            },
            group_segment_aperture_base_hi: SHARED_APERTURE,
            private_segment_aperture_base_hi: PRIVATE_APERTURE,
            queue_properties: AMD_QUEUE_PROPERTIES_IS_PTR64 as amd_queue_properties32_t,
            ..Default::default()
        };
        let Some(control) = Control::create(contents, false) else {
            doorbell.destroy();
            return Err(memory());
        };
        let range = |base: u64, size: usize| Range {
            base,
            end: base + size as u64,
            writable: false,
            purpose: Purpose::Queue,
            gpus: GpuSet::only(gpu),
        };
        let ranges =
            [range(control.address(), size_of::<amd_queue_t>()), range(ring.address(), size as usize * PACKET)];
        simulator.memory.insert(&ranges);
        let queue = Arc::new(Self {
            agent: Agent::Gpu(gpu),
            gpu,
            control,
            ring: Some(ring),
            ranges,
            size: u64::from(size),
            doorbell,
            callback,
            data,
            stop: Arc::default(),
            failed: AtomicBool::new(false),
            priority: AtomicU32::new(HSA_AMD_QUEUE_PRIORITY_NORMAL),
            compute_units: Mutex::default(),
            reports: Mutex::default(),
            thread: Mutex::default(),
        });
        let worker = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("amdgpu-sim queue".to_owned())
            .spawn(move || worker.process(simulator))
            .map_err(|error| fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, format!("no thread for the queue: {error}")))?;
        *lock(&queue.thread) = Some(thread);
        lock(&simulator.queues).insert(queue.address(), Arc::clone(&queue));
        Ok(queue)
    }

    /// The address that the program has.
    fn address(&self) -> u64 {
        self.control.address()
    }

    fn find(simulator: &Simulator, queue: *const hsa_queue_t) -> Result<Arc<Self>, hsa_status_t> {
        if queue.is_null() {
            return Err(null("queue"));
        }
        lock(&simulator.queues).get(&(queue as u64)).cloned().ok_or_else(|| unknown(queue))
    }

    /// Ends what it executes, and executes nothing any more.
    fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.doorbell.tell();
    }

    /// Whether it was destroyed or inactivated.
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn packet(&self, index: u64) -> u64 {
        self.ranges[1].base + index % self.size * PACKET as u64
    }

    fn header(&self, index: u64) -> &AtomicU16 {
        // SAFETY: the ring lives as long as the queue; a packet starts with its header, which the producer stores
        // atomically.
        unsafe { AtomicU16::from_ptr(self.packet(index) as *mut u16) }
    }

    /// Works through packets until the queue is destroyed or inactivated.
    fn process(&self, simulator: &'static Simulator) {
        let spin = spin_for(SPIN);
        loop {
            let index = self.control.read_index().load(Ordering::Acquire);
            // The doorbell first: whoever rings it has written the packet before.
            let ready = |_| {
                self.is_stopped()
                    || self.doorbell.highest() >= index as i64
                        && index < self.control.write_index().load(Ordering::Acquire)
                        && self.header(index).load(Ordering::Acquire) & 0xff != INVALID
            };
            self.doorbell.wait(ready, None, spin);
            if self.is_stopped() {
                return;
            }
            fence(Ordering::SeqCst);
            let header = self.header(index).load(Ordering::Acquire);
            self.execute(simulator, u32::from(header & 0xff), index);
            fence(Ordering::SeqCst);
            self.header(index).store(INVALID, Ordering::Release);
            self.control.read_index().store(index + 1, Ordering::Release);
        }
    }

    fn execute(&self, simulator: &'static Simulator, kind: hsa_packet_type_t, index: u64) {
        let packet = self.packet(index);
        // All packet formats have their completion signal here.
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let completion = unsafe { ((packet + 56) as *const hsa_signal_t).read() };
        let profiled = self.control.properties().load(Ordering::Relaxed)
            & AMD_QUEUE_PROPERTIES_ENABLE_PROFILING as amd_queue_properties32_t
            != 0;
        let start = simulator.ticks();
        let result = if self.failed.load(Ordering::Acquire) {
            Err(-1)
        } else {
            let result = match kind {
                HSA_PACKET_TYPE_KERNEL_DISPATCH => {
                    self.dispatch(simulator, packet, index).map_err(|report| (-1, report))
                }
                HSA_PACKET_TYPE_BARRIER_AND => self.barrier(packet, true),
                HSA_PACKET_TYPE_BARRIER_OR => self.barrier(packet, false),
                HSA_PACKET_TYPE_VENDOR_SPECIFIC => self.vendor(packet),
                _ => Err((-1, Some(self.refused(format!("packets of type {kind} are not supported"))))),
            };
            if self.is_stopped() {
                // What was aborted has no end: its signal stays as it is, as on hardware.
                return;
            }
            result.map_err(|(value, report)| {
                if let Some(report) = report {
                    self.fault(simulator, *report);
                }
                value
            })
        };
        if completion.handle == 0 {
            return;
        }
        let Some(signal) = Signal::find(completion) else {
            tracing::error!(handle = completion.handle, "the packet's completion signal is not live");
            return;
        };
        if profiled {
            signal.set_times(start, simulator.ticks(), false);
        }
        match result {
            Ok(()) => {
                signal.update(|value| value.fetch_sub(1, Ordering::SeqCst));
            }
            Err(value) => signal.store(value),
        }
    }

    fn refused(&self, detail: String) -> Box<FaultReport> {
        Box::new(FaultReport::refused(FaultKind::InvalidPacket, "", detail))
    }

    fn dispatch(&self, simulator: &Simulator, packet: u64, index: u64) -> Result<(), Option<Box<FaultReport>>> {
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let p = unsafe { (packet as *const hsa_kernel_dispatch_packet_t).read() };
        let refuse = |detail: String| Err(Some(self.refused(detail)));
        let Some(kernel) = simulator.kernels.find(p.kernel_object, self.agent) else {
            return refuse(format!("no frozen executable of this agent has a kernel at {:#x}", p.kernel_object));
        };
        let dimensions = p.setup & 3;
        if dimensions == 0 {
            return refuse("the packet's setup has no dimensions".to_owned());
        }
        let launch = Launch {
            group_size: [p.workgroup_size_x, p.workgroup_size_y, p.workgroup_size_z].map(u32::from),
            grid_size: [p.grid_size_x, p.grid_size_y, p.grid_size_z],
            private_segment_size: p.private_segment_size,
            group_segment_size: p.group_segment_size,
            kernarg: p.kernarg_address as u64,
            packet,
            queue: self.address(),
            dispatch_id: index,
            gpu: self.gpu,
            interrupt: signal::interrupt,
        };
        let (memory, pool, config) = (&simulator.memory, &simulator.pool, &simulator.config);
        let recorder = simulator.recorder.as_ref();
        let run = || dispatch::run(&kernel, &launch, &self.stop, memory, pool, config, recorder).map_err(Some);
        // An error of the simulator must cost the dispatch, not leave the program waiting for a thread that is gone.
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| refuse(format!("the simulator failed while it ran kernel {}", kernel.name)))
    }

    /// Waits for the packet's dependencies: all of them, or any. A negative one is an error, which is passed on.
    fn barrier(&self, packet: u64, all: bool) -> Result<(), (i64, Option<Box<FaultReport>>)> {
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let p = unsafe { (packet as *const hsa_barrier_and_packet_t).read() };
        let gone = || {
            let detail = "a dependency of the barrier is no live signal".to_owned();
            (-1, Some(self.refused(detail)))
        };
        let handles = p.dep_signal.iter().filter(|signal| signal.handle != 0);
        let signals: Vec<Known> =
            handles.map(|signal| Signal::know(*signal)).collect::<Option<_>>().ok_or_else(gone)?;
        loop {
            let values: Vec<i64> = signals.iter().map(Known::value).collect::<Option<_>>().ok_or_else(gone)?;
            if let Some(error) = values.iter().find(|value| **value < 0) {
                return Err((*error, None));
            }
            let mut met = values.iter().map(|value| *value == 0);
            let done = if all { met.all(|met| met) } else { values.is_empty() || met.any(|met| met) };
            if done {
                return Ok(());
            }
            if self.is_stopped() {
                return Err((-1, None));
            }
            // One of several, or the end of the queue: the look at the others and at the queue is not for long.
            if let Some((open, _)) = signals.iter().zip(&values).find(|(_, value)| **value > 0) {
                open.signal.wait(|value| Condition::SETTLED.holds(value), Some(LOOK), Duration::ZERO);
            }
        }
    }

    /// AMD's own packets, of which there is one: it waits until a signal's value, as far as a mask shows it, is as asked
    /// for.
    fn vendor(&self, packet: u64) -> Result<(), (i64, Option<Box<FaultReport>>)> {
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let p = unsafe { (packet as *const hsa_amd_barrier_value_packet_t).read() };
        let refuse = |detail: String| Err((-1, Some(self.refused(detail))));
        if u32::from(p.header.AmdFormat) != HSA_AMD_PACKET_TYPE_BARRIER_VALUE {
            return refuse(format!("vendor-specific packets of format {} are not supported", p.header.AmdFormat));
        }
        let Some(condition) = Condition::new(p.cond, p.value) else {
            return refuse(format!("the barrier waits for the signal condition {}, which is none", p.cond));
        };
        if p.signal.handle == 0 {
            return Ok(());
        }
        let Some(signal) = Signal::know(p.signal) else {
            return refuse("the barrier's signal is no live signal".to_owned());
        };
        loop {
            match signal.value() {
                None => return refuse("the barrier's signal was destroyed".to_owned()),
                Some(value) if condition.holds(value & p.mask) => return Ok(()),
                Some(_) if self.is_stopped() => return Err((-1, None)),
                // The look at the queue is not for long.
                Some(_) => {
                    signal.signal.wait(|value| condition.holds(value & p.mask), Some(LOOK), Duration::ZERO);
                }
            }
        }
    }

    /// Puts the queue in error and tells everybody.
    fn fault(&self, simulator: &Simulator, mut report: FaultReport) {
        report.device = self.agent.name(simulator).to_owned();
        tracing::error!("{report}");
        self.failed.store(true, Ordering::Release);
        let (status, kind, address) = (report.status, report.kind, report.address);
        lock(&self.reports).push_back(report);
        if kind == FaultKind::MemoryFault {
            memory_fault(simulator, self.agent.handle(), address.unwrap_or(0));
        }
        if let Some(callback) = self.callback {
            // SAFETY: the program's callback, called from the runtime's thread as the specification says; the queue
            // lives, for this thread has it.
            unsafe { callback(status, self.address() as *mut hsa_queue_t, self.data) };
        }
    }
}

/// The oldest fault report of a queue that was not yet taken. The pointer is compared, not followed.
pub fn take_fault_report(queue: *const hsa_queue_t) -> Option<FaultReport> {
    let queue = lock(&installed()?.queues).get(&(queue as u64)).cloned()?;
    lock(&queue.reports).pop_front()
}

pub unsafe extern "C" fn hsa_queue_create(
    agent: hsa_agent_t,
    size: u32,
    type_: hsa_queue_type32_t,
    callback: Option<unsafe extern "C" fn(status: hsa_status_t, source: *mut hsa_queue_t, data: *mut c_void)>,
    data: *mut c_void,
    _private_segment_size: u32,
    _group_segment_size: u32,
    queue: *mut *mut hsa_queue_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        let agent = Agent::find(simulator, agent)?;
        if queue.is_null() {
            return Err(null("queue"));
        }
        if !size.is_power_of_two() || ![HSA_QUEUE_TYPE_MULTI, HSA_QUEUE_TYPE_SINGLE].contains(&type_) {
            let reason = format!("a queue of {size} packets (a power of two is needed), type {type_}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        let gpu = match agent {
            Agent::Gpu(gpu) if (MIN_QUEUE_SIZE..=MAX_QUEUE_SIZE).contains(&size) => gpu,
            _ => {
                let sizes = format!("GPUs have {MIN_QUEUE_SIZE} to {MAX_QUEUE_SIZE}");
                let reason = format!("the agent has no queues of {size} packets: {sizes}");
                return Err(fail(HSA_STATUS_ERROR_INVALID_QUEUE_CREATION, reason));
            }
        };
        let created = Queue::create(simulator, gpu, size, type_, callback, data)?;
        // SAFETY: not null, and the caller gives room for a pointer.
        unsafe { queue.write(created.address() as *mut hsa_queue_t) };
        Ok(())
    };
    status(create())
}

pub unsafe extern "C" fn hsa_queue_destroy(queue: *mut hsa_queue_t) -> hsa_status_t {
    let destroy = || {
        let simulator = simulator()?;
        if queue.is_null() {
            return Err(null("queue"));
        }
        if soft_queue::destroy(simulator, queue) {
            return Ok(());
        }
        let queue = lock(&simulator.queues).remove(&(queue as u64)).ok_or_else(|| unknown(queue))?;
        queue.stop();
        let thread = lock(&queue.thread).take();
        // A callback that destroys its own queue runs on the queue's thread, which then ends by itself.
        if let Some(thread) = thread.filter(|handle| handle.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
        Ok(())
    };
    status(destroy())
}

/// A packet that is executed when its queue is inactivated is aborted, and its completion signal stays as it is. It may
/// still run for an instant after this.
pub unsafe extern "C" fn hsa_queue_inactivate(queue: *mut hsa_queue_t) -> hsa_status_t {
    if soft_queue::is_one(queue) {
        return HSA_STATUS_SUCCESS;
    }
    status(simulator().and_then(|simulator| Queue::find(simulator, queue)).map(|queue| queue.stop()))
}

/// The priority is kept and decides nothing: the kernels of all queues share the host's cores.
pub unsafe extern "C" fn hsa_amd_queue_set_priority(
    queue: *mut hsa_queue_t,
    priority: hsa_amd_queue_priority_t,
) -> hsa_status_t {
    let set = || {
        let queue = Queue::find(simulator()?, queue)?;
        if ![HSA_AMD_QUEUE_PRIORITY_LOW, HSA_AMD_QUEUE_PRIORITY_NORMAL, HSA_AMD_QUEUE_PRIORITY_HIGH].contains(&priority)
        {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no queue priority {priority}")));
        }
        queue.priority.store(priority, Ordering::Relaxed);
        Ok(())
    };
    status(set())
}

/// The mask is kept and decides nothing: work-groups run on the host's cores.
pub unsafe extern "C" fn hsa_amd_queue_cu_set_mask(
    queue: *const hsa_queue_t,
    num_cu_mask_count: u32,
    cu_mask: *const u32,
) -> hsa_status_t {
    let set = || {
        let queue = Queue::find(simulator()?, queue)?;
        if !num_cu_mask_count.is_multiple_of(32) || num_cu_mask_count > 0 && cu_mask.is_null() {
            let reason = format!("a mask of {num_cu_mask_count} bits (a multiple of 32 is needed) at {cu_mask:p}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        // SAFETY: the caller gives a mask of that many bits.
        let word = |index: u32| unsafe { cu_mask.add(index as usize).read_unaligned() };
        *lock(&queue.compute_units) = (0..num_cu_mask_count / 32).map(word).collect();
        Ok(())
    };
    status(set())
}

pub unsafe extern "C" fn hsa_amd_queue_cu_get_mask(
    queue: *const hsa_queue_t,
    num_cu_mask_count: u32,
    cu_mask: *mut u32,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let queue = Queue::find(simulator, queue)?;
        if num_cu_mask_count == 0 || !num_cu_mask_count.is_multiple_of(32) || cu_mask.is_null() {
            let reason = format!("a mask of {num_cu_mask_count} bits (a multiple of 32 is needed) at {cu_mask:p}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        let all = queue.agent.product(simulator).map_or(0, |product| product.compute_units);
        let set = lock(&queue.compute_units);
        for index in 0..num_cu_mask_count / 32 {
            // The units of this word that there are.
            let there = match all.saturating_sub(32 * index) {
                count @ 0..32 => (1 << count) - 1,
                _ => u32::MAX,
            };
            let word = if set.is_empty() { there } else { set.get(index as usize).copied().unwrap_or(0) & there };
            // SAFETY: the caller gives room for a mask of that many bits.
            unsafe { cu_mask.add(index as usize).write_unaligned(word) };
        }
        Ok(())
    };
    status(get())
}
