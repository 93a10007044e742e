//! Launches.

use std::{ffi::c_void, ptr::null_mut};

use geobacter_cuda_driver::{
    Raw,
    sys::{CUfunction, CUfunction_attribute::*, CUresult, CUresult::*},
};

use crate::{
    ptx::{self, ADD, SHARED},
    support::{
        Gate, allocate, context, context_on, cuda, device, function, launch, load, ok, param, pinned, read, stream,
        write,
    },
};

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

#[test]
fn a_kernel_runs_on_every_card_that_can() {
    for target in ["sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"] {
        context_on(device(target));
        let kernel = function(load(ADD), c"add");
        let address = allocate(4096);
        ok!(cuMemsetD32Async(address, 5, 1024, null_mut()));
        assert!(launch(kernel, 8, 128, null_mut(), &mut [param(&address), param(&7_u32)]) == CUDA_SUCCESS);
        assert_eq!(words(&read(address, 4096)), [12; 1024], "{target}");
    }
}

#[test]
fn parameters_come_as_pointers_or_in_a_buffer() {
    context();
    let kernel = function(load(ADD), c"add");
    let address = allocate(128);
    write(address, &[0; 128]);
    let mut buffer = [0_u8; 12];
    buffer[..8].copy_from_slice(&address.to_le_bytes());
    buffer[8..].copy_from_slice(&3_u32.to_le_bytes());
    let one_block = |params: *mut *mut c_void, extra: *mut *mut c_void| {
        cuda!(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, null_mut(), params, extra))
    };
    let with_buffer = |size: usize| {
        let mut extra: [*mut c_void; 5] = [
            std::ptr::without_provenance_mut(1),
            buffer.as_ptr().cast_mut().cast(),
            std::ptr::without_provenance_mut(2),
            param(&size),
            null_mut(),
        ];
        one_block(null_mut(), extra.as_mut_ptr())
    };
    assert!(with_buffer(12) == CUDA_SUCCESS);
    assert!(with_buffer(16) == CUDA_SUCCESS, "with what a C structure has at its end");
    assert!(with_buffer(11) == CUDA_ERROR_INVALID_VALUE);
    let mut params = [param(&address), param(&4_u32)];
    assert!(one_block(params.as_mut_ptr(), null_mut()) == CUDA_SUCCESS);
    assert_eq!(words(&read(address, 128)), [3 + 3 + 4; 32]);

    assert!(one_block(null_mut(), null_mut()) == CUDA_ERROR_INVALID_VALUE);
    let mut end = [null_mut()];
    assert!(one_block(null_mut(), end.as_mut_ptr()) == CUDA_ERROR_INVALID_VALUE);
    assert!(one_block(params.as_mut_ptr(), end.as_mut_ptr()) == CUDA_ERROR_INVALID_VALUE, "given twice");
    params[1] = null_mut();
    assert!(one_block(params.as_mut_ptr(), null_mut()) == CUDA_ERROR_INVALID_VALUE);
}

/// The parameters are read when the launch is submitted.
#[test]
fn parameters_may_change_after_the_launch() {
    context();
    let (kernel, stream) = (function(load(ADD), c"add"), stream(1));
    let address = allocate(128);
    write(address, &[0; 128]);
    let gate = Gate::close(stream);
    let mut amount = Box::new(1_u32);
    assert!(launch(kernel, 1, 32, stream, &mut [param(&address), param(&*amount)]) == CUDA_SUCCESS);
    *amount = 100;
    gate.open();
    ok!(cuStreamSynchronize(stream));
    assert_eq!(words(&read(address, 128)), [1; 32]);
}

fn launch_of(
    function: CUfunction,
    grid: [u32; 3],
    block: [u32; 3],
    shared: u32,
    params: &mut [*mut c_void],
) -> Raw<CUresult> {
    let ([gx, gy, gz], [bx, by, bz]) = (grid, block);
    cuda!(cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, null_mut(), params.as_mut_ptr(), null_mut()))
}

