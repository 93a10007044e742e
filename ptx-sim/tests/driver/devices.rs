//! What can be asked of devices.

use std::{
    collections::HashSet,
    ffi::{CStr, c_char},
    ptr::{null, null_mut},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{CUdevice_attribute::*, CUresult::*, CUuuid},
};

use crate::support::{attribute, device, gives, ok};

#[test]
fn devices_are_numbered_and_named() {
    let (mut count, mut version) = (0, 0);
    ok!(cuDeviceGetCount(&mut count));
    assert_eq!(count, 64);
    ok!(cuDriverGetVersion(&mut version));
    assert_eq!(version, 13000);
    let mut found = -1;
    ok!(cuDeviceGet(&mut found, 3));
    assert_eq!(found, 3);
    for wrong in [-1, count] {
        gives!(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&mut found, wrong));
    }
    gives!(CUDA_ERROR_INVALID_VALUE, cuDeviceGetCount(null_mut()));

    let mut name = [1 as c_char; 64];
    ok!(cuDeviceGetName(name.as_mut_ptr(), 64, 0));
    // SAFETY: the driver ends it with a zero.
    assert_eq!(unsafe { CStr::from_ptr(name.as_ptr()) }, c"NVIDIA H100 80GB HBM3");
    ok!(cuDeviceGetName(name.as_mut_ptr(), 7, 0));
    // SAFETY: the same.
    assert_eq!(unsafe { CStr::from_ptr(name.as_ptr()) }, c"NVIDIA", "cut short");
    gives!(CUDA_ERROR_INVALID_VALUE, cuDeviceGetName(name.as_mut_ptr(), 0, 0));

    let mut memory = 0;
    ok!(cuDeviceTotalMem_v2(&mut memory, 0));
    assert_eq!(memory, crate::support::MEMORY);
}

#[test]
fn no_two_devices_are_the_same() {
    let (mut uuids, mut buses) = (HashSet::new(), HashSet::new());
    for number in 0..64 {
        let mut uuid = CUuuid { bytes: [0; 16] };
        ok!(cuDeviceGetUuid_v2(&mut uuid, number));
        assert!(uuids.insert(uuid.bytes));
        let mut bus = [0 as c_char; 16];
        ok!(cuDeviceGetPCIBusId(bus.as_mut_ptr(), 16, number));
        // SAFETY: the driver ends it with a zero.
        let bus = unsafe { CStr::from_ptr(bus.as_ptr()) }.to_owned();
        assert!(bus.to_str().unwrap().starts_with("0000:"), "{bus:?}");
        assert!(buses.insert(bus));
    }
}

#[test]
fn attributes_are_those_of_the_card() {
    // Compute capability, multiprocessors, threads of one, shared memory that a block can ask for.
    let cards = [
        ("sm_61", 6, 1, 20, 2048, 49152),
        ("sm_70", 7, 0, 80, 2048, 98304),
        ("sm_75", 7, 5, 40, 1024, 65536),
        ("sm_80", 8, 0, 108, 2048, 166_912),
        ("sm_86", 8, 6, 68, 1536, 101_376),
        ("sm_89", 8, 9, 128, 1536, 101_376),
        ("sm_90", 9, 0, 132, 2048, 232_448),
        ("sm_100", 10, 0, 148, 2048, 232_448),
        ("sm_120", 12, 0, 170, 1536, 101_376),
    ];
    for (target, major, minor, multiprocessors, threads, shared) in cards {
        let device = device(target);
        let is = |asked, expected| assert_eq!(attribute(device, asked), expected, "{target} {asked:?}");
        is(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, major);
        is(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, minor);
        is(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, multiprocessors);
        is(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, threads);
        is(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, shared);
        is(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10);
        is(CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32);
        is(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024);
        is(CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1);
        // Known, and not simulated.
        is(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 0);
    }
}

#[test]
fn attributes_that_there_are_not_are_refused() {
    let mut value = 0;
    for number in [0, 128, 130, 131, 100_000, u32::MAX] {
        gives!(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&mut value, Raw::new(number), 0));
    }
    gives!(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetAttribute(&mut value, Raw::new(1), 99));
    gives!(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(null_mut(), Raw::new(1), 0));
}

#[test]
fn results_have_names_and_meanings() {
    let mut text = null();
    ok!(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS.into(), &mut text));
    // SAFETY: the driver's texts end with a zero.
    assert_eq!(unsafe { CStr::from_ptr(text) }, c"CUDA_ERROR_ILLEGAL_ADDRESS");
    ok!(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY.into(), &mut text));
    // SAFETY: the same.
    assert_eq!(unsafe { CStr::from_ptr(text) }, c"out of memory");
    gives!(CUDA_ERROR_INVALID_VALUE, cuGetErrorName(Raw::new(4321), &mut text));
    assert!(text.is_null());
}

#[test]
fn peers_are_cards_of_a_kind_that_may() {
    let mut can = -1;
    ok!(cuDeviceCanAccessPeer(&mut can, 0, 1));
    assert_eq!(can, 1);
    ok!(cuDeviceCanAccessPeer(&mut can, 0, 0));
    assert_eq!(can, 0, "itself");
    // An H100 and a V100; two RTX 3080.
    for (one, other) in [(0, 36), (48, 49)] {
        ok!(cuDeviceCanAccessPeer(&mut can, one, other));
        assert_eq!(can, 0);
    }
    gives!(CUDA_ERROR_INVALID_VALUE, cuDeviceCanAccessPeer(null_mut(), 0, 1));
}
