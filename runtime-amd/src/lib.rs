//! AMD GPUs through the HSA API.
//!
//! This crate turns the GPU agents of an HSA runtime into `geobacter_runtime_core` drivers: memory from their pools,
//! launches through AQL queues. It does not generate code (that is asked of `runtime_core::code`), and it knows nothing
//! of typed buffers or of the kernel language (that is above the driver seam).
//!
//! Data flows [`devices`] → [`Session`] (one start of one HSA implementation) → [`Agent`] → [`Gpu`]; and for a launch
//! [`Gpu`] or a stream → [`Executable`] (loaded code object) → kernarg segment → queue → AQL packet → completion signal
//! → fault record. `submission` makes packets of work, `operation` makes an outcome of a signal, `stream` keeps
//! kernels, copies and calls in order, `graph` makes packets once.
//!
//! Everything is written against [`hsa_rt_sys::HsaApi`], a table of functions that is filled by the system's
//! `libhsa-runtime64.so.1` or, with feature `sim`, by the simulator `amdgpu-sim`. The same code drives both; they
//! differ in where the table comes from, in the devices' ids and kind, and in what is
//! known of a fault ([`Origin`]): the simulator checks kernels while it runs them, in debug builds or where
//! `GEOBACTER_CHECK=1` asks for it, and a launch whose kernel breaks a rule is a `WorkError::Check`.
//!
//! **So far this crate has run on the simulator only.** What hardware does beyond it is written to the specification:
//! *HSA Runtime Programmer's Reference Manual* 1.2, *HSA Platform System Architecture Specification* 1.2, the comments
//! of `hsa_ext_amd.h`, and LLVM's *User Guide for AMDGPU Backend*.

mod agent;
mod buffers;
#[cfg(feature = "sim")]
mod disassembler;
mod discovery;
mod error;
mod executable;
#[cfg(test)]
mod fake;
mod gpu;
mod graph;
mod info;
mod kernarg;
mod memory;
mod memory_fault;
mod memory_pool;
mod operation;
pub mod packet;
mod queue;
mod queue_pool;
mod segment;
mod session;
mod signal;
#[cfg(feature = "sim")]
mod simulator;
mod stream;
mod submission;
mod system;

pub use agent::Agent;
pub use discovery::{Discovery, NoDevices, Source, devices};
pub use error::{Error, HsaError};
pub use executable::{DYNAMIC_STACK, Executable};
pub use gpu::{Extent, Gpu, Options};
pub use kernarg::KernargError;
pub use queue::QueueFault;
pub use session::{Explain, Origin, Session, StopReport};
pub use signal::Signal;
#[cfg(feature = "sim")]
pub use simulator::VARIABLE as SIMULATOR_VARIABLE;
pub use system::{Diagnosis, KFD, KfdError, diagnose};
