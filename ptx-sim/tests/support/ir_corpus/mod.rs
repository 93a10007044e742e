//! The corpus of LLVM IR that the simulator of AMD GPUs is tested with, as kernels in PTX.

#![allow(dead_code, reason = "the corpus has more than NVIDIA GPUs are tested with")]

#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/atomic.rs"]
pub mod atomic;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/case.rs"]
pub mod case;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/control.rs"]
pub mod control;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/convert.rs"]
pub mod convert;
pub mod device;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/float.rs"]
pub mod float;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/host.rs"]
pub mod host;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/inputs.rs"]
pub mod inputs;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/integer.rs"]
pub mod integer;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/llc.rs"]
pub mod llc;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/memory.rs"]
pub mod memory;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/types.rs"]
pub mod types;
#[path = "../../../../amdgpu-sim/tests/support/ir_corpus/vector.rs"]
pub mod vector;

use case::{Case, Compare};

/// Parts of names, first and last, of cases that are left out, and why.
const LEFT_OUT: [(&str, &str, &str); 13] = [
    ("atomic_fadd", "f32_before_global", "PTX adds f32 in global memory without denormal numbers: `tests/atomic.rs`"),
    ("atomic_fadd", "f32_after_global", "the same"),
    ("atomic_fadd", "f32_before_flat_global", "the same"),
    ("atomic_fadd", "f32_after_flat_global", "the same"),
    ("frem", "", "LLVM makes `a - trunc(a / b) * b` of it"),
    // LLVM's own faults, seen with LLVM 22.
    ("sitofp", "bf16", "of one bit LLVM makes 1 where it is -1"),
    ("fptosi", "i1", "LLVM tests whether the bits are 0, and takes the answer for the result"),
    ("fptoui", "i1", "the same"),
    ("memory", "v4i1_", "LLVM stores the first of the bits alone"),
    ("flow_call_v", "i1", "the same, of a result in parameter memory"),
    ("ldexp", "f16", "LLVM limits exponents to -14 after scaling once"),
    // PTX has atomic operations on global and on shared memory alone, and LLVM makes them for the stack all the same.
    ("atomic", "stack", "there is none"),
    ("cmpxchg", "stack", "there is none"),
];

fn is_left_out(case: &Case) -> bool {
    let is = |(first, last, _): &(&str, &str, &str)| {
        let fits = case.name.starts_with(first) && case.name.contains(last);
        match *first {
            "sitofp" => fits && case.name.contains("i1_"),
            "fptosi" | "fptoui" => fits && case.result.scalar == types::Scalar::I1,
            "ldexp" => fits && !case.name.contains("bf16"),
            "flow_call_v" => fits && case.result.scalar == types::Scalar::I1,
            "atomic" => fits && case.name.ends_with("stack") && !case.name.starts_with("atomic_access_"),
            _ => fits,
        }
    };
    LEFT_OUT.iter().any(is)
}

/// All of it that is about NVIDIA GPUs, too.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    integer::cases(&mut all);
    float::cases(&mut all);
    convert::cases(&mut all);
    vector::cases(&mut all);
    memory::cases(&mut all);
    atomic::cases(&mut all);
    control::cases(&mut all);
    all.retain(|case| !case.device.code.contains("llvm.amdgcn") && !is_left_out(case));
    for case in &mut all {
        let of = |names: &[&str]| names.iter().any(|name| case.name.starts_with(name));
        if of(&["fabs_", "fneg_", "copysign_"]) {
            // Where the target has no instruction for halves, LLVM goes by way of f32, which makes other NaNs.
            case.compare = Compare::Float;
        } else if of(&["fma_"]) && case.name.contains("bf16") {
            // The host rounds twice.
            case.compare = Compare::Near(1.0, 0.0);
        }
    }
    all
}
