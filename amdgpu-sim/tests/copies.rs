//! Copies that nobody waits for: their order, their ends, what they refuse, and what becomes of them when something
//! fails.

mod support;

use std::{
    ffi::c_void,
    ptr::{null, null_mut},
    thread,
    time::Duration,
};

use hsa_rt_sys::*;
use support::{Buffer, agents, api, pools, signal, wait_below};

/// Submits a copy from the first GPU's memory or to it.
fn copy(
    to: *mut c_void,
    from: *const c_void,
    size: usize,
    dependencies: &[hsa_signal_t],
    done: hsa_signal_t,
) -> hsa_status_t {
    let (gpu, list) = (agents()[1], dependencies.as_ptr());
    // SAFETY: HSA's contract; the tests keep the memory until the copy is done.
    unsafe { (api().hsa_amd_memory_async_copy)(to, gpu, from, gpu, size, dependencies.len() as u32, list, done) }
}

fn store(signal: hsa_signal_t, value: i64) {
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_signal_store_screlease)(signal, value) }
}

fn load(signal: hsa_signal_t) -> i64 {
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_signal_load_scacquire)(signal) }
}

/// Locks host memory for all agents while it lives.
struct Locked(*mut c_void);

impl Locked {
    fn new<T>(memory: &mut [T]) -> Self {
        let (start, mut seen) = (memory.as_mut_ptr().cast(), null_mut());
        // SAFETY: HSA's contract.
        let status = unsafe { (api().hsa_amd_memory_lock)(start, size_of_val(memory), null_mut(), 0, &mut seen) };
        assert_eq!((status, seen), (HSA_STATUS_SUCCESS, start));
        Self(start)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: locked in `new`.
        assert_eq!(unsafe { (api().hsa_amd_memory_unlock)(self.0) }, HSA_STATUS_SUCCESS);
    }
}

#[test]
fn copies_go_between_all_memories() {
    let values: Vec<u32> = (0..10_000).collect();
    let (cpu, gpus) = (agents()[0], [agents()[1], agents()[2]]);
    let mut places: Vec<_> = pools(cpu).into_iter().map(|pool| Buffer::of(pool, &values)).collect();
    for gpu in gpus {
        places.extend(pools(gpu)[..2].iter().map(|pool| Buffer::of(*pool, &vec![0_u32; values.len()])));
    }
    // From each to the next, and so through all of them.
    for pair in places.windows(2) {
        let done = signal(1);
        assert_eq!(copy(pair[1].address.cast(), pair[0].address.cast(), 40_000, &[], done), HSA_STATUS_SUCCESS);
        assert_eq!(wait_below(done, 1), 0);
    }
    assert_eq!(places.last().unwrap().read(), values);
    let mut host = vec![0_u32; values.len()];
    let locked = Locked::new(&mut host);
    let done = signal(5);
    let from = places.last().unwrap().address.cast();
    assert_eq!(copy(host.as_mut_ptr().cast(), from, 40_000, &[], done), HSA_STATUS_SUCCESS);
    assert_eq!(wait_below(done, 5), 4, "the completion signal is decremented");
    drop(locked);
    assert_eq!(host, values);
}

#[test]
fn a_copy_waits_for_all_its_dependencies() {
    let (from, to) = (Buffer::new(&[7_u32; 64]), Buffer::new(&[0_u32; 64]));
    let (first, second, done) = (signal(2), signal(1), signal(1));
    let status = copy(to.address.cast(), from.address.cast(), 256, &[first, second], done);
    assert_eq!(status, HSA_STATUS_SUCCESS);
    store(second, 0);
    store(first, 1);
    thread::sleep(Duration::from_millis(50));
    assert_eq!((load(done), to.read()[0]), (1, 0));
    store(first, 0);
    assert_eq!((wait_below(done, 1), to.read()[63]), (0, 7));
}

#[test]
fn copies_that_wait_hold_up_no_other() {
    let (from, to) = (Buffer::new(&[7_u32; 64]), Buffer::new(&[0_u32; 64]));
    let never = signal(1);
    // Far more than there are engines.
    let waiting: Vec<_> = (0..100).map(|_| signal(1)).collect();
    let other = Buffer::new(&[0_u32; 64]);
    for done in &waiting {
        assert_eq!(copy(other.address.cast(), from.address.cast(), 256, &[never], *done), HSA_STATUS_SUCCESS);
    }
    let done = signal(1);
    assert_eq!(copy(to.address.cast(), from.address.cast(), 256, &[], done), HSA_STATUS_SUCCESS);
    assert_eq!((wait_below(done, 1), to.read()[0]), (0, 7));
    assert!(waiting.iter().all(|done| load(*done) == 1));
    store(never, 0);
    assert!(waiting.iter().all(|done| wait_below(*done, 1) == 0));
}

