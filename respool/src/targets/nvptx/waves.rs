//! How a word moves between the lanes of a wave (which NVIDIA calls a warp) on NVIDIA GPUs, after NVIDIA's *PTX ISA*: `shfl.sync`
//! and `vote.sync`.
//!
//! They wait for the lanes that their mask names, but not for those that have ended, or never were: so the mask is always that of
//! all. What is read from a lane that has ended is undefined, and may differ between those who read it. So where one value is
//! for all lanes, and the kernel can panic, it is read from a lane that is here.

use crate::{
    error::Error,
    ir::Value,
    passes::group_scope::{WAVE_BALLOT, WAVE_UNIFORM},
    targets::{
        KernelLowering,
        gpu::{
            Gpu,
            waves::{self, WORD_READ, WORD_READ_FIRST, WORD_SHUFFLE, WORD_SHUFFLE_XOR, Words},
        },
    },
};

/// Gives the operations of waves their meaning.
pub fn lower(lowering: &KernelLowering<'_, '_>, kernel: Value, gpu: Gpu<'_>) -> Result<(), Error> {
    // Everything is inlined, and what cannot happen is gone.
    let can_panic = lowering.module.function(gpu.dialect.end_item).is_some_and(Value::has_uses);
    waves::lower(lowering, kernel, gpu, &Nvidia { can_panic })
}

struct Nvidia {
    /// Whether lanes may end before the others.
    can_panic: bool,
}

impl Words for Nvidia {
    fn definitions(&self) -> String {
        let (first, lane) = if self.can_panic {
            (
                "  %here = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 true)
  %first = call i32 @llvm.cttz.i32(i32 %here, i1 true)",
                "  %bit = shl i32 1, %lane
  %its = and i32 %here, %bit
  %gone = icmp eq i32 %its, 0
  %from = select i1 %gone, i32 %first, i32 %lane",
            )
        } else {
            ("  %first = add i32 0, 0", "  %from = add i32 %lane, 0")
        };
        format!(
            r#"
define i32 @{WAVE_UNIFORM}(i32 %value) alwaysinline convergent nounwind {{
  ret i32 %value
}}

define i64 @{WAVE_BALLOT}(i1 %condition) alwaysinline convergent nounwind {{
  %bits = call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 %condition)
  %wide = zext i32 %bits to i64
  ret i64 %wide
}}

define i32 @{WORD_READ_FIRST}(i32 %value) alwaysinline convergent nounwind {{
{first}
  %read = call i32 @{WORD_SHUFFLE}(i32 %value, i32 %first)
  ret i32 %read
}}

define i32 @{WORD_READ}(i32 %value, i32 %lane) alwaysinline convergent nounwind {{
{first}
{lane}
  %read = call i32 @{WORD_SHUFFLE}(i32 %value, i32 %from)
  ret i32 %read
}}

define i32 @{WORD_SHUFFLE}(i32 %value, i32 %lane) alwaysinline convergent nounwind {{
  %read = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %value, i32 %lane, i32 31)
  ret i32 %read
}}

define i32 @{WORD_SHUFFLE_XOR}(i32 %value, i32 %mask) alwaysinline convergent nounwind {{
  %read = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %value, i32 %mask, i32 31)
  ret i32 %read
}}

declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)
declare i32 @llvm.nvvm.shfl.sync.idx.i32(i32, i32, i32, i32)
declare i32 @llvm.nvvm.shfl.sync.bfly.i32(i32, i32, i32, i32)
declare i32 @llvm.cttz.i32(i32, i1 immarg)
"#
        )
    }

    /// A mask is an operand like any other.
    fn constant_xor(&self, _name: &str, _mask: u64) -> Option<String> {
        None
    }
}
