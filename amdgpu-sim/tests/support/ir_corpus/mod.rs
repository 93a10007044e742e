//! A corpus of LLVM IR: each operation on each type, as a kernel for the simulator and a function for the host.
//!
//! ```text
//!  integer, float, convert, vector, memory, atomic, control, wave --> cases: name, types, IR
//!                                       |                      |
//!                                 device: kernels        host: functions     inputs: edges and random
//!                                       |                      |
//!                                       +----> results <-------+
//! ```

pub mod atomic;
pub mod case;
pub mod control;
pub mod convert;
pub mod device;
pub mod float;
pub mod host;
pub mod inputs;
pub mod integer;
pub mod llc;
pub mod memory;
pub mod types;
pub mod vector;
pub mod wave;

use case::Case;

/// All of it.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    integer::cases(&mut all);
    float::cases(&mut all);
    convert::cases(&mut all);
    vector::cases(&mut all);
    memory::cases(&mut all);
    atomic::cases(&mut all);
    control::cases(&mut all);
    wave::cases(&mut all);
    all
}
