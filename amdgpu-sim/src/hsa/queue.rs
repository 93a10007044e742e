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
    ptr::{addr_of, addr_of_mut},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering, fence},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    events::memory_fault,
    out::null,
    signal::Signal,
    state::{Simulator, fail, installed, lock, simulator, status},
};
use crate::machine::{
    dispatch::{self, Launch},
    fault::{FaultKind, FaultReport},
    memory::{Block, PRIVATE_APERTURE, Purpose, Range, SHARED_APERTURE},
};

/// Fewest packets of a ring.
pub const MIN_QUEUE_SIZE: u32 = 64;
/// Most packets of a ring.
pub const MAX_QUEUE_SIZE: u32 = 131_072;
/// Size of a packet in bytes.
const PACKET: usize = 64;
/// Header of a packet that is not there.
const INVALID: u16 = HSA_PACKET_TYPE_INVALID as u16;

type Callback = unsafe extern "C" fn(status: hsa_status_t, source: *mut hsa_queue_t, data: *mut c_void);

/// A queue.
#[derive(Debug)]
pub struct Queue {
    agent: Agent,
    control: Option<Block>,
    ring: Option<Block>,
    ranges: [Range; 2],
    size: u64,
    doorbell: Arc<Signal>,
    callback: Option<Callback>,
    data: *mut c_void,
    stop: AtomicBool,
    failed: AtomicBool,
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
        Signal::destroy(self.doorbell.handle());
        if let Some(simulator) = installed() {
            for (range, block) in self.ranges.iter().zip([self.control.take(), self.ring.take()]) {
                if let Some(block) = block {
                    simulator.memory.remove(&[*range], block);
                }
            }
        }
    }
}

