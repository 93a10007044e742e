//! Queues: indices, doorbells that many ring, barriers whose dependencies fail, and the end of a queue that is busy.

mod support;

use std::{
    ptr::null_mut,
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use amdgpu_sim::FaultKind;
use hsa_rt_sys::*;
use support::{Buffer, Program, Shape, agents, api, assemble, have_llvm, kernel, pools, signal, wait_below};

const NULL: hsa_signal_t = hsa_signal_t { handle: 0 };

fn create(size: u32) -> *mut hsa_queue_t {
    let mut queue = null_mut();
    // SAFETY: HSA's contract.
    let status = unsafe {
        (api().hsa_queue_create)(agents()[1], size, HSA_QUEUE_TYPE_MULTI, None, null_mut(), 0, 0, &mut queue)
    };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    queue
}

fn destroy(queue: *mut hsa_queue_t) {
    // SAFETY: HSA's contract.
    assert_eq!(unsafe { (api().hsa_queue_destroy)(queue) }, HSA_STATUS_SUCCESS);
}

/// Puts a barrier packet into a slot that is reserved and free, and rings.
///
/// # Safety
/// The queue lives, and the slot is the caller's.
unsafe fn put(
    queue: *mut hsa_queue_t,
    index: u64,
    kind: hsa_packet_type_t,
    dependencies: &[hsa_signal_t],
    done: hsa_signal_t,
) {
    let mut packet = hsa_barrier_and_packet_t { completion_signal: done, ..Default::default() };
    packet.dep_signal[..dependencies.len()].copy_from_slice(dependencies);
    // SAFETY: the slot is the caller's.
    unsafe {
        let (packets, size) = ((*queue).base_address.cast::<hsa_barrier_and_packet_t>(), u64::from((*queue).size));
        let slot = packets.add((index % size) as usize);
        // All but the header, which stays invalid until the rest is there.
        slot.cast::<u8>().add(2).copy_from((&raw const packet).cast::<u8>().add(2), 62);
        AtomicU16::from_ptr(slot.cast()).store(kind as u16 | 1 << HSA_PACKET_HEADER_BARRIER, Ordering::Release);
        (api().hsa_signal_store_relaxed)((*queue).doorbell_signal, index as i64);
    }
}

/// Puts a barrier packet into a queue and rings. Waits for a slot that is free.
///
/// # Safety
/// The queue lives.
unsafe fn barrier(queue: *mut hsa_queue_t, kind: hsa_packet_type_t, dependencies: &[hsa_signal_t], done: hsa_signal_t) {
    // SAFETY: the slot is this producer's once it is reserved, and free once the read index has passed it.
    unsafe {
        let (api, size) = (api(), u64::from((*queue).size));
        let index = (api.hsa_queue_add_write_index_scacq_screl)(queue, 1);
        while index - (api.hsa_queue_load_read_index_scacquire)(queue) >= size {
            thread::yield_now();
        }
        put(queue, index, kind, dependencies, done);
    }
}

#[test]
fn indices_are_loaded_stored_added_and_exchanged() {
    let queue = create(64);
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let api = api();
        assert_eq!((api.hsa_queue_add_write_index_relaxed)(queue, 3), 0);
        assert_eq!((api.hsa_queue_add_write_index_scacq_screl)(queue, 2), 3);
        assert_eq!((api.hsa_queue_load_write_index_relaxed)(queue), 5);
        (api.hsa_queue_store_write_index_relaxed)(queue, 9);
        assert_eq!((api.hsa_queue_load_write_index_scacquire)(queue), 9);
        (api.hsa_queue_store_write_index_screlease)(queue, 0);
        assert_eq!((api.hsa_queue_cas_write_index_scacq_screl)(queue, 1, 2), 0);
        assert_eq!((api.hsa_queue_load_read_index_relaxed)(queue), 0);
        assert_eq!((api.hsa_queue_load_read_index_scacquire)(queue), 0);
        // Where hardware and debuggers look for them.
        assert_eq!((api.hsa_queue_add_write_index_relaxed)(queue, 4), 0);
        let write = &raw const (*queue.cast::<amd_queue_t>()).write_dispatch_id;
        assert_eq!(write.read_volatile(), 4);
        destroy(queue);
        for nothing in [queue, null_mut(), queue.byte_add(8)] {
            assert_eq!((api.hsa_queue_load_write_index_relaxed)(nothing), 0);
            assert!(amdgpu_sim::last_error().unwrap().contains("is no live queue"));
            assert_eq!((api.hsa_queue_add_write_index_relaxed)(nothing, 1), 0);
        }
        assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_ERROR_INVALID_QUEUE);
    }
}

