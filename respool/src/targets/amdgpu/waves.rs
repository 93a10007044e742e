//! How a word moves between the lanes of a wave on AMD GPUs, after LLVM's *User Guide for AMDGPU Backend* and AMD's ISA guides.

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
pub fn lower(lowering: &KernelLowering<'_, '_>, kernel: Value, gpu: Gpu<'_>, has_row_xmask: bool) -> Result<(), Error> {
    waves::lower(lowering, kernel, gpu, &Amd { wave_size: gpu.wave_size, has_row_xmask })
}

struct Amd {
    wave_size: u32,
    /// Whether data-parallel primitives exchange lanes of a row by a mask: from GFX10 on.
    has_row_xmask: bool,
}

impl Words for Amd {
    fn definitions(&self) -> String {
        let lane =
            if self.wave_size == 64 { "call i32 @llvm.amdgcn.mbcnt.hi(i32 -1, i32 %low)" } else { "add i32 %low, 0" };
        format!(
            r#"
define i32 @{WAVE_UNIFORM}(i32 %value) alwaysinline convergent nounwind {{
  %first = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %value)
  ret i32 %first
}}

define i64 @{WAVE_BALLOT}(i1 %condition) alwaysinline convergent nounwind {{
  %bits = call i64 @llvm.amdgcn.ballot.i64(i1 %condition)
  ret i64 %bits
}}

define i32 @{WORD_READ_FIRST}(i32 %value) alwaysinline convergent nounwind {{
  %first = call i32 @llvm.amdgcn.readfirstlane.i32(i32 %value)
  ret i32 %first
}}

define i32 @{WORD_READ}(i32 %value, i32 %lane) alwaysinline convergent nounwind {{
  %read = call i32 @llvm.amdgcn.readlane.i32(i32 %value, i32 %lane)
  ret i32 %read
}}

define i32 @{WORD_SHUFFLE}(i32 %value, i32 %lane) alwaysinline convergent nounwind {{
  %address = shl i32 %lane, 2
  %read = call i32 @llvm.amdgcn.ds.bpermute(i32 %address, i32 %value)
  ret i32 %read
}}

define i32 @{WORD_SHUFFLE_XOR}(i32 %value, i32 %mask) alwaysinline convergent nounwind {{
  %low = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)
  %lane = {lane}
  %from = xor i32 %lane, %mask
  %read = call i32 @{WORD_SHUFFLE}(i32 %value, i32 %from)
  ret i32 %read
}}

declare i32 @llvm.amdgcn.readfirstlane.i32(i32)
declare i32 @llvm.amdgcn.readlane.i32(i32, i32)
declare i32 @llvm.amdgcn.ds.bpermute(i32, i32)
declare i32 @llvm.amdgcn.mbcnt.lo(i32, i32)
declare i32 @llvm.amdgcn.mbcnt.hi(i32, i32)
declare i64 @llvm.amdgcn.ballot.i64(i1)
declare i32 @llvm.amdgcn.update.dpp.i32(i32, i32, i32 immarg, i32 immarg, i32 immarg, i1 immarg)
declare i32 @llvm.amdgcn.ds.swizzle(i32, i32 immarg)
declare i32 @llvm.amdgcn.permlanex16.i32(i32, i32, i32, i32, i1 immarg, i1 immarg)
"#
        )
    }

    fn constant_xor(&self, name: &str, mask: u64) -> Option<String> {
        // Data-parallel primitives are part of an instruction of the vector unit; a swizzle goes through the hardware of LDS,
        // though not through its memory.
        let dpp = |control: u64| {
            format!("@llvm.amdgcn.update.dpp.i32(i32 poison, i32 %value, i32 {control}, i32 15, i32 15, i1 true)")
        };
        let move_ = match mask {
            // `quad_perm`: two bits for each lane of a quad, from which it reads.
            1..=3 => dpp((0..4).map(|lane| (lane ^ mask) << (2 * lane)).sum()),
            // `row_ror:8`: in a row of 16, half a turn.
            8 => dpp(0x128),
            4..=15 if self.has_row_xmask => dpp(0x160 | mask),
            // Each row reads from its neighbour, each lane the one at its own place.
            16 if self.has_row_xmask => {
                "@llvm.amdgcn.permlanex16.i32(i32 poison, i32 %value, i32 1985229328, i32 -19088744, i1 false, i1 true)"
                    .to_owned()
            }
            // Bits of the lane's number: and with 31, or with 0, xor with the mask.
            4..=31 => format!("@llvm.amdgcn.ds.swizzle(i32 %value, i32 {})", mask << 10 | 0x1f),
            _ => return None,
        };
        Some(format!(
            "
define i32 @{name}(i32 %value) alwaysinline convergent nounwind {{
  %read = call i32 {move_}
  ret i32 %read
}}
"
        ))
    }
}
