//! LDS beyond what a kernel may declare.
//!
//! PTX takes 48 KiB of `.shared` variables; what a card has beyond that, a launch must ask for (*CUDA C++ Programming Guide*,
//! section "Compute Capabilities"). So if a kernel declares more, all of it becomes parts of the LDS that is sized at launch, with
//! the kernel's own launch-sized LDS behind it. The variable's name says how much the kernel itself needs:
//! [`resources`](super::resources) reads it there.

use llvm_sys::LLVMLinkage;

use super::DIALECT;
use crate::ir::{Ir, Value};

/// The most bytes that a kernel may declare.
const STATIC_LIMIT: u64 = 48 << 10;

/// Alignment of LDS that is sized at launch.
pub const DYNAMIC_ALIGN: u64 = 16;

/// Beginning of the variable's name; the number of bytes follows.
pub const PREFIX: &str = "geobacter_large_lds_";

pub fn run(module: &Ir<'_>) {
    let size = |global: Value| module.size_of(global.value_type());
    let align = |global: Value| u64::from(global.alignment().max(1));
    let mut variables: Vec<Value> =
        module.globals().filter(|global| global.ty().address_space() == DIALECT.spaces.lds).collect();
    // Those without a size are the launch's, and come last.
    variables.sort_by_key(|&global| (size(global) == 0, std::cmp::Reverse(align(global))));
    let end = |from: u64, global: Value| from.next_multiple_of(align(global)) + size(global);
    let total = variables.iter().fold(0, |total, &global| end(total, global));
    if total <= STATIC_LIMIT {
        return;
    }
    let total = total.next_multiple_of(DYNAMIC_ALIGN);
    let all = module.add_global(&format!("{PREFIX}{total}"), module.context().bytes(0), DIALECT.spaces.lds);
    all.set_linkage(LLVMLinkage::LLVMExternalLinkage);
    all.set_alignment(variables.iter().map(|&global| align(global)).fold(DYNAMIC_ALIGN, u64::max) as u32);
    let mut offset = 0u64;
    for variable in variables {
        let at = if size(variable) == 0 { total } else { offset.next_multiple_of(align(variable)) };
        offset = at + size(variable);
        variable.replace_all_uses_with(all.const_byte_offset(module.context(), at));
        variable.delete_global();
    }
}
