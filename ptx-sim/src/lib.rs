//! An NVIDIA GPU in software that executes PTX.

mod decode;
pub mod driver;
mod error;
mod fault;
mod machine;
mod memory;
mod module;
mod number;
mod ptx;
mod target;

#[cfg(feature = "fault-injection")]
pub use driver::injection;
pub use driver::{
    CONFIG_VARIABLE, Config, ConfigError, DEFAULT_WATCHDOG, DriverVersion, InstallError, UnknownDriver, install,
    last_error, take_fault_report,
};
pub use error::LoadError;
pub use fault::{Fault, FaultKind, Site, SourceLocation};
pub use memory::{Memory, MemoryError};
pub use module::{Kernel, Launch, Module, Param};
pub use target::{Features, Target, UnknownTarget};
