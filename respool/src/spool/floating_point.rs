//! `fp(contract)` and `fp(fast)`: which arithmetic of a kernel may be rounded otherwise than IEEE 754 says.
//!
//! LLVM's fast-math flags stand on instructions. They are set here, while it is still known from which source an instruction
//! comes: every target, and whoever reads the archive, finds them in the bitcode. Without one of the options nothing is
//! changed: rustc sets no flags but for what the source asks for itself.
//!
//! | option | flags |
//! |---|---|
//! | `contract` | `contract` |
//! | `fast` | `reassoc`, `nsz`, `arcp`, `contract`, and on `f32` `afn` |
//!
//! **No `nnan` and no `ninf`.** With these a NaN or an infinity is poison, so that data which nobody expected would be undefined
//! behaviour in a kernel without `unsafe`, and `is_nan` would always be false. The flags above never make a value undefined: the result
//! is a number, and which one is up to LLVM. They are those of `f32::algebraic_add` and its like.
//!
//! **No `afn` on `f64`.** GPUs have no approximations of its functions, and little is to be gained in a quotient.
//!
//! **What gets flags**: addition, subtraction, multiplication, division, negation, `sqrt`, `mul_add`, and the functions of
//! [`math`](super::math). Not the remainder, whose fast form is wrong for large quotients; not conversions, which would lose a rounding
//! that the source asks for; not comparisons and selections, for which the flags mean nothing but `nnan`.
//!
//! **Whose arithmetic**: that of the kernel and of what it calls, but not of code whose results rest on exact rounding
//! ([`is_exact`]): there `(x + BIG) - BIG` rounds to an integer, and a pair of numbers stands for a sum. Nor of what such code calls:
//! it multiplies by `<f32 as Mul>::mul`, a function of `core`. rustc inlines both into their callers before bitcode is written. So it is
//! debug information that decides, which says of each instruction through which functions, of which crates and modules, it
//! came to where it is. What has none is left alone, with all that it calls: the options allow, they do not promise.

use std::collections::{HashMap, HashSet};

use geobacter_spool::descriptor::FloatingPoint;
use llvm_sys::{
    LLVMFastMathAllowContract, LLVMFastMathAllowReassoc, LLVMFastMathAllowReciprocal, LLVMFastMathApproxFunc,
    LLVMFastMathNoSignedZeros, LLVMOpcode, LLVMTypeKind,
};

use super::math;
use crate::ir::{Ir, Scope, Value};

/// Sets the flags that the kernel's option asks for. The module still has all of its debug information.
pub fn run(module: &Ir<'_>, option: FloatingPoint) {
    if option == FloatingPoint::Strict {
        return;
    }
    let mut sources = Sources { module, known: HashMap::new() };
    let exact = sources.exact_functions();
    for function in module.functions().filter(|function| !exact.contains(function)) {
        for instruction in function.instructions().into_iter().filter(|&instruction| is_arithmetic(instruction)) {
            if !sources.is_exact(instruction) {
                instruction.set_fast_math_flags(instruction.fast_math_flags() | flags(option, instruction));
            }
        }
    }
}

/// What is known of where code comes from.
struct Sources<'a, 'c> {
    module: &'a Ir<'c>,
    /// Whether what is defined in a scope rests on exact rounding.
    known: HashMap<Scope, bool>,
}

impl Sources<'_, '_> {
    fn is_exact_scope(&mut self, scope: Scope) -> bool {
        *self.known.entry(scope).or_insert_with(|| is_exact(&scope.modules(self.module.context())))
    }

    /// Whether an instruction belongs to exact code, or may.
    fn is_exact(&mut self, instruction: Value) -> bool {
        let scopes = instruction.source_scopes();
        scopes.is_empty() || scopes.into_iter().any(|scope| self.is_exact_scope(scope))
    }

    /// The functions of exact code, and what they call.
    fn exact_functions(&mut self) -> HashSet<Value> {
        let mut exact = HashSet::new();
        let mut next = Vec::new();
        for function in self.module.functions().filter(|function| !function.is_declaration()) {
            if function.subprogram().is_none_or(|scope| self.is_exact_scope(scope)) {
                next.push(function);
            } else {
                // Exact code that was inlined here.
                let calls = calls(function).filter(|&call| self.is_exact(call));
                next.extend(calls.map(Value::callee));
            }
        }
        while let Some(function) = next.pop() {
            if function.is_function() && exact.insert(function) {
                next.extend(calls(function).map(Value::callee));
            }
        }
        exact
    }
}

fn calls(function: Value) -> impl Iterator<Item = Value> {
    function.instructions().into_iter().filter(|instruction| instruction.is_call())
}

/// Whether this call may be an approximation.
pub fn may_be_approximate(call: Value) -> bool {
    call.fast_math_flags() & LLVMFastMathApproxFunc != 0
}

fn flags(option: FloatingPoint, instruction: Value) -> u32 {
    let fast =
        LLVMFastMathAllowReassoc | LLVMFastMathNoSignedZeros | LLVMFastMathAllowReciprocal | LLVMFastMathAllowContract;
    match option {
        FloatingPoint::Strict => 0,
        FloatingPoint::Contract => LLVMFastMathAllowContract,
        FloatingPoint::Fast if instruction.ty().scalar().kind() == LLVMTypeKind::LLVMFloatTypeKind => {
            fast | LLVMFastMathApproxFunc
        }
        FloatingPoint::Fast => fast,
    }
}

fn is_arithmetic(instruction: Value) -> bool {
    use LLVMOpcode::{LLVMFAdd, LLVMFDiv, LLVMFMul, LLVMFNeg, LLVMFSub};
    if instruction.is_call() {
        let callee = instruction.callee();
        return callee.is_function() && {
            let name = callee.name();
            name.starts_with(math::PREFIX) || name.starts_with("llvm.sqrt.") || name.starts_with("llvm.fma.")
        };
    }
    matches!(instruction.opcode(), LLVMFAdd | LLVMFSub | LLVMFMul | LLVMFDiv | LLVMFNeg)
}

/// Crates and modules whose results rest on exact rounding: mathematical functions, arithmetic in software, and what converts
/// between numbers and text.
const EXACT: [&[&str]; 7] = [
    &["libm"],
    &["compiler_builtins"],
    &["half"],
    &["geobacter_lang", "math"],
    &["core", "num", "dec2flt"],
    &["core", "num", "flt2dec"],
    &["core", "fmt"],
];

/// Whether code that is defined there is left as it is.
fn is_exact(modules: &[String]) -> bool {
    modules.is_empty()
        || EXACT.iter().any(|exact| modules.len() >= exact.len() && modules.iter().zip(*exact).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rests_on_exact_rounding_is_told_by_where_it_is_defined() {
        for (path, expected) in [
            ("libm::math::rem_pio2f", true),
            ("libm", true),
            ("half::bfloat::{impl#3}", true),
            ("compiler_builtins::float::add", true),
            ("geobacter_lang::math", true),
            ("core::num::flt2dec::strategy::grisu", true),
            ("core::fmt::float", true),
            ("core::num", false),
            ("core::num::f32", false),
            ("core::iter::traits::accum::{impl#12}", false),
            ("std::num::f32", false),
            ("geobacter_lang::workgroup", false),
            ("libmagic", false),
            ("demo::libm", false),
            ("demo", false),
            // Not known.
            ("", true),
        ] {
            let modules: Vec<_> = path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            assert_eq!(is_exact(&modules), expected, "{path}");
        }
    }
}
