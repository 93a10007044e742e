//! The remainder of floating-point numbers, exactly.
//!
//! LLVM's back end makes a quotient, rounds it, and subtracts: right for small quotients only. Rust's `%` is C's `fmod`, which has
//! no rounding at all. So each such instruction becomes a call of a function that is exact.

use llvm_sys::{LLVMOpcode, LLVMTypeKind};

use crate::{
    error::Error,
    ir::Builder,
    targets::{
        KernelLowering,
        gpu::{Gpu, definitions},
    },
};

const DEFINITIONS: &str = include_str!("remainder.ll");
const FLOAT: &str = "__gb_remainder_float";
const DOUBLE: &str = "__gb_remainder_double";

/// Replaces all of them in the module.
///
/// # Errors
/// There is one of a type that Rust has no stable `%` for.
pub fn run(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let context = module.context();
    let instructions = module.functions().flat_map(|function| function.instructions());
    let remainders: Vec<_> = instructions.filter(|instruction| instruction.opcode() == LLVMOpcode::LLVMFRem).collect();
    if remainders.is_empty() {
        return Ok(());
    }
    definitions::add(lowering, gpu, "defining the remainder", DEFINITIONS, |name| [FLOAT, DOUBLE].contains(&name))?;
    for remainder in remainders {
        let builder = Builder::before(context, remainder);
        let (ty, operands) = (remainder.ty(), [remainder.operand(0), remainder.operand(1)]);
        let call =
            |name: &str, operands: &[_]| builder.call(module.function(name).expect("was just defined"), operands);
        let result = match ty.kind() {
            LLVMTypeKind::LLVMFloatTypeKind => call(FLOAT, &operands),
            LLVMTypeKind::LLVMDoubleTypeKind => call(DOUBLE, &operands),
            // Half precision: the operands are exact in the wider type, and so is the result in the narrower one.
            LLVMTypeKind::LLVMHalfTypeKind | LLVMTypeKind::LLVMBFloatTypeKind => {
                let wide = operands.map(|operand| builder.resize_float(operand, context.float()));
                builder.resize_float(call(FLOAT, &wide), ty)
            }
            _ => {
                return Err(Error::Unsupported {
                    kernel: lowering.descriptor.name.clone(),
                    target: gpu.name.to_owned(),
                    reason: "it takes the remainder of vectors or of `f128`".to_owned(),
                });
            }
        };
        remainder.replace_all_uses_with(result);
        remainder.erase();
    }
    Ok(())
}
