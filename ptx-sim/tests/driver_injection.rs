//! Functions of the driver that fail on demand, and devices whose work does.

use std::{
    ptr::null_mut,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};

use geobacter_cuda_driver::{
    CudaApi, Raw,
    sys::{CUresult, CUresult::*},
};
use ptx_sim::injection::{COPY_ENGINE, EXECUTION, Injection, InjectionError, calls, walk};

fn api() -> &'static CudaApi {
    static API: OnceLock<CudaApi> = OnceLock::new();
    API.get_or_init(|| {
        let api = ptx_sim::install("sm_90;memory=16MiB".parse().unwrap()).unwrap();
        // SAFETY: it may always be called.
        assert!(unsafe { (api.cuInit)(0) } == CUDA_SUCCESS);
        api
    })
}

/// The one device, for one test at a time, with a new context that is current.
fn device() -> MutexGuard<'static, ()> {
    static DEVICE: Mutex<()> = Mutex::new(());
    let guard = DEVICE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut context = null_mut();
    // SAFETY: the driver's contract.
    unsafe {
        assert!((api().cuDevicePrimaryCtxReset_v2)(0) == CUDA_SUCCESS);
        assert!((api().cuDevicePrimaryCtxRetain)(&mut context, 0) == CUDA_SUCCESS);
        assert!((api().cuCtxSetCurrent)(context) == CUDA_SUCCESS);
    }
    guard
}

fn count_devices() -> Raw<CUresult> {
    let mut count = 0;
    // SAFETY: there is room for the number.
    unsafe { (api().cuDeviceGetCount)(&mut count) }
}

fn synchronize() -> Raw<CUresult> {
    // SAFETY: it takes nothing.
    unsafe { (api().cuCtxSynchronize)() }
}

#[test]
fn the_nth_call_fails_and_no_other() {
    let injection = Injection::in_this_thread(&["cuDeviceGetCount"], 3, CUDA_ERROR_NO_DEVICE).unwrap();
    let before = calls("cuDeviceGetCount").unwrap();
    assert!(count_devices() == CUDA_SUCCESS && count_devices() == CUDA_SUCCESS);
    assert!(!injection.happened());
    assert!(count_devices() == CUDA_ERROR_NO_DEVICE);
    assert_eq!(ptx_sim::last_error().unwrap(), "an injected failure of cuDeviceGetCount");
    assert!(injection.happened());
    assert!(thread::spawn(count_devices).join().unwrap() == CUDA_SUCCESS);
    assert!(count_devices() == CUDA_SUCCESS);
    assert_eq!(injection.seen(), 4);
    assert!(calls("cuDeviceGetCount").unwrap() >= before + 4);
    drop(injection);
    let _ended = Injection::in_this_thread(&["cuDeviceGetCount"], 2, CUDA_ERROR_NO_DEVICE).unwrap();
    drop(_ended);
    assert!(count_devices() == CUDA_SUCCESS && count_devices() == CUDA_SUCCESS);
}

#[test]
fn nonsense_is_refused() {
    let error = |name, result| Injection::new(&[name], 1, result).unwrap_err();
    assert_eq!(error("cuInit", CUDA_SUCCESS), InjectionError::Success);
    assert_eq!(error("cuMagic", CUDA_ERROR_UNKNOWN), InjectionError::UnknownFunction("cuMagic".to_owned()));
    assert!(calls("cuMagic").is_err());
}

#[test]
fn initialisation_fails_as_asked() {
    for result in [CUDA_ERROR_NO_DEVICE, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH] {
        api();
        let _injection = Injection::in_this_thread(&["cuInit"], 1, result).unwrap();
        // SAFETY: it may always be called.
        assert!(unsafe { (api().cuInit)(0) } == result);
    }
}

/// Every allocation of a program that makes three fails once.
#[test]
fn a_walk_sees_every_place() {
    let _device = device();
    let allocate = || {
        let mut address = 0;
        // SAFETY: there is room for the address.
        unsafe { (api().cuMemAlloc_v2)(&mut address, 64) }
    };
    let mut failed_at = Vec::new();
    let runs = walk(&["cuMemAlloc_v2"], CUDA_ERROR_OUT_OF_MEMORY, |nth| {
        for place in 1..=3 {
            if allocate() == CUDA_ERROR_OUT_OF_MEMORY {
                failed_at.push((nth, place));
                return;
            }
        }
    });
    assert_eq!(runs, Ok(3));
    assert_eq!(failed_at, [(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_copy_that_fails_on_the_device_loses_the_context() {
    let _device = device();
    let mut address = 0;
    // SAFETY: the driver's contract.
    unsafe {
        assert!((api().cuMemAlloc_v2)(&mut address, 64) == CUDA_SUCCESS);
        let _injection = Injection::new(&[COPY_ENGINE], 1, CUDA_ERROR_LAUNCH_FAILED).unwrap();
        assert!((api().cuMemsetD8Async)(address, 1, 64, null_mut()) == CUDA_SUCCESS, "submitting it succeeds");
        assert!(synchronize() == CUDA_ERROR_LAUNCH_FAILED);
    }
    assert!(synchronize() == CUDA_ERROR_LAUNCH_FAILED, "for good");
}

#[test]
fn a_kernel_can_run_into_a_memory_error() {
    let _device = device();
    let text = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry none() { ret; }\n\0";
    let (mut module, mut kernel) = (null_mut(), null_mut());
    // SAFETY: the driver's contract.
    unsafe {
        let data = text.as_ptr().cast();
        assert!((api().cuModuleLoadDataEx)(&mut module, data, 0, null_mut(), null_mut()) == CUDA_SUCCESS);
        assert!((api().cuModuleGetFunction)(&mut kernel, module, c"none".as_ptr()) == CUDA_SUCCESS);
        let injection = Injection::new(&[EXECUTION], 2, CUDA_ERROR_ECC_UNCORRECTABLE).unwrap();
        let launch = || {
            let none = null_mut();
            (api().cuLaunchKernel)(kernel, 1, 1, 1, 32, 1, 1, 0, null_mut(), none, null_mut())
        };
        assert!(launch() == CUDA_SUCCESS);
        assert!(synchronize() == CUDA_SUCCESS);
        assert!(launch() == CUDA_SUCCESS);
        assert!(synchronize() == CUDA_ERROR_ECC_UNCORRECTABLE);
        assert!(injection.happened());
    }
    assert!(ptx_sim::take_fault_report(0).is_none(), "no kernel is at fault");
}
