//! Bindings to the HSA runtime (`libhsa-runtime64.so.1`), loaded at run time.
//!
//! [`bindings`] is bindgen's output from Debian's `libhsa-runtime-dev` headers, checked in; `generate.sh` beside it is the
//! command that made it. Nothing links against the library: a program calls through an [`HsaApi`], a table of the
//! functions, which is filled either from the system's library or from a software implementation such as `amdgpu-sim`.
//! So a build needs no ROCm, no headers and no libclang, and the same code drives hardware and simulator.
//!
//! Meaning and contract of every function: *HSA Runtime Programmer's Reference Manual* 1.2 and the comments of
//! `hsa.h` and `hsa_ext_amd.h`.

#[allow(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    unsafe_op_in_unsafe_fn,
    unused_qualifications,
    dead_code,
    improper_ctypes,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated code"
)]
pub mod bindings;
mod others;
mod table;

pub use bindings::*;
pub use others::OtherHsaApi;
pub use table::{HsaApi, LIBRARY, LIBRARY_VARIABLE, LoadError};
