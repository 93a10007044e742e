//! `fp(fast)`: mathematical functions of `f32` become the approximations that a GPU has instructions for.
//!
//! A call of one of the device language's functions (`__gb_math_sinf`) that may be approximate becomes LLVM's intrinsic
//! ([`choose`]). LLVM knows what those mean: it computes them for constants, and makes a multiplication of `x.powf(2.0)`. For that
//! to see constant exponents, everything is inlined and simplified before the rest becomes what the target has
//! ([`lower`]). After it LLVM's pipeline is as free as with any other instruction.
//!
//! Which calls may be approximate was decided by the spool step ([`floating_point`]). How far results may be off stands in
//! `docs/LANGUAGE.md`.

use llvm_sys::LLVMLinkage;

use crate::{
    ir::{Builder, Ir, Value},
    spool::{floating_point, math},
};

/// A target's intrinsics for approximations of `f32` functions: LLVM's names, with their types.
pub struct Approximations {
    /// Sine of an angle in radians.
    pub sin: &'static str,
    /// Cosine of an angle in radians.
    pub cos: &'static str,
    /// Power of two.
    pub exp2: &'static str,
    /// Logarithm to base two.
    pub log2: &'static str,
    /// Hyperbolic tangent, which few have.
    pub tanh: Option<&'static str>,
}

/// The functions that have an approximation on every target, and `tanh`. With `llvm.` before the name, LLVM's intrinsic; with an `f`
/// behind it, C's function.
const FUNCTIONS: [&str; 10] = ["sin", "cos", "exp", "exp2", "exp10", "log", "log2", "log10", "pow", "tanh"];

/// What LLVM makes of `pow` where the exponent is a whole number.
const POWI: &str = "llvm.powi.f32.i32";

/// What [`lower`] puts in place of the intrinsics that no target has.
const DEFINITIONS: &str = include_str!("approximations.ll");
const DEFINED: &str = "__gb_fast_";

impl Approximations {
    /// The function that stands for LLVM's intrinsic of this name.
    fn of(&self, function: &str) -> Option<String> {
        Some(match function {
            "sin" => self.sin.to_owned(),
            "cos" => self.cos.to_owned(),
            "exp2" => self.exp2.to_owned(),
            "log2" => self.log2.to_owned(),
            "tanh" => self.tanh?.to_owned(),
            _ => format!("{DEFINED}{function}"),
        })
    }
}

/// Makes LLVM's intrinsics of the calls that may be approximate, and says whether there are any.
pub fn choose(module: &Ir<'_>, target: &Approximations) -> bool {
    let mut chosen = false;
    for name in FUNCTIONS.into_iter().filter(|name| target.of(name).is_some()) {
        let Some(function) = module.function(&format!("{}{name}f", math::PREFIX)) else { continue };
        let calls = function.users().into_iter().filter(|user| user.is_call() && user.callee() == function);
        for call in calls.filter(|&call| floating_point::may_be_approximate(call)) {
            let intrinsic = module.intrinsic(&format!("llvm.{name}"), &[call.ty()]);
            replace(module, call, intrinsic);
            chosen = true;
        }
    }
    chosen
}

/// Makes the target's approximations of LLVM's intrinsics. Everything is inlined and simplified by then.
///
/// # Errors
/// LLVM's, if the definitions do not fit the module.
pub fn lower(module: &Ir<'_>, target: &Approximations) -> Result<(), String> {
    for name in FUNCTIONS {
        let intrinsic = format!("llvm.{name}.f32");
        if let (Some(function), Some(approximation)) = (module.function(&intrinsic), target.of(name))
            && approximation != intrinsic
        {
            let approximation = module.declare(&approximation, function.value_type());
            function.users().into_iter().for_each(|call| replace(module, call, approximation));
        }
    }
    if let Some(function) = module.function(POWI) {
        // A constant exponent is a few multiplications, which LLVM writes itself.
        for call in function.users().into_iter().filter(|call| !call.arguments()[1].is_constant()) {
            let approximation = module.declare(&format!("{DEFINED}powi"), function.value_type());
            replace(module, call, approximation);
        }
    }
    let flags = "reassoc nsz arcp contract afn";
    let text = DEFINITIONS.replace("FAST", flags).replace("EXP2", target.exp2).replace("LOG2", target.log2);
    let definitions = Ir::parse_text(module.context(), &text)?;
    definitions.set_target_of(module);
    module.link(definitions)?;
    for function in module.functions().filter(|function| function.name().starts_with(DEFINED)) {
        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
    }
    Ok(())
}

/// Calls another function with the same arguments, and with the same freedom.
fn replace(module: &Ir<'_>, call: Value, callee: Value) {
    let new = Builder::before(module.context(), call).call(callee, &call.arguments());
    new.set_fast_math_flags(call.fast_math_flags());
    call.replace_all_uses_with(new);
    call.erase();
}
