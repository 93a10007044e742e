//! Kernels in Rust beside the same in CUDA C++.
//!
//! * [`kernels`]: those in Rust, of the examples and of BabelStream; `cuda/*.cu` are their twins: same algorithm, block size and
//!   types, as one writes them in CUDA C++. [`pair`] says what belongs together.
//! * [`compiler`]: CUDA C++ to PTX and cubins.
//! * [`workload`]: both at work on the same data, for the program `beside_cuda`, which measures them on a GPU.
//! * `tests/machine_code`: what becomes of both, which needs no GPU.

pub mod compiler;
pub mod cuda;
pub mod kernels;
pub mod pair;
pub mod workload;
