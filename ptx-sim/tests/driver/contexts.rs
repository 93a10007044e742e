//! Primary contexts: who has one, for how long, and whose it is.

use std::{
    ptr::{null_mut, without_provenance_mut},
    thread,
};

use geobacter_cuda_driver::{
    Raw,
    sys::{CUlimit::*, CUresult::*},
};

use crate::{
    ptx::ADD,
    support::{allocate, context, context_on, cuda, device, event, gives, ok, read, stream, write},
};

#[test]
fn nothing_is_done_without_a_current_context() {
    let device = device("sm_90");
    let mut address = 0;
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc_v2(&mut address, 64));
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuCtxSynchronize());
    let context = context_on(device);
    ok!(cuMemAlloc_v2(&mut address, 64));
    // It is current on this thread alone.
    thread::spawn(move || {
        let mut current = without_provenance_mut(1);
        ok!(cuCtxGetCurrent(&mut current));
        assert!(current.is_null());
        gives!(CUDA_ERROR_INVALID_CONTEXT, cuMemFree_v2(address));
    })
    .join()
    .unwrap();
    ok!(cuCtxSetCurrent(null_mut()));
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuMemFree_v2(address));
    ok!(cuCtxSetCurrent(context));
    ok!(cuMemFree_v2(address));
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuCtxSetCurrent(without_provenance_mut(0x77)));
}

#[test]
fn a_context_ends_when_nobody_has_it() {
    let (device, first) = context();
    let second = context_on(device);
    assert_eq!(first, second, "one for each device");
    let address = allocate(1 << 20);
    ok!(cuDevicePrimaryCtxRelease_v2(device));
    write(address, &[1, 2, 3]);
    ok!(cuDevicePrimaryCtxRelease_v2(device));
    gives!(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuDevicePrimaryCtxRelease_v2(device));
    // Retained again, it is empty.
    assert_eq!(context_on(device), first);
    let (mut free, mut total) = (0, 0);
    ok!(cuMemGetInfo_v2(&mut free, &mut total));
    assert_eq!(free, total);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address));
}

#[test]
fn a_reset_takes_all_away_but_the_references() {
    let (device, context) = context();
    let (address, stream, event) = (allocate(4096), stream(0), event(0));
    ok!(cuMemsetD8Async(address, 1, 4096, stream));
    ok!(cuDevicePrimaryCtxReset_v2(device));
    gives!(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
    assert_eq!(context_on(device), context);
    gives!(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuEventQuery(event));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address));
    let address = allocate(16);
    write(address, &[5; 16]);
    assert_eq!(read(address, 16), [5; 16]);
    // The reference from before, and the one after.
    ok!(cuDevicePrimaryCtxRelease_v2(device));
    ok!(cuCtxSynchronize());
    ok!(cuDevicePrimaryCtxRelease_v2(device));
    gives!(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSynchronize());
}

/// Whoever uses a context while another thread resets it gets a failure, and nothing worse: no thread waits for ever,
/// and no memory is lost.
#[test]
fn a_context_can_be_reset_while_others_use_it() {
    let (device, _) = context();
    let use_it = move || {
        context_on(device);
        let (mut address, mut stream, mut module) = (0, null_mut(), null_mut());
        let ptx = std::ffi::CString::new(ADD).unwrap();
        for turn in 0..200_usize {
            if cuda!(cuMemAlloc_v2(&mut address, 4096)) != CUDA_SUCCESS {
                // Once for all: the reset has come.
                context_on(device);
                continue;
            }
            let _ = cuda!(cuStreamCreateWithPriority(&mut stream, (turn % 2) as u32, 0));
            let _ = cuda!(cuMemsetD8Async(address, 1, 4096, stream));
            if turn % 20 == 0 {
                let _ = cuda!(cuModuleLoadDataEx(&mut module, ptx.as_ptr().cast(), 0, null_mut(), null_mut()));
            }
            let _ = cuda!(cuCtxSynchronize());
            let _ = cuda!(cuMemFree_v2(address));
            let _ = cuda!(cuStreamDestroy_v2(stream));
        }
    };
    let users: Vec<_> = (0..3).map(|_| thread::spawn(use_it)).collect();
    while users.iter().any(|user| !user.is_finished()) {
        ok!(cuDevicePrimaryCtxReset_v2(device));
        thread::yield_now();
    }
    for user in users {
        user.join().unwrap();
    }
    ok!(cuDevicePrimaryCtxReset_v2(device));
    context_on(device);
    let (mut free, mut total) = (0, 0);
    ok!(cuMemGetInfo_v2(&mut free, &mut total));
    assert_eq!(free, total);
}

#[test]
fn limits_are_known_or_refused() {
    context();
    ok!(cuCtxSetLimit(CU_LIMIT_STACK_SIZE.into(), 16384));
    gives!(CUDA_ERROR_INVALID_VALUE, cuCtxSetLimit(CU_LIMIT_STACK_SIZE.into(), 1 << 30));
    gives!(CUDA_ERROR_UNSUPPORTED_LIMIT, cuCtxSetLimit(Raw::new(4711), 1));
    let (mut least, mut greatest) = (1, 1);
    ok!(cuCtxGetStreamPriorityRange(&mut least, &mut greatest));
    assert_eq!((least, greatest), (0, -5));
}

#[test]
fn access_to_a_peer_is_given_once() {
    let (one, other) = (device("sm_90"), device("sm_90"));
    let (other_context, context) = (context_on(other), context_on(one));
    gives!(CUDA_ERROR_INVALID_VALUE, cuCtxEnablePeerAccess(other_context, 1));
    gives!(CUDA_ERROR_INVALID_DEVICE, cuCtxEnablePeerAccess(context, 0));
    gives!(CUDA_ERROR_INVALID_CONTEXT, cuCtxEnablePeerAccess(null_mut(), 0));
    ok!(cuCtxEnablePeerAccess(other_context, 0));
    gives!(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, cuCtxEnablePeerAccess(other_context, 0));
    let old = context_on(device("sm_70"));
    gives!(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cuCtxEnablePeerAccess(other_context, 0));
    ok!(cuCtxSetCurrent(context));
    gives!(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cuCtxEnablePeerAccess(old, 0));
}
