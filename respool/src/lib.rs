//! Respool: turns the bitcode that rustc made of a kernel into device code.
//!
//! Two halves, both inside the worker process (`cargo geobacter worker`), because LLVM aborts on fatal errors:
//! * [`spool`], at link time: collect what kernels reach, check it, write the kernel archive;
//! * [`compile`], at run time: one kernel of the archive and a target in, optimised device code out.
//!
//! `passes` holds what all targets share, one pass a file; [`targets`] one folder a device family; `ir` the handles
//! on LLVM's data structures, with the rules that make their use sound. The runtime never links this crate: it asks the worker through `geobacter-codegen-client`.

pub mod compile;
pub mod disassemble;
mod error;
mod ir;
mod llvm_options;
mod llvm_workarounds;
mod passes;
pub mod spool;
pub mod targets;
pub mod worker;

pub use error::Error;
