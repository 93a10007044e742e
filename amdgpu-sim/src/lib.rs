//! An AMD GPU in software behind the HSA C ABI.
//!
//! [`install`] gives a table of HSA functions that behave like those of `libhsa-runtime64.so.1` on a machine with
//! gfx942 GPUs: agents, memory pools, signals, AQL queues, executables. Code objects are loaded, disassembled (through a
//! [`Disassembler`]; this crate links no LLVM), decoded and executed, wave by wave, instruction by instruction. Nothing
//! here knows a kernel: what runs is the bytes of the code object.
//!
//! ```text
//!  program --HsaApi--> hsa/  agents, pools, signals, queues, loader     one state for each process
//!                       |  packet, kernel
//!                       v
//!                    machine/  dispatch -> work-groups (across cores) -> waves; memory; faults; watchdog
//!                       |  next instruction
//!                       v
//!                     isa/  text -> operands -> step: one table for each instruction class
//! ```
//!
//! Every access to memory, LDS and scratch is checked. A fault, an instruction that is not known, and a kernel that makes
//! no progress end the dispatch with an error: the queue's callback gets an HSA status, the completion signal becomes
//! negative, and [`take_fault_report`] says what happened where.
//!
//! What it is not: a timing model. Caches, wait counters and hazards are not simulated; `s_waitcnt` does nothing.
//! Matrix instructions (MFMA), image instructions and rounding modes other than to nearest are not there yet; a kernel
//! that needs one ends with a fault that names the instruction.

mod config;
mod disassembler;
mod hsa;
mod isa;
mod machine;

pub use config::{Config, ConfigError, DEFAULT_WATCHDOG, WATCHDOG_VARIABLE};
pub use disassembler::{Disassembler, WorkerDisassembler};
pub use hsa::{InstallError, hsa_api, install, last_error, take_fault_report};
pub use machine::fault::{FaultKind, FaultReport};
