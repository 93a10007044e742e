//! Queues that the program itself processes: a ring and a control block, and nobody of the simulator's behind it.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use hsa_rt_sys::*;

use super::{
    control::Control,
    out::{null, put},
    pool::Pool,
    queue::PACKET,
    signal::Signal,
    signal_functions::unknown,
    state::{Simulator, fail, lock, simulator, status},
};
use crate::machine::{
    agents::GpuSet,
    memory::{Block, Purpose, Range},
};

/// A queue of the program.
#[derive(Debug)]
struct SoftQueue {
    control: &'static Control,
    ring: Block,
    ranges: [Range; 2],
}

/// By the address that the program has.
static QUEUES: LazyLock<Mutex<HashMap<u64, SoftQueue>>> = LazyLock::new(Mutex::default);

/// The ring lies in memory of the host, whatever global region is asked for: all agents reach it there.
pub unsafe extern "C" fn hsa_soft_queue_create(
    region: hsa_region_t,
    size: u32,
    type_: hsa_queue_type32_t,
    features: u32,
    doorbell_signal: hsa_signal_t,
    queue: *mut *mut hsa_queue_t,
) -> hsa_status_t {
    let create = || {
        let simulator = simulator()?;
        let pool = Pool::find(simulator, hsa_amd_memory_pool_t { handle: region.handle });
        pool.map_err(|_| fail(HSA_STATUS_ERROR_INVALID_REGION, "the region is none"))?;
        let known = HSA_QUEUE_FEATURE_KERNEL_DISPATCH | HSA_QUEUE_FEATURE_AGENT_DISPATCH;
        if !size.is_power_of_two()
            || ![HSA_QUEUE_TYPE_MULTI, HSA_QUEUE_TYPE_SINGLE].contains(&type_)
            || features == 0
            || features & !known != 0
            || doorbell_signal.handle == 0
        {
            let reason = format!(
                "a queue of {size} packets (a power of two is needed), type {type_}, features {features:#x}, doorbell \
                 {:#x}",
                doorbell_signal.handle
            );
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        if queue.is_null() {
            return Err(null("queue"));
        }
        Signal::find(doorbell_signal).ok_or_else(|| unknown(doorbell_signal))?;
        let memory = || fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "there are too many queues, or no memory for one more");
        let ring = Block::new(size as usize * PACKET).ok_or_else(memory)?;
        for slot in 0..size as usize {
            // SAFETY: the ring has `size` packets, and nobody else has it yet.
            unsafe { ring.as_ptr().add(slot * PACKET).cast::<u16>().write(HSA_PACKET_TYPE_INVALID as u16) };
        }
        let contents = amd_queue_t {
            hsa_queue: hsa_queue_t {
                type_,
                features,
                base_address: ring.as_ptr().cast(),
                doorbell_signal,
                size,
                reserved1: 0,
                id: simulator.handle(),
            },
            queue_properties: AMD_QUEUE_PROPERTIES_IS_PTR64 as amd_queue_properties32_t,
            ..Default::default()
        };
        let control = Control::create(contents, true).ok_or_else(memory)?;
        let range = |base: u64, size: usize| Range {
            base,
            end: base + size as u64,
            writable: true,
            purpose: Purpose::Queue,
            gpus: GpuSet::ALL,
        };
        let ranges =
            [range(control.address(), size_of::<amd_queue_t>()), range(ring.address(), size as usize * PACKET)];
        simulator.memory.insert(&ranges);
        lock(&QUEUES).insert(control.address(), SoftQueue { control, ring, ranges });
        // SAFETY: not null, and the caller gives room for a pointer.
        unsafe { put(queue, control.address() as *mut hsa_queue_t) }
    };
    status(create())
}

/// Destroys a queue of the program. False if it is none.
pub fn destroy(simulator: &Simulator, queue: *const hsa_queue_t) -> bool {
    let Some(queue) = lock(&QUEUES).remove(&(queue as u64)) else { return false };
    simulator.memory.remove(&queue.ranges, Some(queue.ring));
    queue.control.destroy();
    true
}

/// Whether this is a queue of the program, of which nothing is to be inactivated.
pub fn is_one(queue: *const hsa_queue_t) -> bool {
    lock(&QUEUES).contains_key(&(queue as u64))
}
