//! The device language's intrinsics on GPUs.

use llvm_sys::LLVMLinkage;

use super::{AXES, GENERIC, Gpu, KernelLowering, atomics, hidden};
use crate::{
    error::Error,
    ir::{Builder, Value},
    passes::group_scope,
    spool::DESCRIPTOR_INTRINSIC,
};

/// Gives every intrinsic that the module declares a body.
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let context = module.context();
    for function in module.functions().filter(|function| function.is_declaration()) {
        let name = function.name();
        let Some(intrinsic) = name.strip_prefix("__gb_") else { continue };
        if group_scope::is_intrinsic(&name) || atomics::is_intrinsic(&name) || hidden::is_intrinsic(&name) {
            continue;
        }
        let block = function.append_block(context, "");
        let builder = Builder::at_end(context, block);
        let (what, axis) = intrinsic.rsplit_once('_').unwrap_or((intrinsic, ""));
        match (what, AXES.iter().position(|&a| a == axis)) {
            ("item_begin", Some(axis)) => {
                let id = item_id(lowering, gpu, &builder, axis);
                builder.return_value(id);
            }
            ("item_end", Some(axis)) => {
                let id = item_id(lowering, gpu, &builder, axis);
                builder.return_value(builder.add_no_wrap(id, context.int(32).integer(1)));
            }
            ("group_id", Some(axis)) => {
                let id = if axis < lowering.descriptor.dimensions as usize {
                    builder.call(module.intrinsic(gpu.dialect.group_id[axis], &[]), &[])
                } else {
                    context.int(32).integer(0)
                };
                builder.return_value(id);
            }
            // A call runs one item, whose values live in registers.
            ("private", None) => builder.return_value(context.pointer(GENERIC).zero()),
            ("release", None) => builder.return_void(),
            _ if name == DESCRIPTOR_INTRINSIC => builder.return_void(),
            _ if intrinsic == "wave_size" => {
                builder.return_value(context.int(32).integer(gpu.wave_size.into()));
            }
            _ if intrinsic == "platform" => builder.return_value(context.int(32).integer(gpu.dialect.platform)),
            // Checked mode is the host's. What asks for it folds away, and with it what it would note.
            _ if intrinsic == "checked" => builder.return_value(context.int(1).integer(0)),
            _ if intrinsic == "check_access" => builder.return_void(),
            _ => {
                return Err(unknown(lowering, gpu, &name));
            }
        }
        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
        function.add_function_attribute(context.attribute("alwaysinline", 0));
    }
    atomics::lower(lowering, gpu)
}

/// The program asks for what this version does not know.
pub fn unknown(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>, name: &str) -> Error {
    Error::Unsupported {
        kernel: lowering.descriptor.name.clone(),
        target: gpu.name.to_owned(),
        reason: format!("the intrinsic `{name}` is unknown; is cargo-geobacter older than the program's `geobacter`?"),
    }
}

/// This work-item's id in its group, with its range.
pub fn item_id(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>, builder: &Builder<'_>, axis: usize) -> Value {
    let context = lowering.module.context();
    let size = lowering.descriptor.workgroup[axis];
    if size == 1 {
        return context.int(32).integer(0);
    }
    let id = builder.call(lowering.module.intrinsic(gpu.dialect.item_id[axis], &[]), &[]);
    id.add_call_attribute(0, context.range_attribute(32, 0, size.into()));
    id
}
