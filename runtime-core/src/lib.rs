//! Devices, buffers, launches and caches: what every back end of Geobacter shares.
//!
//! * [`device`], [`buffer`]: what a program holds: a device, and typed memory on it.
//! * [`soa`]: structs on a device, stored as one array for each field.
//! * [`launch`]: one launch: every check, in one place, then the kernarg bytes.
//! * [`driver`]: the seam to the back ends. Everything typed is above it; below it are bytes and addresses.
//! * [`archive`], [`code`]: from a kernel instance to device code: the program's archive, the disk cache, the worker.
//! * [`fault`]: from what a panicking kernel left behind to what a person reads. `format` shows values as on the host, `image`
//!   reads a code object where it was loaded.
//! * [`output`]: what kernels print, from the device's buffer to the program.
//!
//! A launch flows `launch` → checks → kernarg bytes → [`driver::Driver::dispatch`]. A back end that needs device code asks
//! [`code::loaded`], which knows it after the first time, and [`code::device_code`] before.
//!
//! Nothing here knows HSA, rayon or LLVM: those are `geobacter-runtime-amd`'s, `geobacter-runtime-host`'s, and the worker's.

pub mod archive;
pub mod buffer;
pub mod check;
pub mod code;
pub mod device;
pub mod driver;
pub mod fault;
mod format;
mod image;
pub mod launch;
pub mod output;
pub mod soa;

pub use buffer::DeviceBuffer;
pub use device::{Device, Error};
pub use launch::LaunchError;
pub use output::OutputLine;
pub use soa::SoaBuffer;
