//! The barrier that only a complete group passes, on AMD GPUs.
//!
//! An item that has panicked is missing at the barrier, but nobody waits for it: a wave's other lanes go on without it, and a
//! wave that has ended is not counted. What it says of itself may come too late: LLVM lays the code of a panic out behind all
//! other code, so a lane that panics stands still until the other lanes of its wave are done (see [`super::fault`]). So a wave
//! counts its lanes when it gets to the barrier, and notes in a word of LDS if some are missing; a wave of which no lane is left
//! runs the code of the panic at once, which notes it, too. Behind the barrier all look at that word, and who finds something
//! there goes to the kernel's end. (Not `s_endpgm`: that would end the lanes that stand still, before they have filled the fault
//! record.)

use std::fmt::Write;

use llvm_sys::LLVMOpcode;

use super::{KernelLowering, definitions, processor::Processor};
use crate::{
    error::Error,
    ir::{Builder, Value},
    passes::group_scope::{BARRIER_OF_ALL, ITEM_PANICKED},
};

const GROUP_STARTS: &str = "__gb_group_starts";
const ALL_ARE_HERE: &str = "__gb_all_are_here";

/// Gives the barrier of all its meaning, if the kernel has one left.
pub fn lower(lowering: &KernelLowering<'_, '_>, kernel: Value, processor: &Processor) -> Result<(), Error> {
    let (module, target) = (lowering.module, processor.name);
    let Some(barrier) = module.function(BARRIER_OF_ALL) else { return Ok(()) };
    let calls = barrier.users();
    if calls.iter().any(|call| call.function() != kernel) {
        return Err(Error::Unsupported {
            kernel: lowering.descriptor.name.clone(),
            target: target.to_owned(),
            reason: "a recursive function gives its work-group values of a type like `bool`, `char` or an enum, by LDS or by \
                     `once`, and the kernel can panic; use numbers there"
                .to_owned(),
        });
    }
    let text = definition(lowering.descriptor.workgroup, processor.wave_size);
    definitions::add(lowering, target, "defining the barrier of all", &text, |name| {
        [GROUP_STARTS, ALL_ARE_HERE, ITEM_PANICKED].contains(&name)
    })?;
    let (context, defined) = (module.context(), |name| module.function(name).expect("was just defined"));

    let start = kernel.instructions().into_iter().find(|instruction| instruction.opcode() != LLVMOpcode::LLVMAlloca);
    Builder::before(context, start.expect("a kernel has instructions")).call(defined(GROUP_STARTS), &[]);
    let end = kernel.append_block(context, "incomplete");
    Builder::at_end(context, end).return_void();
    for call in calls {
        let all = Builder::before(context, call).call(defined(ALL_ARE_HERE), &[]);
        let (head, rest) = (call.block().split_before(context, call), call.block());
        Builder::at_end(context, head).branch_if(all, rest, end);
        call.erase();
    }
    barrier.delete_function();
    Ok(())
}

/// The functions' text. The word of LDS is changed by atomic operations only, after the group's first item has cleared it.
fn definition(workgroup: [u32; 3], wave_size: u32) -> String {
    let items: u32 = workgroup.iter().product();
    let mut ids = String::new();
    for (axis, size) in ["x", "y", "z"].into_iter().zip(workgroup) {
        // With its range, as everywhere: see `intrinsics::item_id`.
        let value = if size == 1 {
            "add i32 0, 0".to_owned()
        } else {
            format!("call range(i32 0, {size}) i32 @llvm.amdgcn.workitem.id.{axis}()")
        };
        writeln!(ids, "  %{axis} = {value}").expect("a string takes all");
    }
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
  %lanes = call i32 @llvm.umin.i32(i32 %left, i32 {wave_size})"
        )
    };
    format!(
        r#"
@__gb_panicked = internal addrspace(3) global i32 poison, align 4

define void @{GROUP_STARTS}() alwaysinline convergent nounwind {{
{ids}
  %xy = or i32 %x, %y
  %xyz = or i32 %xy, %z
  %is_first = icmp eq i32 %xyz, 0
  br i1 %is_first, label %clear, label %wait
clear:
  store atomic i32 0, ptr addrspace(3) @__gb_panicked syncscope("workgroup") monotonic, align 4
  br label %wait
wait:
  call void @__gb_barrier()
  ret void
}}

define void @{ITEM_PANICKED}() alwaysinline convergent nounwind {{
  %was = atomicrmw or ptr addrspace(3) @__gb_panicked, i32 1 syncscope("workgroup") monotonic, align 4
  fence syncscope("workgroup") release
  ret void
}}

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
  call void @__gb_barrier()
  %panicked = load atomic i32, ptr addrspace(3) @__gb_panicked syncscope("workgroup") monotonic, align 4
  %all = icmp eq i32 %panicked, 0
  ret i1 %all
}}

declare void @__gb_barrier()
declare i32 @llvm.amdgcn.workitem.id.x()
declare i32 @llvm.amdgcn.workitem.id.y()
declare i32 @llvm.amdgcn.workitem.id.z()
declare i32 @llvm.amdgcn.mbcnt.lo(i32, i32)
declare i32 @llvm.amdgcn.mbcnt.hi(i32, i32)
declare i64 @llvm.amdgcn.ballot.i64(i1)
declare i64 @llvm.ctpop.i64(i64)
declare i32 @llvm.umin.i32(i32, i32)
"#
    )
}