impl Queue {
    fn create(
        simulator: &'static Simulator,
        agent: Agent,
        size: u32,
        kind: hsa_queue_type32_t,
        callback: Option<Callback>,
        data: *mut c_void,
    ) -> Result<Arc<Self>, hsa_status_t> {
        let memory = || fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "the host has no memory for the queue");
        let control = Block::new(size_of::<amd_queue_t>()).ok_or_else(memory)?;
        let ring = Block::new(size as usize * PACKET).ok_or_else(memory)?;
        let doorbell = Signal::create(-1);
        let queue = control.as_ptr().cast::<amd_queue_t>();
        // SAFETY: the block is zeroed, aligned to a page and large enough, and nobody else has it yet.
        unsafe {
            addr_of_mut!((*queue).hsa_queue).write(hsa_queue_t {
                type_: kind,
                features: HSA_QUEUE_FEATURE_KERNEL_DISPATCH,
                base_address: ring.as_ptr().cast(),
                doorbell_signal: doorbell.handle(),
                size,
                reserved1: 0,
                id: simulator.handle(),
            });
            addr_of_mut!((*queue).group_segment_aperture_base_hi).write(SHARED_APERTURE);
            addr_of_mut!((*queue).private_segment_aperture_base_hi).write(PRIVATE_APERTURE);
        }
        for slot in 0..size as usize {
            // SAFETY: the ring has `size` packets, and nobody else has it yet.
            unsafe { ring.as_ptr().add(slot * PACKET).cast::<u16>().write(INVALID) };
        }
        let range = |block: &Block, size: usize| Range {
            base: block.address(),
            end: block.address() + size as u64,
            writable: false,
            purpose: Purpose::Queue,
        };
        let ranges = [range(&control, size_of::<amd_queue_t>()), range(&ring, size as usize * PACKET)];
        simulator.memory.insert(&ranges);
        let queue = Arc::new(Self {
            agent,
            control: Some(control),
            ring: Some(ring),
            ranges,
            size: u64::from(size),
            doorbell,
            callback,
            data,
            stop: AtomicBool::new(false),
            failed: AtomicBool::new(false),
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
        self.ranges[0].base
    }

    fn find(simulator: &Simulator, queue: *const hsa_queue_t) -> Result<Arc<Self>, hsa_status_t> {
        let found = lock(&simulator.queues).get(&(queue as u64)).cloned();
        found.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_QUEUE, format!("{queue:p} is no live queue")))
    }

    fn write_index(&self) -> &AtomicU64 {
        let queue = self.address() as *const amd_queue_t;
        // SAFETY: the control block lives as long as the queue; the field is aligned and only accessed atomically.
        unsafe { AtomicU64::from_ptr(addr_of!((*queue).write_dispatch_id).cast_mut()) }
    }

    fn read_index(&self) -> &AtomicU64 {
        let queue = self.address() as *const amd_queue_t;
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(addr_of!((*queue).read_dispatch_id).cast_mut()) }
    }

    fn packet(&self, index: u64) -> u64 {
        self.ranges[1].base + index % self.size * PACKET as u64
    }

    fn header(&self, index: u64) -> &AtomicU16 {
        // SAFETY: the ring lives as long as the queue; a packet starts with its header, which the producer stores
        // atomically.
        unsafe { AtomicU16::from_ptr(self.packet(index) as *mut u16) }
    }

    /// Works through packets until the queue is destroyed.
    fn process(&self, simulator: &'static Simulator) {
        loop {
            let index = self.read_index().load(Ordering::Acquire);
            let ready = |_| {
                self.stop.load(Ordering::Acquire)
                    || self.doorbell.highest() >= index as i64
                        && index < self.write_index().load(Ordering::Acquire)
                        && self.header(index).load(Ordering::Acquire) & 0xff != INVALID
            };
            self.doorbell.wait(ready, None);
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            fence(Ordering::SeqCst);
            let header = self.header(index).load(Ordering::Acquire);
            self.execute(simulator, u32::from(header & 0xff), index);
            fence(Ordering::SeqCst);
            self.header(index).store(INVALID, Ordering::Release);
            self.read_index().store(index + 1, Ordering::Release);
        }
    }

    fn execute(&self, simulator: &'static Simulator, kind: hsa_packet_type_t, index: u64) {
        let packet = self.packet(index);
        // All packet formats have their completion signal here.
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let completion = unsafe { ((packet + 56) as *const hsa_signal_t).read() };
        let result = if self.failed.load(Ordering::Acquire) {
            Err(-1)
        } else {
            match kind {
                HSA_PACKET_TYPE_KERNEL_DISPATCH => self.dispatch(simulator, packet, index).map_err(|report| {
                    self.fault(simulator, *report);
                    -1
                }),
                HSA_PACKET_TYPE_BARRIER_AND | HSA_PACKET_TYPE_BARRIER_OR => {
                    self.barrier(packet, kind == HSA_PACKET_TYPE_BARRIER_AND)
                }
                _ => {
                    self.fault(simulator, self.refused(format!("packets of type {kind} are not supported")));
                    Err(-1)
                }
            }
        };
        if completion.handle == 0 {
            return;
        }
        match (Signal::find(completion), result) {
            (Some(signal), Ok(())) => signal.decrement(),
            (Some(signal), Err(value)) => signal.store(value),
            (None, _) => tracing::error!(handle = completion.handle, "the packet's completion signal is not live"),
        }
    }

    fn refused(&self, detail: String) -> FaultReport {
        FaultReport::refused(FaultKind::InvalidPacket, "", detail)
    }

    fn dispatch(&self, simulator: &Simulator, packet: u64, index: u64) -> Result<(), Box<FaultReport>> {
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let p = unsafe { (packet as *const hsa_kernel_dispatch_packet_t).read() };
        let refuse = |detail: String| Err(Box::new(self.refused(detail)));
        let kernel = lock(&simulator.executables).kernel(p.kernel_object, self.agent);
        let Some(kernel) = kernel else {
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
        };
        let run = || dispatch::run(&kernel, &launch, &simulator.memory, &simulator.pool, &simulator.config);
        // An error of the simulator must cost the dispatch, not leave the program waiting for a thread that is gone.
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| refuse(format!("the simulator failed while it ran kernel {}", kernel.name)))
    }

    /// Waits for the packet's dependencies: all of them, or any. A negative one is an error, which is passed on.
    fn barrier(&self, packet: u64, all: bool) -> Result<(), i64> {
        // SAFETY: inside the ring; the producer gave the packet up with its header.
        let p = unsafe { (packet as *const hsa_barrier_and_packet_t).read() };
        let signals: Vec<_> = p
            .dep_signal
            .iter()
            .filter(|signal| signal.handle != 0)
            .filter_map(|signal| Signal::find(*signal))
            .collect();
        let pause = Some(Duration::from_millis(1));
        loop {
            let values: Vec<i64> = signals.iter().map(|signal| signal.load()).collect();
            if let Some(error) = values.iter().find(|value| **value < 0) {
                return Err(*error);
            }
            let mut met = values.iter().map(|value| *value == 0);
            let done = if all { met.all(|met| met) } else { values.is_empty() || met.any(|met| met) };
            if done {
                return Ok(());
            }
            if self.stop.load(Ordering::Acquire) {
                return Err(-1);
            }
            if let Some(open) = signals.iter().find(|signal| signal.load() > 0) {
                open.wait(|value| value <= 0, pause);
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
        if agent == Agent::Cpu || !(MIN_QUEUE_SIZE..=MAX_QUEUE_SIZE).contains(&size) {
            let reason =
                format!("the agent has no queues of {size} packets: GPUs have {MIN_QUEUE_SIZE} to {MAX_QUEUE_SIZE}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_QUEUE_CREATION, reason));
        }
        let created = Queue::create(simulator, agent, size, type_, callback, data)?;
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
        let queue = Queue::find(simulator, queue)?;
        lock(&simulator.queues).remove(&queue.address());
        queue.stop.store(true, Ordering::Release);
        queue.doorbell.wake();
        let thread = lock(&queue.thread).take();
        // A callback that destroys its own queue runs on the queue's thread, which then ends by itself.
        if let Some(thread) = thread.filter(|handle| handle.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
        Ok(())
    };
    status(destroy())
}

pub unsafe extern "C" fn hsa_queue_load_read_index_scacquire(queue: *const hsa_queue_t) -> u64 {
    let queue = simulator().and_then(|simulator| Queue::find(simulator, queue));
    queue.map_or(0, |queue| queue.read_index().load(Ordering::SeqCst))
}

pub unsafe extern "C" fn hsa_queue_load_write_index_relaxed(queue: *const hsa_queue_t) -> u64 {
    let queue = simulator().and_then(|simulator| Queue::find(simulator, queue));
    queue.map_or(0, |queue| queue.write_index().load(Ordering::Relaxed))
}

pub unsafe extern "C" fn hsa_queue_cas_write_index_scacq_screl(
    queue: *const hsa_queue_t,
    expected: u64,
    value: u64,
) -> u64 {
    let queue = simulator().and_then(|simulator| Queue::find(simulator, queue));
    queue.map_or(0, |queue| {
        match queue.write_index().compare_exchange(expected, value, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(old) | Err(old) => old,
        }
    })
}
