//! The barrier of a work-group on AMD GPUs, as the memory model of LLVM's *User Guide for AMDGPU Backend* has it: a fence that
//! releases, the barrier instruction, a fence that acquires, at the scope of the work-group.

use llvm_sys::LLVMLinkage;

use super::KernelLowering;
use crate::{error::Error, ir::Ir, passes::group_scope::BARRIER};

const DEFINITION: &str = r#"
define void @__gb_barrier() alwaysinline convergent nounwind {
  fence syncscope("workgroup") release
  call void @llvm.amdgcn.s.barrier()
  fence syncscope("workgroup") acquire
  ret void
}
declare void @llvm.amdgcn.s.barrier()
"#;

/// Defines the barrier, if the module has one left.
pub fn lower(lowering: &KernelLowering<'_, '_>, target: &str) -> Result<(), Error> {
    let module = lowering.module;
    if module.function(BARRIER).is_none() {
        return Ok(());
    }
    let invalid = |reason| Error::Invalid {
        kernel: lowering.export.to_owned(),
        target: target.to_owned(),
        stage: "defining the barrier",
        reason,
    };
    let definition = Ir::parse_text(module.context(), DEFINITION).map_err(invalid)?;
    definition.set_target_of(module);
    module.link(definition).map_err(invalid)?;
    if let Some(function) = module.function(BARRIER) {
        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
    }
    Ok(())
}
