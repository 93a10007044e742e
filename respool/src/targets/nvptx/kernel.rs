//! The kernel function: a PTX entry.
//!
//! Its first parameter is the explicit part of the kernarg segment, by value. A kernel that panics or prints has a second one,
//! the address of the launch's hidden block: see [`super::hidden`].

use geobacter_spool::descriptor::KERNARG_ALIGN;
use llvm_sys::LLVMCallConv;

use super::hidden;
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
    let (module, descriptor) = (lowering.module, lowering.descriptor);
    let context = module.context();
    let mut parameters = vec![context.pointer(GENERIC)];
    if hidden::is_asked_for(module) {
        parameters.push(context.pointer(gpu.dialect.spaces.global));
    }
    let kernel = module.declare(lowering.export, context.function(context.void(), &parameters));
    kernel.set_call_convention(LLVMCallConv::LLVMPTXKernelCallConv);
    let arguments = context.bytes(descriptor.explicit_kernarg_size().into());
    for attribute in [
        context.attribute("noalias", 0),
        context.attribute("readonly", 0),
        context.attribute("align", KERNARG_ALIGN.into()),
        context.type_attribute("byval", arguments),
    ] {
        kernel.add_attribute(1, attribute);
    }
    let [x, y, z] = descriptor.workgroup;
    kernel.add_function_attribute(context.string_attribute("nvvm.reqntid", &format!("{x},{y},{z}")));
    for name in ["nounwind", "convergent"] {
        kernel.add_function_attribute(context.attribute(name, 0));
    }
    let builder = Builder::at_end(context, kernel.append_block(context, ""));
    let arguments = specialised::arguments(lowering, gpu, &builder, kernel.params()[0])?;
    let call = builder.call(lowering.entry, &[arguments]);
    builder.return_void();
    kernel.set_source(module, call, &descriptor.name, &descriptor.file, descriptor.line, descriptor.column);
    Ok(kernel)
}