#[test]
fn a_chain_runs_in_order_whoever_is_submitted_first() {
    const LENGTH: usize = 2000;
    let buffers: Vec<_> = (0..=LENGTH).map(|n| Buffer::new(&[u32::from(n == 0) * 9])).collect();
    let done: Vec<_> = (0..=LENGTH).map(|_| signal(1)).collect();
    // The last link first: each one waits when it is submitted.
    for n in (0..LENGTH).rev() {
        let (to, from) = (buffers[n + 1].address.cast(), buffers[n].address.cast());
        assert_eq!(copy(to, from, 4, &[done[n]], done[n + 1]), HSA_STATUS_SUCCESS);
    }
    store(done[0], 0);
    assert_eq!((wait_below(done[LENGTH], 1), buffers[LENGTH].read()), (0, vec![9]));
}

#[test]
fn a_failed_dependency_fails_all_that_follow() {
    const LENGTH: usize = 20_000;
    let (from, to) = (Buffer::new(&[1_u32]), Buffer::new(&[0_u32]));
    let done: Vec<_> = (0..=LENGTH).map(|_| signal(1)).collect();
    for n in 0..LENGTH {
        assert_eq!(copy(to.address.cast(), from.address.cast(), 4, &[done[n]], done[n + 1]), HSA_STATUS_SUCCESS);
    }
    store(done[0], -7);
    assert_eq!(
        (wait_below(done[LENGTH], 1), to.read()),
        (-7, vec![0]),
        "the error is passed on, and nothing is copied"
    );
    for signal in done {
        // SAFETY: HSA's contract.
        assert_eq!(unsafe { (api().hsa_signal_destroy)(signal) }, HSA_STATUS_SUCCESS);
    }
    // A dependency that goes before it is met.
    let (gone, done) = (signal(1), signal(1));
    assert_eq!(copy(to.address.cast(), from.address.cast(), 4, &[gone], done), HSA_STATUS_SUCCESS);
    // SAFETY: HSA's contract is broken, as the test says.
    assert_eq!(unsafe { (api().hsa_signal_destroy)(gone) }, HSA_STATUS_SUCCESS);
    assert_eq!((wait_below(done, 1), to.read()), (-1, vec![0]));
}

#[test]
fn memory_that_is_freed_before_the_copy_runs_is_not_touched() {
    let to = Buffer::new(&[0_u32; 64]);
    let (open, done) = (signal(1), signal(1));
    // So large that the tests beside this one are not given the same place again.
    let from = Buffer::new(&vec![7_u32; 16 << 20]);
    assert_eq!(copy(to.address.cast(), from.address.cast(), 256, &[open], done), HSA_STATUS_SUCCESS);
    drop(from);
    store(open, 0);
    assert_eq!((wait_below(done, 1), to.read()), (-1, vec![0; 64]));
}

