//! The machine that executes decoded code: waves, work-groups, memory. It knows no HSA and no instruction.

pub mod agents;
pub mod barrier;
pub mod check;
pub mod counters;
pub mod descriptor;
pub mod dispatch;
pub mod fault;
pub mod freed;
pub mod locked;
pub mod log;
pub mod memory;
pub mod report;
pub mod space;
pub mod watchdog;
pub mod wave;
pub mod workgroup;
pub mod written;
