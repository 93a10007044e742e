//! The kernel function: what the command processor starts.
//!
//! Its one argument is the explicit part of the kernarg segment, `byref` in the constant address space: that is what makes
//! LLVM load arguments with `s_load`, and data through pointers in them with `global_`.
//! Code for certain values of specialisation constants reads those from a copy, where they are constants.

use geobacter_spool::descriptor::{KERNARG_ALIGN, ParamKind};
use llvm_sys::{LLVMCallConv, LLVMVisibility};

use super::address_space::{CONSTANT, GENERIC, PRIVATE};
use crate::{
    error::Error,
    ir::{Builder, Value},
    targets::KernelLowering,
};

/// Adds the kernel function, which calls the entry function.
///
/// # Errors
/// The bytes of the specialisation constants are not those that the descriptor tells of.
pub fn add(lowering: &KernelLowering<'_, '_>, target: &str) -> Result<Value, Error> {
    let module = lowering.module;
    let context = module.context();
    let descriptor = lowering.descriptor;
    let kernel = module.declare(lowering.export, context.function(context.void(), &[context.pointer(CONSTANT)]));
    kernel.set_call_convention(LLVMCallConv::LLVMAMDGPUKERNELCallConv);
    kernel.set_visibility(LLVMVisibility::LLVMProtectedVisibility);
    let arguments = context.bytes(descriptor.explicit_kernarg_size().into());
    for attribute in [
        context.attribute("noalias", 0),
        context.attribute("readonly", 0),
        context.attribute("align", KERNARG_ALIGN.into()),
        context.type_attribute("byref", arguments),
    ] {
        kernel.add_attribute(1, attribute);
    }
    let items = descriptor.workgroup_items();
    for (name, value) in
        [("amdgpu-flat-work-group-size", format!("{items},{items}")), ("uniform-work-group-size", "true".into())]
    {
        kernel.add_function_attribute(context.string_attribute(name, &value));
    }
    for name in ["nounwind", "convergent"] {
        kernel.add_function_attribute(context.attribute(name, 0));
    }
    let builder = Builder::at_end(context, kernel.append_block(context, ""));
    let arguments = specialised(lowering, target, &builder, kernel.params()[0])?;
    let generic = builder.address_space_cast(arguments, context.pointer(GENERIC));
    let call = builder.call(lowering.entry, &[generic]);
    builder.return_void();
    kernel.set_source(module, call, &descriptor.name, &descriptor.file, descriptor.line, descriptor.column);
    module.add_module_flag("amdhsa_code_object_version", 500);
    kernel.set_integer_metadata(context, "reqd_work_group_size", &descriptor.workgroup);
    Ok(kernel)
}

/// The arguments with the specialisation constants for which the code is made: a copy, in which they are written over. Inlined into
/// the entry function, which copies the arguments too, nothing of either copy is left, and what is read of a constant is its value.
/// So it does not matter how the entry function reads its arguments.
fn specialised(
    lowering: &KernelLowering<'_, '_>,
    target: &str,
    builder: &Builder<'_>,
    arguments: Value,
) -> Result<Value, Error> {
    let (context, descriptor) = (lowering.module.context(), lowering.descriptor);
    let mut constants = lowering.constants;
    if constants.is_empty() {
        return Ok(arguments);
    }
    let wrong = |reason: String| Error::Unsupported {
        kernel: descriptor.name.clone(),
        target: target.to_owned(),
        reason: format!("{reason}; is cargo-geobacter of another version than the program's `geobacter`?"),
    };
    let (size, i64) = (descriptor.explicit_kernarg_size(), context.int(64));
    let copy = builder.alloca(context.bytes(size.into()), context.int(32).integer(1));
    copy.set_alignment(KERNARG_ALIGN);
    let overloads = [context.pointer(PRIVATE), context.pointer(CONSTANT), i64];
    let memcpy = lowering.module.intrinsic("llvm.memcpy", &overloads);
    builder.call(memcpy, &[copy, arguments, i64.integer(size.into()), context.int(1).zero()]);
    for (offset, param) in descriptor.arguments().filter(|(_, param)| param.kind == ParamKind::Spec) {
        let bytes = constants.split_off(..param.size as usize);
        let bytes = bytes.ok_or_else(|| wrong(format!("there is no value for the constant `{}`", param.name)))?;
        // In pieces of a size that an integer has.
        let mut rest = bytes;
        while let Some(piece) = [8, 4, 2, 1].iter().find_map(|&length| rest.split_off(..length)) {
            let at = u64::from(offset) + (bytes.len() - rest.len() - piece.len()) as u64;
            let value = piece.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            let value = context.int(8 * piece.len() as u32).integer(value);
            builder.store(value, builder.byte_offset(context, copy, at), 1);
        }
    }
    if !constants.is_empty() {
        return Err(wrong(format!("there are {} bytes beyond its specialisation constants", constants.len())));
    }
    Ok(copy)
}
