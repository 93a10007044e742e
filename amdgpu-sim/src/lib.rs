//! An AMD GPU in software behind the HSA C ABI.
//!
//! [`install`] gives a table of HSA functions that behave like those of `libhsa-runtime64.so.1` on a machine with
//! such GPUs (CDNA 2 and 3, RDNA 2, 3 and 4): agents, memory pools and who may access them, signals and their handlers, copies, AQL queues,
//! executables. Code objects are loaded, disassembled (through a
//! [`Disassembler`]; this crate links no LLVM), decoded and executed, wave by wave, instruction by instruction. Nothing
//! here knows a kernel: what runs is the bytes of the code object.
//!
//! The functions that Geobacter does not call are in a table of their own, [`other_hsa_api`]; the package
//! `amdgpu-sim-hsa-runtime` makes a library of both that HIP and HSA programs find in place of AMD's. What the simulator
//! has not (images, memory that processes share, shared virtual memory, HSAIL) is refused with the status of its header.
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
//! environment when the configuration is read, the simulator ends the dispatch with a report at the first of these:
//!
//! | found | [`FaultKind`] |
//! |---|---|
//! | two items write the same byte of memory or LDS, and nothing orders the two; or one writes it and another one changes it atomically | [`OverlappingWrites`](FaultKind::OverlappingWrites) |
//! | an item reads a byte of memory or LDS that another one writes, in either order, and nothing orders the two | [`Race`](FaultKind::Race) |
//! | an item reads LDS, or changes it atomically, where no item of the group has written since the group began; or memory of a GPU that no kernel and no copy has written since it was allocated | [`UninitializedRead`](FaultKind::UninitializedRead) |
//! | an address, a branch, the mask of active items, or what is stored depends on a value that was never written: a register, a part of LDS, of scratch, of memory | [`UninitializedValue`](FaultKind::UninitializedValue) |
//! | a register is used or overwritten before the load that fills it was waited for; a barrier is passed before a write to LDS was waited for | [`MissingWait`](FaultKind::MissingWait) |
//! | a barrier that some items of a wave do not reach, or that a wave does not reach before it ends; two waves at different barriers | [`DivergentBarrier`](FaultKind::DivergentBarrier) |
//!
//! An access to memory that was freed is a [`MemoryFault`](FaultKind::MemoryFault), with checks and without; it names the
//! allocation that was there ([`FaultPlace::Freed`]). With checks, addresses that were freed are not given away again soon.
//!
//! The report names both accesses: item, work-group, instruction, and the line of the source that is the user's, past
//! functions of the standard library, of registries and of Geobacter's device language that were inlined there. The line
//! comes from the code object's DWARF tables; without them the instruction alone is named.
//!
//! **What orders accesses**: a barrier, for items of one work-group. In a work-group of one wave the lanes go in step, and LLVM
//! removes barriers; there only lanes of one instruction can conflict. And atomic operations: a machine instruction does not
//! show whether it acquires or releases, nor for whom, so all that they can have ordered counts as ordered. That is an
//! access, then any atomic instruction of the same wave (of the same work-group, where two work-groups are compared), then
//! one of the other, then an access of that.
//!
//! **What was never written**: registers that are not set up at launch, LDS and scratch when a work-group begins, memory of a
//! GPU's coarse-grained pool when it is allocated. What the program may write by itself counts as written: fine-grained
//! memory, the host's memory, and memory that `hsa_amd_agents_allow_access` has let the CPU in to. Values that were never
//! written may be moved and computed with, as compilers do; how it is known what depends on them stands in the module
//! `machine::check::twin`. Nothing is reported that does not matter: there are two contents of what was never written
//! with which the kernel does different things.
//!
//! **Atomic stores** look like plain ones in LDS, and in memory if they are relaxed and the GPU is gfx90a, RDNA 2 or RDNA 3.
//! Those of Geobacter's device language are known by their line; others are taken for plain ones.
//!
//! **Barriers** of Geobacter's device language are known by their line, and are not checked: all items reach them, but those
//! that have panicked.
//!
//! What the machine does not show is not found:
//! * A write to the element of another item that the other one leaves alone.
//! * A plain read beside an atomic operation: atomic loads of LDS, and some of memory, look the same.
//! * A part of a value in LDS or memory that was never written, if it is only copied with the rest: padding and unused parts
//!   of enums look the same. A word of a wide read of LDS is reported if different items wrote the words beside it.
//! * A decision that comes out the same for both contents that are tried for what was never written, other than a comparison.
//! * Anything about volatile accesses beside each other: they look like atomic ones.
//! * Which of two equal stores in two branches it was, if LLVM has made one of them.
//! * Conflicts of accesses that atomic operations could have ordered, and have not.
//! * Reads beyond the first 4 MiB that a work-group reads, and the first 16 MiB that a dispatch reads, as one half of a race.
//! * Missing waits for stores and for exports; hazards that `s_nop`, `s_delay_alu` and the like are for.
//!
//! With checks a kernel takes several times as long, and records take up to 80 bytes for each word of LDS of a work-group
//! that runs, 12 for each byte of memory that is written, 8 for each byte that is read, and an eighth of each allocation.
//! Without checks an access pays for two tests: whether there is a log, when its place is found and when it happens.
//!
//! # Counters
//! What each dispatch did, in numbers that hardware has counters for, and how long a device may take: see [`counters`].
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
//! What it is not: a timing model. Caches and hazards are not simulated, and a load is complete at once, whether it is waited
//! for or not; checks say where a wait is missing. Image instructions are not there; a kernel that needs one ends with a
//! fault that names the instruction.

mod config;
pub mod counters;
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
    InstallError, executed_instructions, hsa_api, install, last_error, other_hsa_api, take_counters, take_fault_report,
};
pub use machine::{
    check::AccessKind,
    fault::{AccessReport, FaultKind, FaultPlace, FaultReport, Site},
};
pub use source::SourceLocation;
