//! The kernel function: what the command processor starts.
//!
//! Its one argument is the explicit part of the kernarg segment, `byref` in the constant address space: that is what makes
//! LLVM load arguments with `s_load`, and data through pointers in them with `global_`.

use geobacter_spool::descriptor::KernelDescriptor;
use llvm_sys::{LLVMCallConv, LLVMVisibility};

use super::address_space::{CONSTANT, GENERIC};
use crate::{
    ir::{Builder, Value},
    targets::KernelLowering,
};

/// Bytes before the arguments: `geobacter_lang`'s kernarg header.
const HEADER: u32 = 16;

/// Alignment of the kernarg segment.
const ALIGNMENT: u32 = 16;

/// Bytes of the explicit part of the kernarg segment: the header, then the parameters laid out as `repr(C)`.
pub fn explicit_kernarg_size(descriptor: &KernelDescriptor) -> u32 {
    let end = descriptor.params.iter().fold(HEADER, |end, param| end.next_multiple_of(param.align.max(1)) + param.size);
    end.next_multiple_of(ALIGNMENT)
}

/// Adds the kernel function, which calls the entry function.
pub fn add(lowering: &KernelLowering<'_, '_>) -> Value {
    let module = lowering.module;
    let context = module.context();
    let descriptor = lowering.descriptor;
    let kernel = module.declare(lowering.export, context.function(context.void(), &[context.pointer(CONSTANT)]));
    kernel.set_call_convention(LLVMCallConv::LLVMAMDGPUKERNELCallConv);
    kernel.set_visibility(LLVMVisibility::LLVMProtectedVisibility);
    let arguments = context.bytes(explicit_kernarg_size(descriptor).into());
    for attribute in [
        context.attribute("noalias", 0),
        context.attribute("readonly", 0),
        context.attribute("align", ALIGNMENT.into()),
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
    let generic = builder.address_space_cast(kernel.params()[0], context.pointer(GENERIC));
    let call = builder.call(lowering.entry, &[generic]);
    builder.return_void();
    kernel.set_source(module, call, &descriptor.name, &descriptor.file, descriptor.line, descriptor.column);
    module.add_module_flag("amdhsa_code_object_version", 500);
    kernel.set_integer_metadata(context, "reqd_work_group_size", &descriptor.workgroup);
    kernel
}
