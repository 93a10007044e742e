//! Copies and fills.

use std::ptr::{null, null_mut};

use geobacter_cuda_driver::sys::{CUDA_MEMCPY2D, CUmemorytype::*, CUresult::*};

use crate::support::{Gate, allocate, context, context_on, device, gives, ok, pattern, pinned, read, stream, write};

/// A description in which nothing is set.
fn nothing() -> CUDA_MEMCPY2D {
    CUDA_MEMCPY2D {
        srcXInBytes: 0,
        srcY: 0,
        srcMemoryType: CU_MEMORYTYPE_DEVICE,
        srcHost: null(),
        srcDevice: 0,
        srcArray: null_mut(),
        srcPitch: 0,
        dstXInBytes: 0,
        dstY: 0,
        dstMemoryType: CU_MEMORYTYPE_DEVICE,
        dstHost: null_mut(),
        dstDevice: 0,
        dstArray: null_mut(),
        dstPitch: 0,
        WidthInBytes: 0,
        Height: 0,
    }
}

#[test]
fn bytes_come_back_from_the_device_at_any_alignment() {
    context();
    let address = allocate(200_000);
    for (offset, size) in [(0, 1), (0, 8), (1, 15), (3, 70_001), (8, 131_072), (7, 131_072)] {
        let bytes = pattern(size);
        write(address + offset, &bytes);
        assert!(read(address + offset, size) == bytes, "{size} bytes at {offset}");
    }
}

#[test]
fn copies_stay_inside_of_allocations() {
    context();
    let address = allocate(100);
    let mut bytes = [0_u8; 128];
    let host = bytes.as_mut_ptr().cast();
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(address, host, 101));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(address + 1, host, 100));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(host, address, 101));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(host, 0x1234, 1));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(host, u64::MAX - 3, 8));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2(null_mut(), address, 1));
    ok!(cuMemcpyDtoH_v2(null_mut(), address, 0));
    ok!(cuMemcpyHtoD_v2(address, host, 100));
    // A freed allocation is none.
    ok!(cuMemFree_v2(address));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(address, host, 1));
    // Pinned memory is as large as it is, although the host could go on behind it.
    let pinned = pinned(16);
    let address = allocate(100);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD_v2(address, pinned.cast(), 17));
}

#[test]
fn pageable_memory_is_read_at_once_and_pinned_memory_later() {
    context();
    let (stream, address) = (stream(1), allocate(64));
    let mut pageable = [1_u8; 32];
    let pinned = pinned(32);
    // SAFETY: the memory has 32 bytes.
    unsafe { pinned.write_bytes(1, 32) };
    let gate = Gate::close(stream);
    ok!(cuMemcpyHtoDAsync_v2(address, pageable.as_ptr().cast(), 32, stream));
    ok!(cuMemcpyHtoDAsync_v2(address + 32, pinned.cast(), 32, stream));
    pageable.fill(2);
    // SAFETY: the same; the copy waits at the gate.
    unsafe { pinned.write_bytes(2, 32) };
    gate.open();
    ok!(cuStreamSynchronize(stream));
    assert_eq!(read(address, 32), [1; 32]);
    assert_eq!(read(address + 32, 32), [2; 32]);
    // What goes to pageable memory is there when the call returns.
    ok!(cuMemcpyDtoHAsync_v2(pageable.as_mut_ptr().cast(), address, 32, stream));
    assert_eq!(pageable, [1; 32]);
}

#[test]
fn memory_is_copied_on_the_device_and_between_devices() {
    let other = device("sm_90");
    let other_context = context_on(other);
    let there = allocate(1000);
    let (_, here_context) = context();
    let here = allocate(2000);
    let bytes = pattern(1000);
    write(here, &bytes);
    ok!(cuMemcpyAsync(here + 1000, here, 1000, null_mut()));
    assert_eq!(read(here + 1000, 1000), bytes);
    // The addresses say where they are.
    ok!(cuMemcpyAsync(there, here, 1000, null_mut()));
    ok!(cuCtxSynchronize());
    ok!(cuCtxSetCurrent(other_context));
    assert_eq!(read(there, 1000), bytes);
    ok!(cuMemsetD8Async(there, 7, 10, null_mut()));
    ok!(cuMemcpyPeerAsync(here, here_context, there, other_context, 10, null_mut()));
    ok!(cuCtxSynchronize());
    assert_eq!(read(here, 11)[..10], [7; 10]);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyPeerAsync(here, other_context, there, other_context, 10, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyAsync(here, there, 1001, null_mut()));
    // A page of the program's own is nothing that this function finds.
    let own = 5_u8;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyAsync(here, (&raw const own).expose_provenance() as u64, 1, null_mut()));
}