#[test]
fn launches_that_cannot_be_are_refused() {
    context();
    let module = load(SHARED);
    let (count, of_64) = (function(module, c"count"), function(module, c"of_64"));
    let wrong = [
        ([0, 1, 1], [1, 1, 1]),
        ([1, 0, 1], [1, 1, 1]),
        ([1, 65_536, 1], [1, 1, 1]),
        ([1 << 31, 1, 1], [1, 1, 1]),
        ([1, 1, 1], [0, 1, 1]),
        ([1, 1, 1], [1025, 1, 1]),
        ([1, 1, 1], [1, 1, 65]),
        ([1, 1, 1], [32, 33, 1]),
    ];
    for (grid, block) in wrong {
        assert!(launch_of(count, grid, block, 0, &mut []) == CUDA_ERROR_INVALID_VALUE, "{grid:?} {block:?}");
    }
    assert!(launch_of(count, [1; 3], [32, 32, 1], 0, &mut []) == CUDA_SUCCESS);
    assert!(launch_of(of_64, [1; 3], [32, 1, 1], 0, &mut []) == CUDA_ERROR_INVALID_VALUE);
    assert!(launch_of(of_64, [1; 3], [32, 2, 1], 0, &mut []) == CUDA_ERROR_INVALID_VALUE);
    assert!(launch_of(of_64, [1; 3], [64, 1, 1], 0, &mut []) == CUDA_SUCCESS);
    let greedy = function(load(&ptx::greedy()), c"greedy");
    let address = allocate(4096);
    let mut params = [param(&address)];
    assert!(launch_of(greedy, [1; 3], [1024, 1, 1], 0, &mut params) == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    assert!(launch_of(greedy, [1; 3], [1, 1, 1], 0, &mut params) == CUDA_SUCCESS);
    ok!(cuCtxSynchronize());
    // A kernel of another context.
    let other_stream = {
        context_on(device("sm_90"));
        stream(0)
    };
    assert!(launch(count, 1, 1, other_stream, &mut []) == CUDA_ERROR_INVALID_HANDLE);
}

#[test]
fn shared_memory_beyond_48_kib_is_asked_for_first() {
    context_on(device("sm_70"));
    let reverse = function(load(SHARED), c"reverse");
    let address = allocate(4096);
    let mut params = [param(&address)];
    assert!(launch_of(reverse, [1; 3], [256, 1, 1], 1024, &mut params) == CUDA_SUCCESS);
    assert_eq!(words(&read(address, 1024)), (0..256).rev().collect::<Vec<_>>());
    assert!(launch_of(reverse, [1; 3], [256, 1, 1], 49_153, &mut params) == CUDA_ERROR_INVALID_VALUE);
    let most = 96 << 10;
    ok!(cuFuncSetAttribute(reverse, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.into(), most));
    assert!(launch_of(reverse, [1; 3], [256, 1, 1], most as u32, &mut params) == CUDA_SUCCESS);
    assert!(launch_of(reverse, [1; 3], [256, 1, 1], most as u32 + 1, &mut params) == CUDA_ERROR_INVALID_VALUE);
    ok!(cuCtxSynchronize());
}

#[test]
fn kernels_reach_pinned_managed_and_peers_memory() {
    let there = device("sm_90");
    let there_context = context_on(there);
    let before = allocate(128);
    context();
    ok!(cuCtxEnablePeerAccess(there_context, 0));
    let mut managed = 0;
    ok!(cuMemAllocManaged(&mut managed, 128, 1));
    let pinned = pinned(128);
    let here = {
        let mut current = null_mut();
        ok!(cuCtxGetCurrent(&mut current));
        current
    };
    ok!(cuCtxSetCurrent(there_context));
    let after = allocate(128);
    ok!(cuCtxSetCurrent(here));
    let kernel = function(load(ADD), c"add");
    for address in [before, after, managed, pinned.expose_provenance() as u64] {
        ok!(cuMemsetD32Async(address, 1, 32, null_mut()));
        assert!(launch(kernel, 1, 32, null_mut(), &mut [param(&address), param(&1_u32)]) == CUDA_SUCCESS);
        assert_eq!(words(&read(address, 128)), [2; 32]);
    }
}
