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
    use crate::ir::Context;

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

    /// As rustc writes it. What a value is called says whether it may get flags.
    const PROGRAM: &str = r#"
        define float @user(float %x, float %y) !dbg !10 {
            %may_own = fmul float %x, %y, !dbg !20
            %not_inlined_from_libm = fadd float %may_own, %x, !dbg !21
            %not_inlined_from_core_in_libm = fsub float %not_inlined_from_libm, %y, !dbg !23
            %may_inlined_from_core = fadd float %not_inlined_from_core_in_libm, %x, !dbg !24
            %not_made_of_several = fadd float %may_inlined_from_core, %y, !dbg !25
            %not_known = fadd float %not_made_of_several, %x
            %a = call float @library(float %not_known), !dbg !20
            %b = call float @sum(float %a), !dbg !20
            %c = call float @without_source(float %b), !dbg !20
            %d = call float @called_by_inlined_libm(float %c), !dbg !21
            %e = call float @both(float %d), !dbg !20
            %may_root = call float @llvm.sqrt.f32(float %e), !dbg !20
            %not_remainder = frem float %may_root, %x, !dbg !20
            %f = fpext float %not_remainder to double, !dbg !20
            %may_wide = fdiv double %f, %f, !dbg !20
            %g = fptrunc double %may_wide to float, !dbg !20
            ret float %g, !dbg !20
        }
        define float @library(float %x) !dbg !11 {
            %not_the_users = fmul float %x, %x, !dbg !26
            %a = call float @multiply(float %not_the_users), !dbg !26
            %b = call float @both(float %a), !dbg !26
            ret float %b, !dbg !26
        }
        define float @multiply(float %x) !dbg !12 {
            %not_of_who_is_called_by_libm = fmul float %x, %x, !dbg !27
            ret float %not_of_who_is_called_by_libm, !dbg !27
        }
        define float @called_by_inlined_libm(float %x) !dbg !13 {
            %not_of_who_is_called_by_inlined_libm = fneg float %x, !dbg !28
            ret float %not_of_who_is_called_by_inlined_libm, !dbg !28
        }
        define float @both(float %x) !dbg !14 {
            %not_of_who_is_called_by_both = fadd float %x, %x, !dbg !29
            ret float %not_of_who_is_called_by_both, !dbg !29
        }
        define float @sum(float %x) !dbg !15 {
            %may_for_the_user = fadd float %x, %x, !dbg !30
            ret float %may_for_the_user, !dbg !30
        }
        define float @without_source(float %x) {
            %not_without_source = fadd float %x, %x
            %a = call float @called_by_who_has_no_source(float %not_without_source)
            ret float %a
        }
        define float @called_by_who_has_no_source(float %x) !dbg !16 {
            %not_of_who_is_called_by_who_has_no_source = fadd float %x, %x, !dbg !31
            ret float %not_of_who_is_called_by_who_has_no_source, !dbg !31
        }
        declare float @llvm.sqrt.f32(float)

        !llvm.module.flags = !{!0}
        !llvm.dbg.cu = !{!1}
        !0 = !{i32 2, !"Debug Info Version", i32 3}
        !1 = distinct !DICompileUnit(language: DW_LANG_Rust, file: !2, emissionKind: LineTablesOnly)
        !2 = !DIFile(filename: "lib.rs", directory: "/")
        !3 = !DISubroutineType(types: !{})
        !4 = !DINamespace(name: "demo", scope: null)
        !5 = !DINamespace(name: "libm", scope: null)
        !6 = !DINamespace(name: "math", scope: !5)
        !7 = !DINamespace(name: "core", scope: null)
        !8 = !DINamespace(name: "ops", scope: !7)
        !10 = distinct !DISubprogram(name: "user", scope: !4, file: !2, line: 1, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !11 = distinct !DISubprogram(name: "sinf", scope: !6, file: !2, line: 2, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !12 = distinct !DISubprogram(name: "mul", scope: !8, file: !2, line: 3, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !13 = distinct !DISubprogram(name: "neg", scope: !8, file: !2, line: 4, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !14 = distinct !DISubprogram(name: "add", scope: !8, file: !2, line: 5, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !15 = distinct !DISubprogram(name: "sum", scope: !8, file: !2, line: 6, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !16 = distinct !DISubprogram(name: "f", scope: !4, file: !2, line: 7, type: !3, unit: !1, spFlags: DISPFlagDefinition)
        !19 = distinct !DILexicalBlock(scope: !10, file: !2, line: 8)
        !20 = !DILocation(line: 8, scope: !19)
        !21 = !DILocation(line: 9, scope: !11, inlinedAt: !20)
        !23 = !DILocation(line: 10, scope: !12, inlinedAt: !21)
        !24 = !DILocation(line: 11, scope: !12, inlinedAt: !20)
        !25 = !DILocation(line: 0, scope: !10)
        !26 = !DILocation(line: 12, scope: !11)
        !27 = !DILocation(line: 13, scope: !12)
        !28 = !DILocation(line: 14, scope: !13)
        !29 = !DILocation(line: 15, scope: !14)
        !30 = !DILocation(line: 16, scope: !15)
        !31 = !DILocation(line: 17, scope: !16)
    "#;

    fn load_llvm() {
        let output = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
        let sysroot = String::from_utf8(output.stdout).expect("a path");
        geobacter_llvm::load(std::path::Path::new(sysroot.trim())).expect("the toolchain has a libLLVM");
    }

    #[test]
    fn arithmetic_of_the_kernel_gets_flags_and_that_of_exact_code_does_not() {
        load_llvm();
        for (option, single, wide) in [
            (FloatingPoint::Strict, "", ""),
            (FloatingPoint::Contract, "contract ", "contract "),
            (FloatingPoint::Fast, "reassoc nsz arcp contract afn ", "reassoc nsz arcp contract "),
        ] {
            let context = Context::new();
            let module = Ir::parse_text(&context, PROGRAM).expect("IR");
            run(&module, option);
            module.verify().expect("it is right");
            let mut seen = 0;
            for instruction in module.functions().flat_map(Value::instructions) {
                let name = instruction.name();
                let text = instruction.print();
                let (_, operation) = text.split_once(" = ").unwrap_or_default();
                let (_, operation) = operation.split_once(' ').unwrap_or_default();
                let flags = if name == "may_wide" { wide } else { single };
                if name.starts_with("may_") {
                    assert!(
                        operation.starts_with(&format!("{flags}float"))
                            || operation.starts_with(&format!("{flags}double")),
                        "{option}: {text}"
                    );
                    seen += 1;
                } else if name.starts_with("not_") {
                    assert!(operation.starts_with("float") || operation.starts_with("double"), "{option}: {text}");
                    seen += 1;
                }
            }
            assert_eq!(seen, 16);
        }
    }
}
