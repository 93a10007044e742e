//! Devices, buffers, launches and caches: what every back end of Geobacter shares.
//!
//! * [`device`]: what a program holds: a device.
//! * [`mod@slice`], [`buffer`], [`host_buffer`], [`device_vec`], [`device_box`], [`soa`]: typed memory. [`memory_pool`]:
//!   where it comes from.
//! * [`stream`], [`event`], [`graph`]: work in flight. [`split`]: on several devices. `allocation`: which work has to
//!   wait for which.
//! * [`launch`]: one launch: every check, in one place, then the kernarg bytes.
//! * [`driver`]: the seam to the back ends. Everything typed is above it; below it are bytes and addresses. [`lane`],
//!   [`completion`]: for work that threads of the host do. `fork`: such threads are not in a child.
//! * [`archive`], [`bundle`], [`code`]: from a kernel instance to device code: the code that the program carries, or
//!   its archive, the disk cache, the worker.
//! * [`preparation`]: compiling and loading before the first launch.
//! * [`fault`]: from what a panicking kernel left behind to what a person reads. `format` shows values as on the host,
//!   [`image`] reads the constants of loaded code.
//! * [`output`]: what kernels print, from the device's buffer to the program. `trace`: what devices did, and when.
//!
//! A launch flows `launch` → checks → kernarg bytes and accesses → [`driver::Driver::dispatch`], or, on a stream, →
//! what it must wait for → [`driver::DriverStream::submit`] → an event. A back end that needs device code asks
//! [`code::loaded`], which knows it after the first time, and [`code::device_code`] before.
//!
//! Nothing here knows HSA, rayon or LLVM: those are `geobacter-runtime-amd`'s, `geobacter-runtime-host`'s, and the
//! worker's.

mod allocation;
pub mod archive;
pub mod buffer;
pub mod bundle;
pub mod check;
pub mod code;
pub mod completion;
pub mod device;
pub mod device_box;
pub mod device_vec;
pub mod driver;
pub mod event;
pub mod fault;
mod fork;
mod format;
pub mod graph;
#[cfg(feature = "allocator-api2")]
pub mod host_allocator;
pub mod host_buffer;
pub mod image;
pub mod lane;
pub mod launch;
pub mod memory_pool;
pub mod output;
pub mod preparation;
pub mod slice;
pub mod soa;
pub mod split;
pub mod stream;
mod trace;

pub use buffer::DeviceBuffer;
pub use device::{Device, Error};
pub use device_box::DeviceBox;
pub use device_vec::DeviceVec;
pub use event::{Event, Profile};
pub use graph::{Graph, GraphBuilder};
#[cfg(feature = "allocator-api2")]
pub use host_allocator::HostAllocator;
pub use host_buffer::{HostBuffer, HostView, HostViewMut};
pub use launch::LaunchError;
pub use memory_pool::{MemoryPool, MemoryStatistics};
pub use output::OutputLine;
pub use preparation::Preparation;
pub use slice::{DeviceSlice, DeviceView, DeviceViewMut, Rect};
pub use soa::SoaBuffer;
pub use split::{Part, Split, SplitBuffer};
pub use stream::{Download, Stream};
