//! The functions of the CUDA driver (`libcuda.so.1`), loaded at run time.
//!
//! Nothing links against the library: a program calls through a [`CudaApi`], a table of the functions, which is filled
//! either from the system's library or from a software implementation such as `ptx-sim`. So a build needs no CUDA, and
//! the same code drives hardware and simulator, both in one process if need be.
//!
//! Types and signatures are those of `cuda.h` of CUDA 12.0 as the crate `cudarc` has them ([`sys`]); a signature that
//! differs does not compile. `cudarc` has a loader, too, but one that panics where the library or a function is
//! missing. That is no rare thing: most machines have no NVIDIA GPU.
//!
//! Meaning and contract of every function: *CUDA Driver API* reference manual, part of NVIDIA's CUDA documentation.
//!
//! The features by which `cudarc` is told the version of CUDA exclude each other. A program that uses `cudarc` 0.19
//! beside this crate must ask for `cuda-12000` as well.
//!
//! # Enumerations
//! A newer driver knows results, and a newer program attributes, that the enumerations of CUDA 12.0 lack. A Rust `enum`
//! with a value that none of its variants has is undefined behaviour, so enumerations cross the table as numbers:
//! [`Raw<CUresult>`](Raw) is whatever the driver returned, and can be compared with the variants that are known.
//!
//! No function of the table writes an enumeration through a pointer. Those that are read through one (the fields of
//! [`sys::CUDA_MEMCPY2D`], the list of [`sys::CUjit_option`]) are written by the caller, in variants; who implements
//! the table reads them as numbers.

mod raw;
mod table;

pub use cudarc::driver::sys;
pub use raw::{Enumeration, Raw};
pub use table::{CudaApi, LIBRARY, LIBRARY_VARIABLE, LoadError};
