//! Values that go in and out through the C ABI's pointers.

use std::ffi::{CStr, c_char};

use geobacter_cuda_driver::sys::CUresult::CUDA_ERROR_INVALID_VALUE;

use super::state::{Failure, Outcome, fail};

/// The error for a null pointer.
pub fn null(name: &str) -> Failure {
    fail(CUDA_ERROR_INVALID_VALUE, format!("{name} is null"))
}

/// Writes a value.
///
/// # Safety
/// `to` is null or points to room for a `T`.
pub unsafe fn put<T>(to: *mut T, value: T, name: &str) -> Outcome {
    if to.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, and room for a `T` by this function's contract.
    unsafe { to.write(value) };
    Ok(())
}

/// Writes a value where the program wants one.
///
/// # Safety
/// As for [`put`].
pub unsafe fn put_if_wanted<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not null, and room for a `T` by this function's contract.
        unsafe { to.write(value) };
    }
}

/// Writes text and a final zero into room of `length` bytes, cut short if it is too long.
///
/// # Safety
/// `to` is null or points to room for `length` bytes.
pub unsafe fn put_text(to: *mut c_char, length: usize, text: &str, name: &str) -> Outcome {
    if to.is_null() || length == 0 {
        return Err(null(name));
    }
    let kept = text.len().min(length - 1);
    // SAFETY: not null, and room for `length` bytes by this function's contract, of which this writes `kept + 1`.
    unsafe {
        to.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), kept);
        to.add(kept).write(0);
    }
    Ok(())
}

/// Reads text.
///
/// # Safety
/// `from` is null or points to text that ends with a zero and lives as long as the result.
pub unsafe fn text<'a>(from: *const c_char, name: &str) -> Outcome<&'a str> {
    if from.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, and ends with a zero by this function's contract.
    let text = unsafe { CStr::from_ptr(from) };
    text.to_str().map_err(|_| fail(CUDA_ERROR_INVALID_VALUE, format!("{name} is not UTF-8")))
}

/// Reads a list.
///
/// # Safety
/// `from` is null or points to `count` values, which do not change while the result lives.
pub unsafe fn list<'a, T>(from: *const T, count: usize, name: &str) -> Outcome<&'a [T]> {
    match (count, from.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(null(name)),
        // SAFETY: not null, and `count` values by this function's contract.
        (_, false) => Ok(unsafe { core::slice::from_raw_parts(from, count) }),
    }
}
