//! The build-time check: what a kernel reaches and no device can do.
//!
//! After it, a kernel's module holds only: calls of functions with a body, of LLVM intrinsics that are not a host's own,
//! of the device language's intrinsics, and of C's mathematical and memory functions (which targets define); constant
//! globals; no inline assembly, no atomic instruction that is not the language's, no indirect call.
//! Whatever breaks a rule is reported with the calls that lead to it and the innermost place in the user's source.

use std::collections::{HashMap, HashSet, VecDeque};

use geobacter_spool::diagnostic::{Diagnostic, Frame, SourceLocation};

use super::{is_language_intrinsic, names, normalize};
use crate::{
    ir::{DebugLocation, Ir, Value},
    passes::library_calls,
};

/// Reports of one kernel stop here: what follows is mostly more of the same.
const MOST_REPORTS: usize = 8;

/// What is wrong with one instruction.
struct Violation {
    message: String,
    label: String,
    help: &'static str,
}

/// Everything that is wrong with this kernel.
pub fn check(module: &Ir<'_>, entry: &str, kernel: &str) -> Vec<Diagnostic> {
    let Some(entry) = module.function(entry) else { return Vec::new() };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let mut reported = HashSet::new();
    let mut callers: HashMap<Value, Value> = HashMap::new();
    let mut queue = VecDeque::from([entry]);
    let mut seen = HashSet::from([entry]);
    while let Some(function) = queue.pop_front() {
        for instruction in function.instructions() {
            if let Some(violation) = violation(instruction) {
                let diagnostic = report(kernel, entry, instruction, &callers, violation);
                let key = (diagnostic.message.clone(), diagnostic.location.clone());
                if reported.insert(key) && diagnostics.len() < MOST_REPORTS {
                    diagnostics.push(diagnostic);
                }
            }
            if instruction.is_call() && instruction.callee().is_function() {
                let callee = instruction.callee();
                if !callee.is_declaration() && seen.insert(callee) {
                    callers.insert(callee, instruction);
                    queue.push_back(callee);
                }
            }
        }
    }
    // What a destructor cannot do follows from what made the value: that is said already.
    let in_destructor = |diagnostic: &Diagnostic| {
        diagnostic.path.iter().any(|frame| frame.function.contains("core::ptr::drop_in_place"))
    };
    if diagnostics.iter().any(|diagnostic| !in_destructor(diagnostic)) {
        diagnostics.retain(|diagnostic| !in_destructor(diagnostic));
    }
    diagnostics
}

fn violation(instruction: Value) -> Option<Violation> {
    if instruction.is_call() {
        let callee = instruction.callee();
        return if callee.is_inline_asm() {
            Some(Violation {
                message: "a kernel cannot use inline assembly".into(),
                label: format!("holds `{}`", normalize::inline_assembly_text(instruction).trim()),
                help: "the assembly is for the host's processor; write it in Rust, or use geobacter's intrinsics",
            })
        } else if !callee.is_function() {
            // A thread local is reached through a function pointer in its key.
            let caller = names::full(&instruction.function().name());
            if caller.contains("std::thread::local::LocalKey") {
                return Some(thread_local(&caller));
            }
            Some(Violation {
                message: "a kernel cannot call through a pointer".into(),
                label: "calls a function pointer or a method of a trait object".into(),
                help: "use a generic parameter (`F: Fn(..)`, `T: Trait`) in place of `fn(..)` or `dyn Trait`, so that the callee is known when the kernel is compiled",
            })
        } else if callee.is_declaration() {
            unresolved(&callee.name())
        } else {
            None
        }
        .or_else(|| instruction.arguments().into_iter().find_map(bad_global));
    }
    if instruction.is_atomic() {
        return Some(Violation {
            message: "a kernel cannot use `core::sync::atomic`".into(),
            label: "an atomic access without a scope".into(),
            help: "items share numbers through a parameter `counts: Atomics<u32>`, or in LDS through `Lds::atomics`; locks and `Atomic*` types are for the host",
        });
    }
    instruction.operands().into_iter().find_map(bad_global)
}

fn bad_global(operand: Value) -> Option<Violation> {
    if !operand.is_constant() || operand.is_function() {
        return None;
    }
    if !operand.is_global_variable() {
        return operand.operands().into_iter().find_map(bad_global);
    }
    let name = names::full(&operand.name());
    if operand.is_thread_local() {
        return Some(thread_local(&name));
    }
    if operand.is_declaration() {
        return Some(Violation {
            message: "a kernel cannot use a static of another library".into(),
            label: format!("uses `{name}`, whose content is not in the program's bitcode"),
            help: "pass the value as a kernel parameter",
        });
    }
    if !operand.is_global_constant() {
        return Some(Violation {
            message: "a kernel cannot use a mutable static".into(),
            label: format!("uses `{name}`"),
            help: "a device has no copy of the host's statics; pass the value as a kernel parameter, or use a `const`",
        });
    }
    None
}

