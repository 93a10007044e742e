//! What a program gets where there is no CUDA driver, or something else in its place.

use core::ptr;

use geobacter_cuda_driver::{CudaApi, LoadError, Raw, sys::CUresult};

#[test]
fn a_missing_library_says_what_to_do() {
    let error = CudaApi::load_from("libcuda-that-is-not-there.so.1").unwrap_err();
    assert!(matches!(&error, LoadError::Library { name, .. } if name == "libcuda-that-is-not-there.so.1"));
    let text = error.to_string();
    assert!(text.contains("libcuda-that-is-not-there.so.1"), "{text}");
    assert!(text.contains("install NVIDIA's driver") && text.contains("CUDA_DRIVER_LIBRARY"), "{text}");
}

#[test]
fn a_library_that_is_no_driver_is_named_with_what_it_lacks() {
    let error = CudaApi::load_from("libc.so.6").unwrap_err();
    assert!(matches!(error, LoadError::Function { function: "cuInit", .. }), "{error:?}");
    assert!(error.to_string().contains("driver 525"), "{error}");
}

#[test]
fn what_is_not_implemented_answers_so() {
    // SAFETY: the functions of this table look at no argument.
    let statuses =
        unsafe { [(CudaApi::UNAVAILABLE.cuInit)(0), (CudaApi::UNAVAILABLE.cuMemAlloc_v2)(ptr::null_mut(), 1)] };
    assert_eq!(statuses, [Raw::from(CUresult::CUDA_ERROR_NOT_SUPPORTED); 2]);
}

/// A driver newer than the headers returns a result that they do not know.
#[test]
fn a_result_that_the_headers_lack_is_a_value_like_any_other() {
    unsafe extern "C" fn newer(_: core::ffi::c_uint) -> Raw<CUresult> {
        Raw::new(54_321)
    }
    let api = CudaApi { cuInit: newer, ..CudaApi::UNAVAILABLE };
    // SAFETY: the function above does nothing.
    let status = unsafe { (api.cuInit)(0) };
    assert_eq!(status.number(), 54_321);
    assert!(status != CUresult::CUDA_SUCCESS && status != CUresult::CUDA_ERROR_UNKNOWN);
    assert!(format!("{status:?}").contains("54321"));
}
