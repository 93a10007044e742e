//! The barrier of a work-group on AMD GPUs, as the memory model of LLVM's *User Guide for AMDGPU Backend* has it: a fence that
//! releases, the barrier instruction, a fence that acquires, at the scope of the work-group.

use crate::{
    error::Error,
    passes::group_scope::BARRIER,
    targets::{
        KernelLowering,
        gpu::{Gpu, definitions},
    },
};

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
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    if lowering.module.function(BARRIER).is_none() {
        return Ok(());
    }
    definitions::add(lowering, gpu, "defining the barrier", DEFINITION, |name| name == BARRIER)
}
