//! The client of the code generation worker, and the disk cache of what it makes.
//!
//! The application never links LLVM. A [`Worker`] is a `cargo-geobacter worker` process that this crate starts on the
//! first question, keeps, and restarts when it dies: LLVM reports fatal errors by aborting, and a bad kernel must cost an
//! `Err`, never the program. A [`DiskCache`] keeps answers, so that a second run of a program starts no worker.
//!
//! Data flows `runtime-core` / `amdgpu-sim` → [`DiskCache`] → (miss) [`Worker`] → answer → [`DiskCache`] → caller.

mod code_object;
mod disk_cache;
mod parallel;
mod worker;

pub use code_object::{CodeRequest, compiler_version, disassembly};
pub use disk_cache::{CACHE_VARIABLE, CacheEntry, CacheKey, DiskCache, EntryLabel, LIMIT_VARIABLE, Removed};
pub use parallel::in_parallel;
pub use worker::{Worker, WorkerError};
