//! What the driver says before it is ready, and which configurations go together.

use std::ptr::null_mut;

use geobacter_cuda_driver::sys::CUresult::*;
use ptx_sim::{Config, InstallError};

#[test]
fn nothing_works_before_the_driver_is_initialised() {
    let config: Config = "sm_75x2;driver=11.8;memory=1GiB".parse().unwrap();
    let api = ptx_sim::install(config.clone()).unwrap();
    let (mut count, mut version) = (-1, 0);
    // SAFETY: the driver's contract.
    unsafe {
        assert!((api.cuDeviceGetCount)(&mut count) == CUDA_ERROR_NOT_INITIALIZED);
        assert!((api.cuCtxSetCurrent)(null_mut()) == CUDA_ERROR_NOT_INITIALIZED);
        assert_eq!(ptx_sim::last_error().unwrap(), "cuInit was not called");
        // The version can be had in any case.
        assert!((api.cuDriverGetVersion)(&mut version) == CUDA_SUCCESS);
        assert_eq!(version, 11080);
        assert!((api.cuInit)(1) == CUDA_ERROR_INVALID_VALUE);
        assert!((api.cuDeviceGetCount)(&mut count) == CUDA_ERROR_NOT_INITIALIZED);
        assert!((api.cuInit)(0) == CUDA_SUCCESS);
        assert!((api.cuInit)(0) == CUDA_SUCCESS);
        assert!((api.cuDeviceGetCount)(&mut count) == CUDA_SUCCESS);
    }
    assert_eq!(count, 2);

    // The same configuration is the same simulator; another one is none.
    ptx_sim::install(config.clone()).unwrap();
    let other = ptx_sim::install("sm_75".parse().unwrap()).unwrap_err();
    assert_eq!(other, InstallError::AlreadyInstalled(Box::new(config)));
    assert!(other.to_string().contains("sm_75,sm_75"), "{other}");

    // An old driver takes old PTX.
    let load = |version: &str| {
        let text =
            format!(".version {version}\n.target sm_70\n.address_size 64\n.visible .entry none() {{ ret; }}\n\0");
        let (mut context, mut module) = (null_mut(), null_mut());
        // SAFETY: the driver's contract.
        unsafe {
            assert!((api.cuDevicePrimaryCtxRetain)(&mut context, 0) == CUDA_SUCCESS);
            assert!((api.cuCtxSetCurrent)(context) == CUDA_SUCCESS);
            (api.cuModuleLoadDataEx)(&mut module, text.as_ptr().cast(), 0, null_mut(), null_mut())
        }
    };
    assert!(load("8.0") == CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    assert!(load("7.8") == CUDA_SUCCESS);
}
