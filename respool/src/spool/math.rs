//! Mathematical functions by their meaning.
//!
//! `f64::sin` is `llvm.sin.f64` in the bitcode, `f64::tan` a call of C's `tan`: both lead into the host's mathematical
//! library. They become calls of `__gb_math_*`, which `geobacter_lang` defines with the `libm` crate. What is exact and has
//! an instruction on every device (`llvm.sqrt`, `llvm.fma`, `llvm.floor`, ...) stays.
//!
//! The `libm` crate itself computes `sqrt` and `fma` with the host's instructions, in inline assembly; those become
//! `llvm.sqrt` and `llvm.fma`, which give the same bits.

use llvm_sys::LLVMTypeKind;

use super::{names, normalize::inline_assembly_text};
use crate::ir::{Builder, Ir, Value};

/// LLVM intrinsics that are functions of C's library, without their prefix.
const INTRINSICS: [&str; 16] = [
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "exp2", "exp10", "log",
    "log2", "log10",
];

/// Functions of C's library, as `f64`; with an `f` behind the name, `f32`.
const FUNCTIONS: [&str; 25] = [
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "exp2", "exp10", "expm1",
    "log", "log2", "log10", "log1p", "pow", "cbrt", "hypot", "fdim", "tgamma", "erf", "erfc",
];

/// The prefix of the functions that `geobacter_lang` defines.
pub const PREFIX: &str = "__gb_math_";

/// Rewrites the mathematical calls of one function.
pub fn rewrite(program: &Ir<'_>, function: Value) {
    for call in function.instructions() {
        if !call.is_call() {
            continue;
        }
        let replacement = if call.callee().is_inline_asm() {
            square_root_instruction(program, call)
        } else if call.callee().is_function() {
            let name = call.callee().name();
            library_function(&name)
                .map(|name| program.declare(&name, call.callee().value_type()))
                .or_else(|| host_instruction(program, &name, call))
        } else {
            None
        };
        if let Some(callee) = replacement {
            let new = Builder::before(program.context(), call).call(callee, &call.arguments());
            new.set_debug_location_of(call);
            call.replace_all_uses_with(new);
            call.erase();
        }
    }
}

/// The function of `geobacter_lang` that stands for this one.
fn library_function(name: &str) -> Option<String> {
    let function = if let Some(intrinsic) = name.strip_prefix("llvm.") {
        let (intrinsic, ty) = intrinsic.split_once('.')?;
        let suffix = match ty.split('.').next()? {
            "f32" => "f",
            "f64" => "",
            _ => return None,
        };
        match intrinsic {
            "powi" | "pow" => format!("{intrinsic}{suffix}"),
            _ if INTRINSICS.contains(&intrinsic) => format!("{intrinsic}{suffix}"),
            _ => return None,
        }
    } else {
        let base = name.strip_suffix('f').filter(|base| FUNCTIONS.contains(base)).unwrap_or(name);
        FUNCTIONS.contains(&base).then(|| name.to_owned())?
    };
    Some(format!("{PREFIX}{function}"))
}

/// The `libm` crate's `sqrt` and `fma`, which detect and use the host's instructions.
fn host_instruction(program: &Ir<'_>, symbol: &str, call: Value) -> Option<Value> {
    if !symbol.contains("libm") {
        return None;
    }
    let path = names::path(symbol);
    let function = path.strip_prefix("libm::math::")?.rsplit("::").next()?;
    let intrinsic = match function {
        "sqrt" | "sqrtf" => "llvm.sqrt",
        "fma" | "fmaf" => "llvm.fma",
        _ => return None,
    };
    let arguments = call.arguments();
    let ty = arguments.first()?.ty();
    let scalar = matches!(ty.kind(), LLVMTypeKind::LLVMDoubleTypeKind | LLVMTypeKind::LLVMFloatTypeKind);
    let uniform = arguments.iter().all(|argument| argument.ty() == ty) && call.ty() == ty;
    (scalar && uniform).then(|| program.intrinsic(intrinsic, &[ty]))
}

/// `sqrtsd` and `sqrtss`, where the `libm` crate's function was inlined before its bitcode was written.
fn square_root_instruction(program: &Ir<'_>, call: Value) -> Option<Value> {
    let text = inline_assembly_text(call);
    let mnemonic = text.split_whitespace().next()?;
    let [argument] = call.arguments()[..] else { return None };
    let kind = argument.ty().kind();
    let matches = (mnemonic == "sqrtsd" && kind == LLVMTypeKind::LLVMDoubleTypeKind)
        || (mnemonic == "sqrtss" && kind == LLVMTypeKind::LLVMFloatTypeKind);
    (matches && call.ty() == argument.ty()).then(|| program.intrinsic("llvm.sqrt", &[argument.ty()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_the_host_library_are_sent_to_the_device_library() {
        for (name, expected) in [
            ("llvm.sin.f64", Some("__gb_math_sin")),
            ("llvm.sin.f32", Some("__gb_math_sinf")),
            ("llvm.pow.f32", Some("__gb_math_powf")),
            ("llvm.powi.f64.i32", Some("__gb_math_powi")),
            ("tan", Some("__gb_math_tan")),
            ("atan2f", Some("__gb_math_atan2f")),
            ("erf", Some("__gb_math_erf")),
            ("erff", Some("__gb_math_erff")),
            ("llvm.sqrt.f64", None),
            ("llvm.fma.f32", None),
            ("llvm.floor.f64", None),
            ("getpid", None),
        ] {
            assert_eq!(library_function(name).as_deref(), expected, "{name}");
        }
    }
}
