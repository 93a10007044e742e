//! An AMD GPU in software behind the HSA C ABI.
//!
//! [`install`] gives a table of HSA functions that behave like those of `libhsa-runtime64.so.1` on a machine with
//! such GPUs (CDNA 2 and 3, RDNA 2, 3 and 4): agents, memory pools and who may access them, signals and their handlers, copies, AQL queues,
//! executables. Code objects are loaded, disassembled (through a
//! [`Disassembler`]; this crate links no LLVM), decoded and executed, wave by wave, instruction by instruction. Nothing
//! here knows a kernel: what runs is the bytes of the code object.
//!
//! ```text
//!  program --HsaApi--> hsa/  agents, pools, signals, copies, queues, loader     one state for each process
//!                       |  packet, kernel
//!                       v
//!                    machine/  dispatch -> work-groups (across cores) -> waves; memory; checks; faults; watchdog
//!                       |  next instruction
//!                       v
//!                     isa/  text -> operands -> step: one table for each instruction class
//! ```
//!
//! Every access to memory, LDS and scratch is held against what is allocated. A fault, an instruction that is not known, and a kernel that makes
//! no progress end the dispatch with an error: the queue's callback gets an HSA status, the completion signal becomes
//! negative, and [`take_fault_report`] says what happened where.
//!
//! # Checks
//! A kernel can be wrong and yet touch only memory that is there. With [`Config::with_checks`], or `GEOBACTER_CHECK=1` in the
//! environment when the configuration is read, the simulator records who accessed what, and ends the dispatch with a report
//! at the first of these:
//!
//! | found | [`FaultKind`] |
//! |---|---|
//! | two items write the same byte of memory or LDS, and nothing orders the two; or one writes it and another one changes it atomically | [`OverlappingWrites`](FaultKind::OverlappingWrites) |
//! | an item reads a byte of LDS that another one writes, in either order, without a barrier between | [`Race`](FaultKind::Race) |
//! | an item reads LDS, or changes it atomically, where no item of the group has written since the group began | [`UninitializedRead`](FaultKind::UninitializedRead) |
//!
//! The report names both accesses: item, work-group, instruction, and the line of the source that is the user's, past
//! functions of the standard library, of registries and of Geobacter's device language that were inlined there. The line
//! comes from the code object's DWARF tables; without them the instruction alone is named.
//!
//! What orders accesses: a barrier, for items of one work-group. Nothing orders work-groups, and so two that write one
//! place are always reported, unless by atomic operations. In a work-group of at most 64 items the lanes go in step, and LLVM
//! removes barriers; there only lanes of one instruction can conflict.
//!
//! What the machine does not show is not found:
//! * Reads of memory (other than LDS) that another item writes.
//! * A write to the element of another item that the other one leaves alone.
//! * A plain read of LDS beside an atomic operation: atomic loads of LDS look the same.
//! * A part of a value in LDS that was never written, if the rest of it was: padding and unused parts of enums look the same.
//!   A word of a wide read is reported if different items wrote the words beside it.
//! * Anything about volatile accesses beside each other: they look like atomic ones. So do atomic stores to LDS, which are known
//!   by their line in Geobacter's device language.
//! * Which of two equal stores in two branches it was, if LLVM has made one of them.
//! * Order that is made by atomic operations (a lock, a flag): writes that only such order keeps apart are reported.
//!
//! Records take 60 bytes for each word of LDS of a work-group that runs, and 12 for each byte of memory that is written, and
//! some time for each access. Without checks an access pays for one test.
//!
//! # Handles
//! A function that is given a handle which is no live thing's refuses it with the status that the specification has for it,
//! and never touches memory of somebody else. Functions for signals and for indices of queues that give no status do
//! nothing, and those that give a value give 0. [`last_error`] says why, for each thread. As on hardware, a handle that is
//! used long after its thing was destroyed may be that of another one.
//!
//! # Failures on demand
//! With the feature `fault-injection`, the module `injection` has calls of HSA functions fail when a test says so.
//!
//! What it is not: a timing model. Caches, wait counters and hazards are not simulated; `s_waitcnt` does nothing.
//! Matrix instructions (MFMA), image instructions and rounding modes other than to nearest are not there yet; a kernel
//! that needs one ends with a fault that names the instruction.

mod config;
mod disassembler;
mod hsa;
mod isa;
mod machine;
mod source;

pub use config::{
    CHECK_VARIABLE, Config, ConfigError, DEFAULT_MEMORY, DEFAULT_WATCHDOG, MEMORY_VARIABLE, WATCHDOG_VARIABLE,
};
pub use disassembler::{Disassembler, WorkerDisassembler};
#[cfg(feature = "fault-injection")]
pub use hsa::injection;
pub use hsa::{
    InstallError, executed_instructions, hsa_api, install, last_error, other_hsa_api, take_fault_report,
};
pub use machine::{
    check::AccessKind,
    fault::{AccessReport, FaultKind, FaultPlace, FaultReport, Site},
};
pub use source::SourceLocation;
