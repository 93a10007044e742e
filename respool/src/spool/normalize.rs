//! Brings freshly linked code into the form that the check and every target expect.
//!
//! After it: mathematical functions are the device language's (see [`math`](super::math)); no unwinding (`invoke` is `call`,
//! landing pads are gone); a panic is a call of one of the functions that [`panics`](super::panics) names; the address of a
//! function is never taken (an indirect call has no callee that a device could reach, and the check refuses it), and where
//! one that formats a value stood is a number (see [`formatters`](super::formatters)); `black_box` is the identity.

use crate::{
    error::Error,
    ir::{Ir, Value, constant_with_elements},
};

use super::{formatters, math, panics};

pub fn normalize(program: &Ir<'_>) -> Result<(), Error> {
    let failed = |reason| Error::Bitcode { what: "removing unwinding".into(), reason };
    program.run_passes("function(lower-invoke,unreachableblockelim)", std::ptr::null_mut()).map_err(failed)?;
    for function in program.functions().filter(|function| !function.is_declaration()) {
        function.clear_personality();
        for instruction in function.instructions() {
            forget_function_addresses(instruction);
        }
        panics::rewrite(program, function);
        math::rewrite(program, function);
        remove_optimisation_barriers(function);
    }
    for global in program.globals() {
        if let Some(initializer) = global.initializer()
            && let Some(without) = without_functions(initializer)
        {
            global.set_initializer(without);
        }
    }
    program.run_passes("globaldce,strip-dead-prototypes", std::ptr::null_mut()).map_err(failed)
}

fn forget_function_addresses(instruction: Value) {
    let callee = instruction.is_call().then(|| instruction.callee());
    let operands = instruction.operands();
    let arguments = if callee.is_some() { instruction.arguments().len() } else { operands.len() };
    for (index, operand) in operands.into_iter().take(arguments).enumerate() {
        if operand.is_function() {
            instruction.set_operand(index as u32, in_place_of(operand));
        }
    }
}

/// What stands where the address of a function stood.
fn in_place_of(function: Value) -> Value {
    let address = function.ty();
    match formatters::formatter(&function.name()) {
        Some(formatter) => address.pointer_at(formatter.number().into()),
        None => address.zero(),
    }
}

/// The constant without the addresses of functions in it; `None` if there is none.
fn without_functions(constant: Value) -> Option<Value> {
    use llvm_sys::LLVMValueKind::{LLVMConstantArrayValueKind, LLVMConstantStructValueKind, LLVMFunctionValueKind};
    match constant.kind() {
        LLVMFunctionValueKind => Some(in_place_of(constant)),
        LLVMConstantArrayValueKind | LLVMConstantStructValueKind => {
            let elements = constant.operands();
            let replaced: Vec<_> = elements.iter().map(|&element| without_functions(element)).collect();
            replaced.iter().any(Option::is_some).then(|| {
                let elements: Vec<_> =
                    replaced.into_iter().zip(elements).map(|(new, old)| new.unwrap_or(old)).collect();
                constant_with_elements(constant, &elements)
            })
        }
        _ => None,
    }
}

/// `core::hint::black_box` is inline assembly without instructions, whose only effect is on the host's optimiser.
fn remove_optimisation_barriers(function: Value) {
    for instruction in function.instructions() {
        if instruction.is_call()
            && instruction.callee().is_inline_asm()
            && inline_assembly_text(instruction).is_empty()
            && !instruction.has_uses()
        {
            instruction.erase();
        }
    }
}

/// The text of the inline assembly that a call holds.
pub fn inline_assembly_text(call: Value) -> String {
    // `asm sideeffect "TEXT", "CONSTRAINTS"`: the text is the first quoted part.
    let printed = call.callee().print();
    printed.split('"').nth(1).unwrap_or_default().to_owned()
}
