//! The kernel function: what the command processor starts.
//!
//! Its one argument is the explicit part of the kernarg segment, `byref` in the constant address space: that is what makes
//! LLVM load arguments with `s_load`, and data through pointers in them with `global_`.

use geobacter_spool::descriptor::KERNARG_ALIGN;
use llvm_sys::{LLVMCallConv, LLVMVisibility};

use crate::{
    error::Error,
    ir::{Builder, Value},
    targets::{
        KernelLowering,
        gpu::{GENERIC, Gpu, specialised},
    },
};

/// Adds the kernel function, which calls the entry function.
///
/// # Errors
/// The bytes of the specialisation constants are not those that the descriptor tells of.
pub fn add(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<Value, Error> {
    let module = lowering.module;
    let context = module.context();
    let descriptor = lowering.descriptor;
    let kernel = module
        .declare(lowering.export, context.function(context.void(), &[context.pointer(gpu.dialect.spaces.constant)]));
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
    let arguments = specialised::arguments(lowering, gpu, &builder, kernel.params()[0])?;
    let generic = builder.address_space_cast(arguments, context.pointer(GENERIC));
    let call = builder.call(lowering.entry, &[generic]);
    builder.return_void();
    kernel.set_source(module, call, &descriptor.name, &descriptor.file, descriptor.line, descriptor.column);
    module.add_module_flag("amdhsa_code_object_version", 500);
    kernel.set_integer_metadata(context, "reqd_work_group_size", &descriptor.workgroup);
    Ok(kernel)
}
