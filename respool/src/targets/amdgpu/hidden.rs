//! A launch's fault record and output buffer on AMD GPUs: hidden arguments, at fixed places of the implicit kernel arguments of
//! code object version 5.
//!
//! The slots are those that the ABI has for a record from device to host and for a service of the host
//! (`hidden_printf_buffer`, `hidden_hostcall_buffer`). That the kernel is one of Geobacter's, for which they are something else,
//! the host knows by the symbols of the code object.

use std::fmt::Write;

use crate::{
    error::Error,
    targets::{
        KernelLowering,
        gpu::{
            Gpu, definitions,
            hidden::{self, FAULT_RECORD, OUTPUT_BUFFER},
        },
    },
};

/// Offset of `hidden_printf_buffer`.
const PRINTF_BUFFER_OFFSET: u64 = 72;
/// Offset of `hidden_hostcall_buffer`.
const HOSTCALL_BUFFER_OFFSET: u64 = 80;

/// Defines the functions that give them, as far as the module declares them.
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let mut text = String::new();
    for (name, offset) in [(FAULT_RECORD, PRINTF_BUFFER_OFFSET), (OUTPUT_BUFFER, HOSTCALL_BUFFER_OFFSET)] {
        if let Some(function) = module.function(name) {
            // It reads memory, if only memory that nobody writes.
            function.remove_enum_attribute(llvm_sys::LLVMAttributeFunctionIndex, "memory");
            let _ = write!(
                text,
                "
define ptr addrspace(1) @{name}() alwaysinline nounwind {{
  %implicit = call ptr addrspace(4) @llvm.amdgcn.implicitarg.ptr()
  %slot = getelementptr inbounds i8, ptr addrspace(4) %implicit, i64 {offset}
  %address = load ptr addrspace(1), ptr addrspace(4) %slot, align 8
  ret ptr addrspace(1) %address
}}
"
            );
        }
    }
    if text.is_empty() {
        return Ok(());
    }
    if module.function(FAULT_RECORD).is_some() {
        // LLVM describes the hidden argument in the code object's metadata only for modules with this node.
        module.add_named_metadata("llvm.printf.fmts");
    }
    text.push_str("declare ptr addrspace(4) @llvm.amdgcn.implicitarg.ptr()");
    definitions::add(lowering, gpu, "defining the hidden arguments", &text, hidden::is_intrinsic)
}
