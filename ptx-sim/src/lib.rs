//! An NVIDIA GPU in software that executes PTX.

mod error;
mod fault;
mod memory;
mod module;
mod target;

pub use error::LoadError;
pub use fault::{Fault, FaultKind, Site, SourceLocation};
pub use memory::{Memory, MemoryError};
pub use module::{Kernel, Launch, Module, Param};
pub use target::{Features, Target, UnknownTarget};