fn thread_local(name: &str) -> Violation {
    Violation {
        message: "a kernel cannot use a thread local".into(),
        label: format!("uses `{name}`"),
        help: "pass the value as a kernel parameter",
    }
}

/// What a call of a function without a body means.
fn unresolved(symbol: &str) -> Option<Violation> {
    if let Some(intrinsic) = symbol.strip_prefix("llvm.") {
        return intrinsic.starts_with("x86.").then(|| Violation {
            message: "a kernel cannot use the host's vector instructions".into(),
            label: format!("calls the intrinsic `llvm.{intrinsic}`"),
            help: "use portable Rust; the device's compiler vectorises over work-items",
        });
    }
    if is_language_intrinsic(symbol) || library_calls::is_known(symbol) {
        return None;
    }
    let path = names::path(symbol);
    let bare = path.rsplit("::").next().unwrap_or(&path);
    // An inherent method's path is `<std::fs::File>::open`.
    let owner = path.trim_start_matches('<');
    if owner.starts_with("std::thread::local") {
        return Some(thread_local(&path));
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| owner.starts_with(prefix));
    let allocates = bare.starts_with("__rust_") && (bare.contains("alloc") || bare.contains("no_alloc"));
    let (message, help) = if allocates || owner.starts_with("alloc::") {
        (
            "a kernel cannot allocate memory",
            "use arrays of a fixed size (`[T; N]`), or a buffer that the host allocates and passes in",
        )
    } else if starts(&["std::io", "std::fs", "std::net", "std::os", "std::sys::stdio", "std::sys::fs"]) {
        (
            "a kernel cannot do input or output",
            "an item prints a line with `geobacter::println!(item, ..)`; results go to an `Out` buffer, for the host",
        )
    } else if starts(&["std::sync", "std::sys::sync", "std::panicking::panic_count"]) {
        (
            "a kernel cannot take a lock",
            "items share numbers through `Atomics<T>` and memory through `Lds`; locks are for the host",
        )
    } else if starts(&["std::thread", "std::process", "std::time", "std::env", "std::sys"]) {
        ("a kernel cannot use the operating system", "do this on the host, and pass the result as a parameter")
    } else if starts(&["core::panicking", "std::panicking", "core::option", "core::result"]) {
        (
            "a kernel reaches a panic function that Geobacter does not know",
            "this is a gap in Geobacter: please report it with the function's name",
        )
    } else if starts(&["std::", "core::"]) {
        ("a kernel reaches a library function without device code", "use another function, or write it in the kernel")
    } else {
        ("a kernel cannot call a foreign function", "only Rust code can be compiled for a device")
    };
    Some(Violation { message: message.into(), label: format!("calls `{path}`"), help })
}

fn report(kernel: &str, entry: Value, at: Value, callers: &HashMap<Value, Value>, violation: Violation) -> Diagnostic {
    // From the offending place outwards.
    let mut calls = vec![at];
    while let Some(&call) = callers.get(&calls[calls.len() - 1].function()) {
        calls.push(call);
    }
    let locations: Vec<_> = calls.iter().map(|call| call.debug_locations()).collect();
    let user_code = locations.iter().flatten().find(|location| !is_library(location));
    let location = user_code.or_else(|| locations.iter().flatten().next()).map(source_location);
    let path = calls
        .iter()
        .zip(&locations)
        .rev()
        .filter(|(call, _)| call.function() != entry)
        .map(|(call, locations)| Frame {
            function: names::full(&call.function().name()),
            call_site: locations.last().map(source_location),
        })
        .collect();
    Diagnostic {
        kernel: kernel.to_owned(),
        message: violation.message,
        label: violation.label,
        path,
        location,
        help: violation.help.to_owned(),
    }
}

/// Whether a place lies in the toolchain's library or in Geobacter's own crates, and not in what the user writes.
fn is_library(location: &DebugLocation) -> bool {
    let path = location.path();
    path.starts_with("/rustc/")
        || path.contains("/lib/rustlib/src/")
        || path.contains("/.cargo/registry/")
        || path.contains("/geobacter-lang/src/")
        || path.contains("/safe-lds/src/")
}

fn source_location(location: &DebugLocation) -> SourceLocation {
    SourceLocation { file: location.path(), line: location.line, column: location.column }
}
