//! Kernels that exist three times: safe, in unsafe Rust, and in OpenCL C.
//!
//! * [`safe`]: as a user writes them.
//! * [`raw`]: with pointers and intrinsics, nothing checked but the grid's edge.
//! * `kernels.cl`: for Debian's `clang-22`.
//!
//! `tests/twins.rs` compares the machine code.

pub mod raw;
pub mod safe;