/// Several producers reserve slots, and ring in any order: the queue works through all packets and sleeps through none.
#[test]
fn many_producers_ring_in_any_order() {
    const THREADS: usize = 4;
    const PACKETS: i64 = 3000;
    let queue = create(64);
    let done = signal(THREADS as i64 * PACKETS);
    let address = queue as usize;
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            thread::spawn(move || {
                for number in 0..PACKETS {
                    // SAFETY: the queue lives until the threads have ended.
                    unsafe { barrier(address as *mut hsa_queue_t, HSA_PACKET_TYPE_BARRIER_AND, &[], done) };
                    if number % 64 == 0 {
                        // Long enough for the queue's thread to fall asleep.
                        thread::sleep(Duration::from_micros(200));
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(wait_below(done, 1), 0);
    destroy(queue);
}

#[test]
fn a_doorbell_that_is_rung_too_early_is_not_forgotten() {
    let queue = create(64);
    let done = signal(2);
    // SAFETY: both slots are reserved and free.
    unsafe {
        assert_eq!((api().hsa_queue_add_write_index_scacq_screl)(queue, 2), 0);
        put(queue, 1, HSA_PACKET_TYPE_BARRIER_AND, &[], done);
        thread::sleep(Duration::from_millis(20));
        assert_eq!((api().hsa_signal_load_relaxed)(done), 2, "the packet before it is not there");
        put(queue, 0, HSA_PACKET_TYPE_BARRIER_AND, &[], done);
    }
    assert_eq!(wait_below(done, 1), 0);
    destroy(queue);
}

#[test]
fn a_failed_dependency_fails_the_barrier_and_not_the_queue() {
    let queue = create(64);
    let (open, done, next) = (signal(1), signal(1), signal(1));
    // SAFETY: the queue lives.
    unsafe {
        barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, &[signal(0), open], done);
        barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, &[], NULL);
        barrier(queue, HSA_PACKET_TYPE_BARRIER_AND, &[], next);
        thread::sleep(Duration::from_millis(20));
        assert_eq!((api().hsa_signal_load_relaxed)(next), 1, "packets are processed in order");
        (api().hsa_signal_store_screlease)(open, -3);
    }
    assert_eq!(wait_below(done, 1), -3);
    assert_eq!(wait_below(next, 1), 0);
    destroy(queue);
}

#[test]
fn a_dependency_that_is_destroyed_is_an_error_of_the_queue() {
    let queue = create(64);
    let (gone, done, next) = (signal(1), signal(1), signal(1));
    // SAFETY: the queue lives; the contract for the dependency is broken, as the test says.
    unsafe {
        barrier(queue, HSA_PACKET_TYPE_BARRIER_OR, &[gone], done);
        barrier(queue, HSA_PACKET_TYPE_BARRIER_OR, &[], next);
        thread::sleep(Duration::from_millis(20));
        assert_eq!((api().hsa_signal_destroy)(gone), HSA_STATUS_SUCCESS);
    }
    assert_eq!((wait_below(done, 1), wait_below(next, 1)), (-1, -1));
    let report = amdgpu_sim::take_fault_report(queue).unwrap();
    assert_eq!(report.kind, FaultKind::InvalidPacket);
    assert!(report.detail.contains("no live signal"), "{report}");
    destroy(queue);
}

/// A kernel that never ends, under way on a queue of its own.
fn endless() -> Option<(Program, Buffer<u64>, hsa_signal_t)> {
    if !have_llvm() {
        return None;
    }
    // It says that it runs, and goes on.
    let body = "s_load_dwordx2 s[4:5], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\nv_mov_b32_e32 v1, 0\nv_mov_b32_e32 v2, 1\n\
                global_store_dword v1, v2, s[4:5]\n.Lhere:\ns_branch .Lhere";
    let program = Program::new(&assemble(&kernel(body)));
    let running = Buffer::new(&[0_u64]);
    let kernarg = Buffer::of(pools(agents()[0])[0], &[running.address as u64; 32]);
    let mut packet = program.packet("k", kernarg.address.cast(), Shape::linear(1, 64));
    packet.completion_signal = signal(1);
    program.submit(packet, HSA_PACKET_TYPE_KERNEL_DISPATCH as u16);
    let begin = Instant::now();
    while running.read()[0] == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "the kernel starts");
        thread::yield_now();
    }
    Some((program, kernarg, packet.completion_signal))
}

#[test]
fn a_queue_that_is_destroyed_ends_its_kernel() {
    let Some((program, _kernarg, done)) = endless() else { return };
    let begin = Instant::now();
    drop(program);
    assert!(begin.elapsed() < support::WATCHDOG / 2, "it does not wait for the watchdog");
    // SAFETY: HSA's contract.
    assert_eq!(unsafe { (api().hsa_signal_load_relaxed)(done) }, 1, "what was aborted is not complete");
}

#[test]
fn an_inactive_queue_executes_nothing() {
    let Some((program, _kernarg, done)) = endless() else { return };
    let later = signal(1);
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let inactivate = api().hsa_queue_inactivate;
        assert_eq!(inactivate(program.queue), HSA_STATUS_SUCCESS);
        assert_eq!(inactivate(program.queue), HSA_STATUS_SUCCESS);
        barrier(program.queue, HSA_PACKET_TYPE_BARRIER_AND, &[], later);
        thread::sleep(Duration::from_millis(50));
        let load = api().hsa_signal_load_relaxed;
        assert_eq!((load(done), load(later)), (1, 1));
        assert_eq!(inactivate(null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(inactivate(std::ptr::without_provenance_mut(64)), HSA_STATUS_ERROR_INVALID_QUEUE);
    }
    assert!(amdgpu_sim::take_fault_report(program.queue).is_none());
    assert!(program.errors.lock().unwrap().is_empty(), "nothing went wrong");
}

#[test]
fn priorities_are_those_of_the_headers() {
    let queue = create(64);
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let set = api().hsa_amd_queue_set_priority;
        for priority in [HSA_AMD_QUEUE_PRIORITY_LOW, HSA_AMD_QUEUE_PRIORITY_NORMAL, HSA_AMD_QUEUE_PRIORITY_HIGH] {
            assert_eq!(set(queue, priority), HSA_STATUS_SUCCESS);
        }
        assert_eq!(set(queue, 3), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        let nothing = std::ptr::without_provenance_mut(64);
        assert_eq!(set(nothing, HSA_AMD_QUEUE_PRIORITY_LOW), HSA_STATUS_ERROR_INVALID_QUEUE);
    }
    destroy(queue);
}