#[test]
fn overlapping_copies_move_bytes_as_they_were() {
    context();
    let address = allocate(300_000);
    let bytes = pattern(200_000);
    for (to, from) in [(0, 70_000), (70_000, 0), (1, 0)] {
        write(address + from, &bytes);
        ok!(cuMemcpyAsync(address + to, address + from, 200_000, null_mut()));
        assert!(read(address + to, 200_000) == bytes, "from {from} to {to}");
    }
}

#[test]
fn rectangles_are_copied_between_pitches() {
    context();
    let (rows, width) = (5, 13);
    let (from, to) = (allocate(32 * 8), allocate(64 * 8));
    let bytes = pattern(32 * 8);
    write(from, &bytes);
    write(to, &[0xee; 64 * 8]);
    let mut copy = CUDA_MEMCPY2D {
        srcDevice: from,
        srcPitch: 32,
        srcXInBytes: 2,
        srcY: 1,
        dstDevice: to,
        dstPitch: 64,
        dstXInBytes: 7,
        dstY: 2,
        WidthInBytes: width,
        Height: rows,
        ..nothing()
    };
    ok!(cuMemcpy2DAsync_v2(&copy, null_mut()));
    let mut expected = vec![0xee; 64 * 8];
    for row in 0..rows {
        expected[(row + 2) * 64 + 7..][..width].copy_from_slice(&bytes[(row + 1) * 32 + 2..][..width]);
    }
    assert_eq!(read(to, 64 * 8), expected);

    // From the host's rows, read at once, and back.
    let mut host = pattern(20 * 4);
    let there = allocate(16 * 4);
    let up = CUDA_MEMCPY2D {
        srcMemoryType: CU_MEMORYTYPE_HOST,
        srcHost: host.as_ptr().cast(),
        srcPitch: 20,
        dstDevice: there,
        dstPitch: 16,
        WidthInBytes: 16,
        Height: 4,
        ..nothing()
    };
    let stream = stream(1);
    let gate = Gate::close(stream);
    ok!(cuMemcpy2DAsync_v2(&up, stream));
    let before = host.clone();
    host.fill(0);
    gate.open();
    let down = CUDA_MEMCPY2D {
        srcDevice: there,
        srcPitch: 16,
        dstMemoryType: CU_MEMORYTYPE_HOST,
        dstHost: host.as_mut_ptr().cast(),
        dstPitch: 20,
        WidthInBytes: 16,
        Height: 4,
        ..nothing()
    };
    ok!(cuMemcpy2DAsync_v2(&down, stream));
    for row in 0..4 {
        assert_eq!(host[row * 20..][..16], before[row * 20..][..16]);
        assert_eq!(host[row * 20 + 16..][..4], [0; 4], "the gap stays");
    }

    // Rows that do not fit their pitch, and an allocation that does not hold the last one.
    copy.srcPitch = 14;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpy2DAsync_v2(&copy, null_mut()));
    copy.srcPitch = 32;
    copy.Height = 8;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpy2DAsync_v2(&copy, null_mut()));
    copy.Height = 0;
    ok!(cuMemcpy2DAsync_v2(&copy, null_mut()));
    copy.Height = 1;
    copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    gives!(CUDA_ERROR_NOT_SUPPORTED, cuMemcpy2DAsync_v2(&copy, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpy2DAsync_v2(null(), null_mut()));
}

#[test]
fn fills_write_elements() {
    context();
    let address = allocate(64);
    ok!(cuMemsetD8Async(address, 0x11, 64, null_mut()));
    ok!(cuMemsetD16Async(address + 2, 0x2233, 3, null_mut()));
    ok!(cuMemsetD32Async(address + 16, 0x4455_6677, 2, null_mut()));
    ok!(cuMemsetD2D8Async(address + 32, 8, 0x99, 3, 4, null_mut()));
    let mut expected = [0x11_u8; 64];
    expected[2..8].copy_from_slice(&[0x33, 0x22, 0x33, 0x22, 0x33, 0x22]);
    expected[16..24].copy_from_slice(&[0x77, 0x66, 0x55, 0x44, 0x77, 0x66, 0x55, 0x44]);
    for row in 0..4 {
        expected[32 + row * 8..][..3].fill(0x99);
    }
    assert_eq!(read(address, 64), expected);
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemsetD16Async(address + 1, 0, 1, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemsetD32Async(address + 2, 0, 1, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemsetD32Async(address, 0, 17, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemsetD32Async(address, 0, usize::MAX, null_mut()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemsetD2D8Async(address, 2, 0, 3, 4, null_mut()));
    ok!(cuMemsetD32Async(address, 0, 0, null_mut()));
}
