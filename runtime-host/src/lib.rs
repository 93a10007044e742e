//! The CPU device: kernels run natively on every core.
//!
//! * [`device`]: the one host device of the process.
//! * `driver`: what it is to `runtime-core`. `memory`: what buffers are made of.
//! * `launch`: one launch. `stream`: launches in order, that nobody waits for yet.
//! * `threads`: who runs a launch: the calling thread, and helpers that join it.
//! * `chunks`, `group_time`: how the groups of a launch are shared out among them; how long a kernel's groups take, which says
//!   whether that is worth it.
//! * `arena`: a thread's memory for LDS and private values.
//! * `intrinsics`, `atomics`: what `geobacter_lang::intrinsics` declares, for the host. Every program needs them to link, whether it
//!   uses the device or not.
//! * `check`: checked mode: which item accessed which element.
//! * `print`: lines that kernels print.
//! * `panics`: how a kernel's panic becomes an error with message, place and work-item.
//!
//! Works under plain cargo: no wrapper, no archive, no LLVM. What vectorises a kernel is rustc.

mod arena;
mod atomics;
mod check;
mod chunks;
mod driver;
mod group_time;
mod intrinsics;
mod launch;
mod memory;
mod panics;
mod print;
mod stream;
mod threads;

use std::sync::{Arc, LazyLock};

use geobacter_runtime_core::Device;

/// The host device. Every call gives a handle to the same one.
pub fn device() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| Device::new(Arc::new(driver::HostDriver::new())));
    DEVICE.clone()
}
