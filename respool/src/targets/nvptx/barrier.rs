//! The barrier of a work-group on NVIDIA GPUs: `bar.sync`, which also orders the memory accesses of those who take part
//! (*PTX ISA*, "Parallel Synchronization and Communication Instructions: bar").

use crate::{
    error::Error,
    passes::group_scope::BARRIER,
    targets::{
        KernelLowering,
        gpu::{Gpu, definitions},
    },
};

const DEFINITION: &str = "
define void @__gb_barrier() alwaysinline convergent nounwind {
  call void @llvm.nvvm.barrier.cta.sync.aligned.all(i32 0)
  ret void
}
declare void @llvm.nvvm.barrier.cta.sync.aligned.all(i32)
";

/// Defines the barrier, if the module has one left.
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    if lowering.module.function(BARRIER).is_none() {
        return Ok(());
    }
    definitions::add(lowering, gpu, "defining the barrier", DEFINITION, |name| name == BARRIER)
}
