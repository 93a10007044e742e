//! Kernels that go wrong, and what is left of the context.

use std::ptr::null_mut;

use geobacter_cuda_driver::sys::{CUdevice, CUresult, CUresult::*};
use ptx_sim::{FaultKind, take_fault_report};

use crate::{
    ptx::FAULTS,
    support::{
        allocate, context, context_on, cuda, device, event, function, gives, launch, load, ok, param, pinned, read,
        stream, write,
    },
};

/// Has a kernel store to an address on a device, whose context must be lost to this result. Gives the report.
fn poke(device: CUdevice, address: u64, expected: CUresult) -> ptx_sim::Fault {
    let kernel = function(load(FAULTS), c"poke");
    assert!(launch(kernel, 1, 1, null_mut(), &mut [param(&address)]) == CUDA_SUCCESS);
    gives!(expected, cuCtxSynchronize());
    let report = take_fault_report(device as usize).expect("a report of the fault");
    assert_eq!(report.kernel, "poke");
    assert!(take_fault_report(device as usize).is_none(), "it is taken");
    report
}

#[test]
fn a_fault_loses_the_context_until_it_is_reset() {
    let (device, _) = context();
    let (kept, stream, mark) = (allocate(64), stream(1), event(0));
    write(kept, &[1; 64]);
    let report = poke(device, 0, CUDA_ERROR_ILLEGAL_ADDRESS);
    assert_eq!(report.kind, FaultKind::OutOfBounds);
    assert_eq!(report.address, Some(0));
    let site = report.site.unwrap();
    assert_eq!((site.source[0].line, site.source[0].column), (42, 7));
    assert!(site.source[0].file.ends_with("poke.rs"), "{site:?}");

    // Every call gives the same from now on.
    let (mut address, mut byte, mut module) = (0, 0_u8, null_mut());
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemAlloc_v2(&mut address, 4));
    assert!(ptx_sim::last_error().unwrap().contains("poke"), "{:?}", ptx_sim::last_error());
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree_v2(kept));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemcpyDtoH_v2((&raw mut byte).cast(), kept, 1));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuMemsetD8Async(kept, 0, 1, stream));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamQuery(stream));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuEventRecord(mark, stream));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuEventQuery(mark));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuEventSynchronize(mark));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuModuleLoadDataEx(&mut module, c"".as_ptr().cast(), 0, null_mut(), null_mut()));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
    // Others go on.
    let mut name = [0; 32];
    ok!(cuDeviceGetName(name.as_mut_ptr(), 32, device));
    context();
    allocate(16);

    ok!(cuDevicePrimaryCtxReset_v2(device));
    context_on(device);
    let address = allocate(64);
    write(address, &[2; 64]);
    assert_eq!(read(address, 64), [2; 64]);
}

#[test]
fn releasing_the_lost_context_helps_as_well() {
    let (device, _) = context();
    poke(device, 8, CUDA_ERROR_ILLEGAL_ADDRESS);
    ok!(cuDevicePrimaryCtxRelease_v2(device));
    context_on(device);
    ok!(cuCtxSynchronize());
}

#[test]
fn each_fault_has_its_result() {
    let (device, _) = context();
    let address = allocate(64);
    let report = poke(device, address + 1, CUDA_ERROR_MISALIGNED_ADDRESS);
    assert_eq!((report.kind, report.address), (FaultKind::Misaligned, Some(address + 1)));

    let (device, _) = context();
    let address = allocate(64);
    ok!(cuMemFree_v2(address));
    assert_eq!(poke(device, address, CUDA_ERROR_ILLEGAL_ADDRESS).kind, FaultKind::Freed);

    let (device, _) = context();
    let address = allocate(64);
    let report = poke(device, address + 64, CUDA_ERROR_ILLEGAL_ADDRESS);
    assert!(report.detail.contains("of 64 bytes"), "{}", report.detail);

    let (device, _) = context();
    let stop = function(load(FAULTS), c"stop");
    assert!(launch(stop, 1, 1, null_mut(), &mut []) == CUDA_SUCCESS);
    gives!(CUDA_ERROR_ILLEGAL_INSTRUCTION, cuCtxSynchronize());
    assert_eq!(take_fault_report(device as usize).unwrap().kind, FaultKind::Trap);
}

#[test]
fn the_watchdog_ends_what_does_not_end() {
    let (device, _) = context();
    let forever = function(load(FAULTS), c"forever");
    assert!(launch(forever, 1, 32, null_mut(), &mut []) == CUDA_SUCCESS);
    gives!(CUDA_ERROR_LAUNCH_TIMEOUT, cuCtxSynchronize());
    assert_eq!(take_fault_report(device as usize).unwrap().kind, FaultKind::Stopped);
}

#[test]
fn a_peers_memory_is_out_of_reach_until_access_is_enabled() {
    let there = context_on(device("sm_90"));
    let theirs = allocate(4);
    let (here, _) = context();
    poke(here, theirs, CUDA_ERROR_ILLEGAL_ADDRESS);
    ok!(cuDevicePrimaryCtxReset_v2(here));
    context_on(here);
    ok!(cuCtxEnablePeerAccess(there, 0));
    let kernel = function(load(FAULTS), c"poke");
    assert!(launch(kernel, 1, 1, null_mut(), &mut [param(&theirs)]) == CUDA_SUCCESS);
    ok!(cuCtxSynchronize());
    assert_eq!(read(theirs, 4), 77_u32.to_le_bytes());
    // And again when they have freed it.
    ok!(cuCtxSetCurrent(there));
    ok!(cuMemFree_v2(theirs));
    context_on(here);
    assert_eq!(poke(here, theirs, CUDA_ERROR_ILLEGAL_ADDRESS).kind, FaultKind::Freed);
}

/// What waits behind a kernel that faults is not done, and who waits for it is let go.
#[test]
fn work_behind_a_fault_is_dropped() {
    let (_, lost) = context();
    let kernel = function(load(FAULTS), c"poke");
    let (stream, mark, flag) = (stream(1), event(2), pinned(4));
    let (address, flag_address) = (0_u64, flag.expose_provenance() as u64);
    assert!(launch(kernel, 1, 1, stream, &mut [param(&address)]) == CUDA_SUCCESS);
    // Either is refused, if the fault was there first.
    let submitted = cuda!(cuMemsetD32Async(flag_address, 1, 1, stream)) == CUDA_SUCCESS
        && cuda!(cuEventRecord(mark, stream)) == CUDA_SUCCESS;
    let (_, _) = context();
    let free = crate::support::stream(1);
    if submitted {
        ok!(cuStreamWaitEvent(free, mark, 0));
    }
    ok!(cuStreamSynchronize(free));
    ok!(cuCtxSetCurrent(lost));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuStreamSynchronize(stream));
    // SAFETY: pinned memory, which nothing writes any more.
    assert_eq!(unsafe { flag.cast::<u32>().read() }, 0);
}
