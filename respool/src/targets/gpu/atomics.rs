//! The device language's atomic operations on GPUs: `__gb_atomic_<operation>_<type>_<scope>`.
//!
//! All are relaxed. The pointers are generic; LLVM finds out which lie in LDS.

use super::{Dialect, Gpu, KernelLowering, definitions, intrinsics};
use crate::error::Error;

const PREFIX: &str = "__gb_atomic_";

/// Whether this is the name of an atomic operation.
pub fn is_intrinsic(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Defines those of the operations that the module declares.
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let mut text = String::new();
    for function in module.functions().filter(|function| function.is_declaration()) {
        let name = function.name();
        if is_intrinsic(&name) {
            text += &definition(&name, gpu.dialect).ok_or_else(|| intrinsics::unknown(lowering, gpu, &name))?;
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    definitions::add(lowering, gpu, "defining atomic operations", &text, is_intrinsic)
}

/// The operation's definition in LLVM's assembly language.
fn definition(name: &str, dialect: &Dialect) -> Option<String> {
    let (rest, scope) = name.strip_prefix(PREFIX)?.rsplit_once('_')?;
    let (operation, ty) = rest.rsplit_once('_')?;
    let instruction = (scope == "system").then(|| (dialect.system_atomic)(operation, ty)).flatten();
    let scope = match scope {
        "workgroup" => format!(r#"syncscope("{}") "#, dialect.workgroup_scope),
        "device" => format!(r#"syncscope("{}") "#, dialect.device_scope),
        // No name is LLVM's for the whole system.
        "system" => String::new(),
        _ => return None,
    };
    let (llvm, float, signed, bytes) = match ty {
        "u32" => ("i32", false, false, 4),
        "i32" => ("i32", false, true, 4),
        "u64" => ("i64", false, false, 8),
        "i64" => ("i64", false, true, 8),
        "f32" => ("float", true, true, 4),
        "f64" => ("double", true, true, 8),
        _ => return None,
    };
    if let Some(instruction) = instruction {
        let (bits, register) = if bytes == 8 { ("i64", "l") } else { ("i32", "r") };
        return Some(format!(
            "define {llvm} @{name}(ptr %p, {llvm} %v) alwaysinline convergent nounwind {{\n  \
               %b = bitcast {llvm} %v to {bits}\n  \
               %o = call {bits} asm sideeffect \"{instruction} $0, [$1], $2;\", \"={register},l,{register},~{{memory}}\"(ptr %p, {bits} %b)\n  \
               %r = bitcast {bits} %o to {llvm}\n  ret {llvm} %r\n}}\n"
        ));
    }
    let body = match operation {
        "load" => {
            return Some(format!(
                "define {llvm} @{name}(ptr %p) alwaysinline convergent nounwind {{\n  \
                   %r = load atomic {llvm}, ptr %p {scope}monotonic, align {bytes}\n  ret {llvm} %r\n}}\n"
            ));
        }
        "store" => {
            return Some(format!(
                "define {llvm} @{name}(ptr %p, {llvm} %v) alwaysinline convergent nounwind {{\n  \
                   store atomic {llvm} %v, ptr %p {scope}monotonic, align {bytes}\n  ret {llvm} %v\n}}\n"
            ));
        }
        "exchangeif" => {
            // Floats are compared as their bits.
            let bits = format!("i{}", bytes * 8);
            return Some(format!(
                "define {llvm} @{name}(ptr %p, {llvm} %old, {llvm} %new) alwaysinline convergent nounwind {{\n  \
                   %o = bitcast {llvm} %old to {bits}\n  %n = bitcast {llvm} %new to {bits}\n  \
                   %pair = cmpxchg ptr %p, {bits} %o, {bits} %n {scope}monotonic monotonic, align {bytes}\n  \
                   %was = extractvalue {{ {bits}, i1 }} %pair, 0\n  %r = bitcast {bits} %was to {llvm}\n  ret {llvm} %r\n}}\n"
            ));
        }
        "exchange" => "xchg",
        "add" if float => "fadd",
        "add" => "add",
        "min" if float => "fmin",
        "max" if float => "fmax",
        "min" if signed => "min",
        "max" if signed => "max",
        "min" => "umin",
        "max" => "umax",
        "and" | "or" | "xor" if !float => operation,
        _ => return None,
    };
    Some(format!(
        "define {llvm} @{name}(ptr %p, {llvm} %v) alwaysinline convergent nounwind {{\n  \
           %r = atomicrmw {body} ptr %p, {llvm} %v {scope}monotonic, align {bytes}\n  ret {llvm} %r\n}}\n"
    ))
}
