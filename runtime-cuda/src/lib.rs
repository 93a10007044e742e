//! NVIDIA GPUs through the CUDA driver.
//!
//! This crate turns the cards of a CUDA driver into `geobacter_runtime_core` drivers: memory, launches, streams, graphs. Of code it
//! gets PTX (that is asked of `runtime_core::code`), which the driver compiles; it knows nothing of typed buffers or of the kernel
//! language (that is above the driver seam).
//!
//! Data flows [`devices`] → [`Session`] (one implementation of the driver) → [`Card`] → context → [`Gpu`]; and for a launch [`Gpu`]
//! or a stream → [`Executable`] (PTX, compiled and loaded) → slot (what it reports through) → `cuLaunchKernel` → event → fault
//! record. `submission` makes calls of work, `operation` makes an outcome of an event, `stream` keeps kernels, copies and calls in
//! order, `deferred` has work wait for the host, `watch` tells of its end, `graph` makes driver's graphs.
//!
//! Everything is written against [`geobacter_cuda_driver::CudaApi`], a table of functions that is filled by the system's
//! `libcuda.so.1` or, with feature `sim`, by the simulator `ptx-sim`. The same code drives both; they differ in where the table comes
//! from, in the devices' ids and kind, and in what is known of a fault ([`Origin`]).
//!
//! A kernel that faults loses its context, and everything that was made in it: `context` says how that is told, and how a device
//! is opened again.
//!
//! **So far this crate has run on the simulator only.** What hardware does beyond it is written to the specification: *CUDA Driver
//! API* reference manual, *CUDA C++ Programming Guide*, *PTX ISA*.

mod card;
mod clock;
mod context;
mod copy;
mod cuda_stream;
mod deferred;
mod discovery;
mod error;
mod event;
mod executable;
mod fill;
mod gpu;
mod graph;
mod link;
mod memory;
mod operation;
mod pinned;
mod pools;
mod ptx;
mod session;
#[cfg(feature = "sim")]
mod simulator;
mod slot;
mod stream;
mod stream_pool;
mod submission;
mod system;
mod target;
mod transfer;
mod watch;

pub use card::Card;
pub use context::Loss;
pub use discovery::{Discovery, NoDevices, Source, devices};
pub use error::{CudaError, Error};
pub use executable::Executable;
pub use gpu::{Extent, Gpu, Options};
pub use ptx::PtxVersion;
pub use session::{Explain, Origin, Session};
#[cfg(feature = "sim")]
pub use simulator::VARIABLE as SIMULATOR_VARIABLE;
pub use system::{CONTROL, Diagnosis, KernelDriverError, OLDEST_DRIVER, diagnose};
pub use target::ComputeCapability;