#[test]
fn copies_that_cannot_be_are_refused() {
    let (from, to) = (Buffer::new(&[7_u32; 64]), Buffer::new(&[0_u32; 64]));
    let (to, from) = (to.address.cast::<c_void>(), from.address.cast::<c_void>());
    let done = signal(1);
    let beyond = from.cast::<u8>().wrapping_add(4).cast();
    assert_eq!(copy(to, beyond, 256, &[], done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert!(amdgpu_sim::last_error().unwrap().contains("beyond the end of its allocation"));
    assert_eq!(copy(null_mut(), from, 256, &[], done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert_eq!(copy(to, null(), 256, &[], done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert_eq!(copy(to, from, 256, &[], hsa_signal_t { handle: 0 }), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert_eq!(copy(to, from, 256, &[], hsa_signal_t { handle: 8 }), HSA_STATUS_ERROR_INVALID_SIGNAL);
    assert_eq!(copy(to, from, 256, &[hsa_signal_t { handle: 8 }], done), HSA_STATUS_ERROR_INVALID_SIGNAL);
    // Pageable memory of the host: no device reaches it, the CPU does.
    let mut host = [0_u32; 64];
    assert_eq!(copy(host.as_mut_ptr().cast(), from, 256, &[], done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert!(amdgpu_sim::last_error().unwrap().contains("hsa_amd_memory_lock"));
    assert_eq!(load(done), 1, "nothing was submitted");
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let (copy, cpu, nobody) = (api().hsa_amd_memory_async_copy, agents()[0], hsa_agent_t { handle: 99 });
        let host = host.as_mut_ptr().cast::<c_void>();
        assert_eq!(copy(host, nobody, from, cpu, 256, 0, null(), done), HSA_STATUS_ERROR_INVALID_AGENT);
        assert_eq!(copy(host, cpu, from, cpu, 256, 1, null(), done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(copy(host, cpu, from, cpu, 0, 0, null(), done), HSA_STATUS_SUCCESS);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(load(done), 1, "a copy of nothing completes nothing");
        assert_eq!(copy(host, cpu, from, cpu, 256, 0, null(), done), HSA_STATUS_SUCCESS);
    }
    assert_eq!(wait_below(done, 1), 0);
    assert_eq!(host, [7; 64]);
}

#[test]
fn a_box_is_copied_by_rows_and_layers() {
    // 3 layers of 5 rows of 16 bytes on one side, 4 layers of 6 rows of 32 bytes on the other.
    let source: Vec<u8> = (0..240).collect();
    let (from, to) = (Buffer::new(&source), Buffer::new(&[0_u8; 768]));
    let mut from_ptr = hsa_pitched_ptr_t { base: from.address.cast(), pitch: 16, slice: 80 };
    let to_ptr = hsa_pitched_ptr_t { base: to.address.cast(), pitch: 32, slice: 192 };
    let (from_at, to_at) = (hsa_dim3_t { x: 4, y: 1, z: 1 }, hsa_dim3_t { x: 9, y: 2, z: 0 });
    let range = hsa_dim3_t { x: 7, y: 3, z: 2 };
    let rect = |from: &hsa_pitched_ptr_t, range: &hsa_dim3_t, agent, direction, done| {
        // SAFETY: HSA's contract.
        unsafe {
            let copy = api().hsa_amd_memory_async_copy_rect;
            copy(&to_ptr, &to_at, from, &from_at, range, agent, direction, 0, null(), done)
        }
    };
    let (done, gpu) = (signal(1), agents()[1]);
    assert_eq!(rect(&from_ptr, &range, gpu, hsaDeviceToDevice, done), HSA_STATUS_SUCCESS);
    assert_eq!(wait_below(done, 1), 0);
    let mut expected = vec![0_u8; 768];
    for (layer, row, byte) in (0..2).flat_map(|z| (0..3).flat_map(move |y| (0..7).map(move |x| (z, y, x)))) {
        expected[layer * 192 + (row + 2) * 32 + 9 + byte] = source[(layer + 1) * 80 + (row + 1) * 16 + 4 + byte];
    }
    assert_eq!(to.read(), expected);

    assert_eq!(rect(&from_ptr, &range, agents()[0], hsaDeviceToDevice, done), HSA_STATUS_ERROR_INVALID_AGENT);
    assert_eq!(rect(&from_ptr, &range, gpu, hsaHostToHost, done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    for wrong in [hsa_dim3_t { x: 13, ..range }, hsa_dim3_t { y: 5, ..range }, hsa_dim3_t { z: 3, ..range }] {
        let status = rect(&from_ptr, &wrong, gpu, hsaDeviceToDevice, done);
        assert_eq!(status, HSA_STATUS_ERROR_INVALID_ARGUMENT, "{wrong:?}");
    }
    from_ptr.pitch = 18;
    assert_eq!(rect(&from_ptr, &range, gpu, hsaDeviceToDevice, done), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    assert!(amdgpu_sim::last_error().unwrap().contains("multiples of 4"));
}

#[test]
fn threads_copy_at_once() {
    let threads: Vec<_> = (0..8_u32)
        .map(|number| {
            thread::spawn(move || {
                let (from, to) = (Buffer::new(&vec![number + 1; 4096]), Buffer::new(&vec![0; 4096]));
                for _ in 0..200 {
                    let (open, middle, done) = (signal(1), signal(1), signal(1));
                    let (a, b) = (from.address.cast::<c_void>(), to.address.cast::<c_void>());
                    assert_eq!(copy(b, a, 16384, &[open], middle), HSA_STATUS_SUCCESS);
                    assert_eq!(copy(a, b, 16384, &[middle], done), HSA_STATUS_SUCCESS);
                    store(open, 0);
                    assert_eq!(wait_below(done, 1), 0);
                    for signal in [open, middle, done] {
                        // SAFETY: HSA's contract.
                        assert_eq!(unsafe { (api().hsa_signal_destroy)(signal) }, HSA_STATUS_SUCCESS);
                    }
                }
                assert_eq!(to.read(), vec![number + 1; 4096]);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
