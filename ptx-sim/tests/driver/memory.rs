//! Allocating and freeing.

use std::ptr::null_mut;

use geobacter_cuda_driver::sys::CUresult::*;

use crate::support::{Gate, MEMORY, allocate, context, gives, ok, pinned, read, stream, write};

fn free_memory() -> usize {
    let mut free = 0;
    ok!(cuMemGetInfo_v2(&mut free, null_mut()));
    free
}

#[test]
fn memory_is_counted_against_the_limit() {
    context();
    assert_eq!(free_memory(), MEMORY);
    let (mut address, half) = (0, MEMORY / 2);
    let (first, second) = (allocate(half), allocate(half));
    assert_eq!(free_memory(), 0);
    gives!(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&mut address, 1));
    assert!(ptx_sim::last_error().unwrap().contains("67108864 bytes are in use"), "{:?}", ptx_sim::last_error());
    ok!(cuMemFree_v2(first));
    assert_eq!(free_memory(), half);
    gives!(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&mut address, half + 1));
    gives!(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&mut address, usize::MAX));
    // The host's memory is not the device's.
    let pinned = pinned(MEMORY);
    assert_eq!(free_memory(), half);
    ok!(cuMemFreeHost(pinned.cast()));
    ok!(cuMemFree_v2(second));
    assert_eq!(free_memory(), MEMORY);
}

#[test]
fn what_makes_no_sense_is_refused() {
    context();
    let mut address = 0;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_v2(&mut address, 0));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_v2(null_mut(), 1));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(0));
    let address = allocate(1024);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address + 256));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(std::ptr::with_exposed_provenance_mut(address as usize)));
    ok!(cuMemFree_v2(address));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(address));
    let mut pointer = null_mut();
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemHostAlloc(&mut pointer, 64, 0x80));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemHostAlloc(&mut pointer, 0, 0));
    let mut managed = 0;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemAllocManaged(&mut managed, 64, 0));
    ok!(cuMemAllocManaged(&mut managed, 64, 1));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(std::ptr::with_exposed_provenance_mut(managed as usize)));
    ok!(cuMemFree_v2(managed));
}

#[test]
fn addresses_are_aligned() {
    context();
    for size in [1, 3, 255, 256, 257] {
        assert_eq!(allocate(size) % 256, 0);
    }
}

#[test]
fn pinned_and_managed_memory_is_the_hosts_and_the_devices() {
    context();
    let pinned = pinned(64);
    let mut address = 0;
    ok!(cuMemHostGetDevicePointer_v2(&mut address, pinned.wrapping_add(3).cast(), 0));
    ok!(cuMemsetD8Async(address, 9, 4, null_mut()));
    ok!(cuCtxSynchronize());
    // SAFETY: the memory has 64 bytes, and all work has ended.
    assert_eq!(unsafe { std::slice::from_raw_parts(pinned, 8) }, [0, 0, 0, 9, 9, 9, 9, 0]);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemHostGetDevicePointer_v2(&mut address, pinned.cast(), 1));
    let mut local = 0_u8;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemHostGetDevicePointer_v2(&mut address, (&raw mut local).cast(), 0));

    let mut managed = 0;
    ok!(cuMemAllocManaged(&mut managed, 16, 1));
    let host = std::ptr::with_exposed_provenance_mut::<u8>(managed as usize);
    // SAFETY: the memory has 16 bytes, and nothing else uses it.
    unsafe { host.write_bytes(3, 16) };
    assert_eq!(read(managed, 16), [3; 16]);
    write(managed, &[4; 16]);
    // SAFETY: the same.
    assert_eq!(unsafe { host.add(15).read() }, 4);
}

/// Otherwise a kernel that still runs would use memory of somebody else.
#[test]
fn freeing_waits_for_work() {
    context();
    let (address, stream) = (allocate(64), stream(1));
    let gate = Gate::close(stream);
    ok!(cuMemsetD8Async(address, 1, 64, stream));
    let thread = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(30));
        gate.open();
    });
    ok!(cuMemFree_v2(address));
    assert!(crate::support::cuda!(cuStreamQuery(stream)) == CUDA_SUCCESS);
    thread.join().unwrap();
}
