//! Forgets that the address of a stack slot is not null.
//!
//! rustc says of each reference that it loads that it is not null. Where what is loaded turns out to be the address of a stack slot
//! (a closure's captured variables), LLVM keeps that as an assumption, and drops it where it knows no better: but for a slot in an
//! address space of its own, whose address was cast to the generic one, it does know better only later. The comparison with null
//! is then the only use that keeps the slot in memory, and what it holds, group sizes among it, from being seen.

use llvm_sys::LLVMOpcode;

use crate::ir::{Ir, Value};

/// Drops the assumptions, and tells whether there were any.
pub fn drop(module: &Ir<'_>) -> bool {
    let assumptions = module.function("llvm.assume").map(Value::users).unwrap_or_default();
    let mut dropped = false;
    for assumption in assumptions {
        let Some(&condition) = assumption.arguments().first() else { continue };
        let is_about_the_stack = condition.is_instruction()
            && condition.opcode() == LLVMOpcode::LLVMICmp
            && condition.operands().into_iter().any(is_of_a_stack_slot);
        if is_about_the_stack {
            assumption.erase();
            if !condition.has_uses() {
                condition.erase();
            }
            dropped = true;
        }
    }
    dropped
}

/// Whether a value is the address of a stack slot, or of something in one.
fn is_of_a_stack_slot(mut value: Value) -> bool {
    while value.is_instruction() {
        match value.opcode() {
            LLVMOpcode::LLVMAlloca => return true,
            LLVMOpcode::LLVMGetElementPtr | LLVMOpcode::LLVMAddrSpaceCast => value = value.operand(0),
            _ => return false,
        }
    }
    false
}
