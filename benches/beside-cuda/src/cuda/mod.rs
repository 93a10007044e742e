//! The CUDA side of a comparison: kernels from PTX or cubins, run through the driver's functions, as a program in C++ runs them.

mod buffer;
mod context;
mod module;
mod stream;

use std::ffi::{CStr, c_uint};

use geobacter_cuda_driver::{CudaApi, LoadError, Raw, sys::CUresult};

pub use buffer::Buffer;
pub use context::Context;
pub use module::{Argument, Arguments, Function, Launch, Module};
pub use stream::{Mark, Stream};

/// What the driver refused, or that there is none.
#[derive(Debug, thiserror::Error)]
pub enum CudaError {
    /// No driver.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A function failed.
    #[error("{function}: {name}: {text} (result {number})")]
    Call {
        /// The function.
        function: &'static str,
        /// The result's name.
        name: String,
        /// What it means.
        text: String,
        /// The result.
        number: c_uint,
    },
    /// More or fewer elements than a buffer has.
    #[error("{found} elements for a part of {expected} elements of a buffer of CUDA's")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A kernel's name with a zero byte in it.
    #[error("the name of kernel `{0}` holds a zero byte")]
    Name(String),
}

/// Makes a result of a driver's.
fn check(api: &CudaApi, function: &'static str, result: Raw<CUresult>) -> Result<(), CudaError> {
    if result == CUresult::CUDA_SUCCESS {
        return Ok(());
    }
    type Text = unsafe extern "C" fn(Raw<CUresult>, *mut *const std::ffi::c_char) -> Raw<CUresult>;
    let text = |ask: Text| {
        let mut text = std::ptr::null();
        // SAFETY: the function writes the address of a constant text, or null.
        let known = unsafe { ask(result, &mut text) };
        if known != CUresult::CUDA_SUCCESS || text.is_null() {
            return "unknown".to_owned();
        }
        // SAFETY: it is a text of the driver's own, which ends with a zero.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    };
    let (name, text) = (text(api.cuGetErrorName), text(api.cuGetErrorString));
    Err(CudaError::Call { function, name, text, number: result.number() })
}
