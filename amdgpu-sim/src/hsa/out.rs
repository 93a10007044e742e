//! Values that go out through the C ABI's pointers.

use std::ffi::{CStr, c_char};

use hsa_rt_sys::{HSA_STATUS_ERROR_INVALID_ARGUMENT, hsa_status_t};

use super::state::fail;

/// The error for a null pointer.
pub fn null(name: &str) -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{name} is null"))
}

/// Writes a value.
///
/// # Safety
/// `to` is null or points to room for a `T` of any alignment.
pub unsafe fn put<T, P>(to: *mut P, value: T) -> Result<(), hsa_status_t> {
    if to.is_null() {
        return Err(null("the place for the result"));
    }
    // SAFETY: not null, and room for a `T` by this function's contract.
    unsafe { to.cast::<T>().write_unaligned(value) };
    Ok(())
}

/// Writes text and a final zero into room of `N` bytes, cut short if it is too long.
///
/// # Safety
/// `to` is null or points to room for `N` bytes.
pub unsafe fn put_text<const N: usize, P>(to: *mut P, text: &str) -> Result<(), hsa_status_t> {
    let mut bytes = [0_u8; N];
    let length = text.len().min(N - 1);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    // SAFETY: room for `N` bytes by this function's contract.
    unsafe { put(to, bytes) }
}

/// Writes bytes.
///
/// # Safety
/// `to` is null or points to room for them.
pub unsafe fn put_bytes<P>(to: *mut P, bytes: &[u8]) -> Result<(), hsa_status_t> {
    if to.is_null() {
        return Err(null("value"));
    }
    // SAFETY: not null, and room for all of them by this function's contract; they are the simulator's own.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(())
}

/// Reads text.
///
/// # Safety
/// `from` is null or points to text that ends with a zero.
pub unsafe fn text<'a>(from: *const c_char, name: &str) -> Result<&'a str, hsa_status_t> {
    if from.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, and ends with a zero by this function's contract.
    let text = unsafe { CStr::from_ptr(from) };
    text.to_str().map_err(|_| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{name} is not UTF-8")))
}
