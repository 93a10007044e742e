//! An NVIDIA GPU in software that executes PTX.
//!
//! [`Module::load`] takes PTX as LLVM, clang and NVRTC write it, and [`Kernel::launch`] executes it, warp by warp, instruction
//! by instruction, on the host's memory. [`driver`] has CUDA's driver API on top of that. Nothing here knows a kernel: what runs
//! is the text of the module.
//!
//! ```text
//!  text --ptx/--> tokens, syntax tree                                   names are texts
//!         |
//!       decode/   names -> registers, addresses; each instruction -> step    one file for each class of instructions
//!         |
//!       machine/  launch -> blocks (across cores) -> warps -> lanes; barriers, calls, places in memory
//!         |
//!       number/   arithmetic that the host does not have: roundings, f16 and bf16, fields of bits
//! ```
//!
//! It is strict: a directive, an instruction, a modifier or an operand that it does not know is an error with line and text, and
//! so is an instruction that the module's `.version` or `.target` does not have yet, as far as that is known here. Types and
//! state spaces of operands are checked as NVIDIA's assembler does; the tests have it read what they run, where it is installed.
//!
//! # How it executes
//! **Registers** are arrays of 32 lanes, and an instruction is a loop over them. **Lanes** have an instruction pointer each:
//! those at the same instruction of the same frame run together. They wait at `.sync` instructions for those of their
//! member mask, and at barriers for the block; those that have ended are not waited for. Where nobody can go on, the launch
//! ends with a [`Deadlock`](FaultKind::Deadlock). Lanes and warps that wait for others in loops let those have their turn.
//! **Blocks** spread over the rayon pool that the launch is called in. Only as many run at once as it has threads: kernels
//! whose blocks wait for each other may not end, and [`Launch::stop`] is for them.
//!
//! **Memory** of the device is the host's, at the same addresses. Each access is held against what is allocated; a [`Fault`]
//! names kernel, source line, instruction, block, thread, address and what is allocated nearby. Shared, local and parameter memory
//! have windows in the generic address space where the host has no memory.
//!
//! **Numbers**: results are rounded as PTX says, in all directions. Results that are no numbers are canonical: 0x7fffffff
//! for f32, 0x7fff for halves, 0x7ff8000000000000 for f64. Approximations (`sin.approx` and the like) are the host's functions,
//! rounded to the nearest: better than hardware's. A division of integers by 0 gives all ones.
//!
//! # What it has not
//! Tensor cores (`mma`, `wmma`, `wgmma`, `tcgen05`), clusters, bulk copies, `mbarrier`, textures and surfaces, `video` instructions,
//! 8-bit floats, atomic operations on vectors and on 128 bits, and functions of CUDA's device runtime such as
//! `vprintf`. Each is an error that names it. It is no timing model: `cp.async` copies at once, caches and hints do nothing, and
//! the clock is the host's.

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
