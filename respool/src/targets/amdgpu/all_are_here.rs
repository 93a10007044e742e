//! How a group finds out on AMD GPUs that an item is missing at a barrier.
//!
//! What an item that panicked says of itself may come too late: LLVM lays the code of a panic out behind all other code, so a
//! lane that panics stands still until the other lanes of its wave are done, barriers included, and then `s_endpgm` ends the
//! wave. So a wave counts its lanes when it gets to the barrier, and says so if some are missing; a wave of which no lane is
//! left runs the code of the panic at once, which says so, too; and a wave that has ended is not counted. (Who leaves then goes
//! to the kernel's end and not to an `s_endpgm`: that would end the lanes that stand still, before they have filled the fault
//! record.)

use crate::{
    passes::group_scope::{BARRIER, ITEM_PANICKED},
    targets::gpu::{
        Gpu,
        barrier_of_all::{ALL_ARE_HERE, ANY_PANICKED, item_ids},
    },
};

/// The definition of [`ALL_ARE_HERE`].
pub fn definition(workgroup: [u32; 3], gpu: Gpu<'_>) -> String {
    let wave_size = gpu.wave_size;
    let items: u32 = workgroup.iter().product();
    let [width, height, _] = workgroup;
    // Items fill waves in the order of their number in the group.
    let lanes = if items <= wave_size {
        format!("  %lanes = add i32 0, {items}")
    } else if items.is_multiple_of(wave_size) {
        format!("  %lanes = add i32 0, {wave_size}")
    } else {
        let lane = if wave_size == 64 { "call i32 @llvm.amdgcn.mbcnt.hi(i32 -1, i32 %low)" } else { "add i32 %low, 0" };
        format!(
            "{ids}
  %plane = mul i32 %z, {height}
  %row = add i32 %plane, %y
  %before = mul i32 %row, {width}
  %item = add i32 %before, %x
  %low = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)
  %lane = {lane}
  %first = sub i32 %item, %lane
  %left = sub i32 {items}, %first
  %lanes = call i32 @llvm.umin.i32(i32 %left, i32 {wave_size})",
            ids = item_ids(workgroup, gpu),
        )
    };
    format!(
        r#"
define i1 @{ALL_ARE_HERE}() alwaysinline convergent nounwind {{
{lanes}
  %here = call i64 @llvm.amdgcn.ballot.i64(i1 true)
  %count = call i64 @llvm.ctpop.i64(i64 %here)
  %expected = zext i32 %lanes to i64
  %complete = icmp eq i64 %count, %expected
  br i1 %complete, label %wait, label %tell
tell:
  call void @{ITEM_PANICKED}()
  br label %wait
wait:
  call void @{BARRIER}()
  %any = call i1 @{ANY_PANICKED}()
  %all = xor i1 %any, true
  ret i1 %all
}}

declare i32 @llvm.amdgcn.mbcnt.lo(i32, i32)
declare i32 @llvm.amdgcn.mbcnt.hi(i32, i32)
declare i64 @llvm.amdgcn.ballot.i64(i1)
declare i64 @llvm.ctpop.i64(i64)
declare i32 @llvm.umin.i32(i32, i32)
"#
    )
}
