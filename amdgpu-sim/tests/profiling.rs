//! When packets and copies ran, on the system's clock.

mod support;

use std::ptr::null_mut;

use hsa_rt_sys::*;
use support::{Buffer, Program, Shape, agents, api, assemble, have_llvm, kernel, pools, signal, wait_below};

fn now() -> u64 {
    let mut ticks = 0_u64;
    // SAFETY: HSA's contract.
    let status = unsafe { (api().hsa_system_get_info)(HSA_SYSTEM_INFO_TIMESTAMP, (&raw mut ticks).cast()) };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    ticks
}

fn dispatch_time(signal: hsa_signal_t) -> (u64, u64) {
    let mut time = hsa_amd_profiling_dispatch_time_t::default();
    // SAFETY: HSA's contract.
    let status = unsafe { (api().hsa_amd_profiling_get_dispatch_time)(agents()[1], signal, &mut time) };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    (time.start, time.end)
}

#[test]
fn a_profiled_queue_says_when_its_kernels_ran() {
    if !have_llvm() {
        return;
    }
    // 2^18 turns.
    let body =
        "s_mov_b32 s4, 0x40000\n.Lloop:\ns_sub_u32 s4, s4, 1\ns_cmp_lg_u32 s4, 0\ns_cbranch_scc1 .Lloop\ns_endpgm";
    let program = Program::new(&assemble(&kernel(body)));
    let kernarg = Buffer::of(pools(agents()[0])[0], &[0_u64; 32]);
    let launch = || {
        let mut packet = program.packet("k", kernarg.address.cast(), Shape::linear(64, 64));
        packet.completion_signal = signal(1);
        program.submit(packet, HSA_PACKET_TYPE_KERNEL_DISPATCH as u16);
        packet.completion_signal
    };
    let plain = launch();
    assert_eq!(wait_below(plain, 1), 0);
    assert_eq!(dispatch_time(plain), (0, 0), "nobody measured");
    let set = api().hsa_amd_profiling_set_profiler_enabled;
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        assert_eq!(set(program.queue, 1), HSA_STATUS_SUCCESS);
        assert_eq!(set(null_mut(), 1), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(set(std::ptr::without_provenance_mut(64), 1), HSA_STATUS_ERROR_INVALID_QUEUE);
    }
    let before = now();
    let signals = [launch(), launch()];
    assert!(signals.iter().all(|signal| wait_below(*signal, 1) == 0));
    let after = now();
    let [(a, b), (c, d)] = signals.map(dispatch_time);
    assert!(before <= a && a < b && b <= c && c < d && d <= after, "{before} {a} {b} {c} {d} {after}");
    // Debuggers and tools read them where hardware puts them.
    // SAFETY: a live signal's handle is the address of an `amd_signal_t`.
    let block = unsafe { &*(signals[0].handle as *const amd_signal_t) };
    assert_eq!((block.start_ts, block.end_ts), (a, b));
    // SAFETY: HSA's contract.
    unsafe {
        assert_eq!(set(program.queue, 0), HSA_STATUS_SUCCESS);
        let mut tick = 0;
        let convert = api().hsa_amd_profiling_convert_tick_to_system_domain;
        assert_eq!(convert(agents()[1], a, &mut tick), HSA_STATUS_SUCCESS);
        assert_eq!(tick, a, "devices have the system's clock");
    }
    let plain = launch();
    assert_eq!((wait_below(plain, 1), dispatch_time(plain)), (0, (0, 0)));
}

#[test]
fn profiled_copies_say_when_they_ran() {
    let (from, to) = (Buffer::new(&vec![1_u32; 1 << 20]), Buffer::new(&vec![0_u32; 1 << 20]));
    let copy = |dependencies: &[hsa_signal_t], done| {
        let (gpu, copy) = (agents()[1], api().hsa_amd_memory_async_copy);
        let (to, from, count) = (to.address.cast(), from.address.cast(), dependencies.len() as u32);
        // SAFETY: HSA's contract.
        unsafe { assert_eq!(copy(to, gpu, from, gpu, 4 << 20, count, dependencies.as_ptr(), done), HSA_STATUS_SUCCESS) }
    };
    let time = |done| {
        let mut time = hsa_amd_profiling_async_copy_time_t::default();
        // SAFETY: HSA's contract.
        let status = unsafe { (api().hsa_amd_profiling_get_async_copy_time)(done, &mut time) };
        (status, time.start, time.end)
    };
    let plain = signal(1);
    copy(&[], plain);
    assert_eq!((wait_below(plain, 1), time(plain).0), (0, HSA_STATUS_ERROR), "nobody measured");
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        assert_eq!((api().hsa_amd_profiling_async_copy_enable)(true), HSA_STATUS_SUCCESS);
        let get = api().hsa_amd_profiling_get_async_copy_time;
        assert_eq!(get(plain, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        let mut time = hsa_amd_profiling_async_copy_time_t::default();
        assert_eq!(get(hsa_signal_t { handle: 8 }, &mut time), HSA_STATUS_ERROR_INVALID_SIGNAL);
        let mut time = hsa_amd_profiling_dispatch_time_t::default();
        let get = api().hsa_amd_profiling_get_dispatch_time;
        assert_eq!(get(agents()[0], plain, &mut time), HSA_STATUS_ERROR_INVALID_AGENT);
        assert_eq!(get(agents()[1], plain, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
    let before = now();
    let (first, second) = (signal(1), signal(1));
    copy(&[], first);
    copy(&[first], second);
    assert_eq!((wait_below(first, 1), wait_below(second, 1)), (0, 0));
    let after = now();
    let ((first, a, b), (second, c, d)) = (time(first), time(second));
    assert_eq!((first, second), (HSA_STATUS_SUCCESS, HSA_STATUS_SUCCESS));
    assert!(before <= a && a < b && b <= c && c < d && d <= after, "{before} {a} {b} {c} {d} {after}");
    // SAFETY: HSA's contract.
    unsafe { assert_eq!((api().hsa_amd_profiling_async_copy_enable)(false), HSA_STATUS_SUCCESS) };
}
