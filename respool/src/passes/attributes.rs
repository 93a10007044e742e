//! Forgets what was decided for the host, and makes every function inlinable and convergent.
//!
//! * Attributes that name the host's processor, its stack probes or its unwinder go, and with them `noinline`: on a GPU a
//!   call costs more than what `#[inline(never)]` saves.
//! * Every function is `alwaysinline`, except where it calls itself, directly or through others.
//! * Every function is `convergent` until LLVM infers otherwise: a transformation that is right for one thread may move
//!   a barrier or a wave operation into divergent control flow.
//! * Every function has the C calling convention: Rust's own conventions do not exist on devices.

use std::collections::{HashMap, HashSet};

use llvm_sys::{LLVMAttributeFunctionIndex, LLVMCallConv, LLVMLinkage, LLVMVisibility};

use crate::ir::{Ir, Value};

const HOST_STRING_ATTRIBUTES: [&str; 9] = [
    "target-cpu",
    "tune-cpu",
    "target-features",
    "probe-stack",
    "stack-probe-size",
    "frame-pointer",
    "no-trapping-math",
    "instrument-function",
    "patchable-function",
];

const HOST_ENUM_ATTRIBUTES: [&str; 12] = [
    "noinline",
    "inlinehint",
    "optsize",
    "minsize",
    "optnone",
    "uwtable",
    "nonlazybind",
    "ssp",
    "sspstrong",
    "sspreq",
    "noredzone",
    "allockind",
];

pub fn run(module: &Ir<'_>) {
    let context = module.context();
    let recursive = recursive_functions(module);
    let convergent = context.attribute("convergent", 0);
    let nounwind = context.attribute("nounwind", 0);
    for function in module.functions().filter(|function| !function.name().starts_with("llvm.")) {
        for name in HOST_STRING_ATTRIBUTES {
            function.remove_string_attribute(name);
        }
        for name in HOST_ENUM_ATTRIBUTES {
            function.remove_enum_attribute(LLVMAttributeFunctionIndex, name);
        }
        function.set_call_convention(LLVMCallConv::LLVMCCallConv);
        function.add_function_attribute(convergent);
        function.add_function_attribute(nounwind);
        for index in 1..=function.value_type().params().len() as u32 {
            // A returned structure's place is on the stack, which devices keep in an address space of its own.
            function.remove_enum_attribute(index, "sret");
        }
        if function.is_declaration() {
            continue;
        }
        function.clear_section();
        function.clear_comdat();
        function.clear_personality();
        function.set_visibility(LLVMVisibility::LLVMDefaultVisibility);
        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
        if !recursive.contains(&function) {
            function.add_function_attribute(context.attribute("alwaysinline", 0));
        }
        for call in function.instructions().into_iter().filter(|instruction| instruction.is_call()) {
            call.set_call_convention(LLVMCallConv::LLVMCCallConv);
            call.remove_call_attribute(LLVMAttributeFunctionIndex, "noinline");
            for index in 1..=call.arguments().len() as u32 {
                call.remove_call_attribute(index, "sret");
            }
        }
    }
}

/// The functions that can reach themselves by direct calls.
fn recursive_functions(module: &Ir<'_>) -> HashSet<Value> {
    let callees: HashMap<Value, HashSet<Value>> = module
        .functions()
        .map(|function| {
            let calls = function.instructions().into_iter().filter(|instruction| instruction.is_call());
            (function, calls.map(Value::callee).filter(|callee| callee.is_function()).collect())
        })
        .collect();
    let reaches_itself = |start: Value| {
        let mut stack: Vec<Value> = callees[&start].iter().copied().collect();
        let mut seen = HashSet::new();
        while let Some(function) = stack.pop() {
            if function == start {
                return true;
            }
            if seen.insert(function) {
                stack.extend(callees.get(&function).into_iter().flatten());
            }
        }
        false
    };
    callees.keys().copied().filter(|&function| reaches_itself(function)).collect()
}
