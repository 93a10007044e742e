//! The barrier that only a complete group passes, on GPUs.
//!
//! An item that has panicked is missing at the barrier, but nobody waits for it. It says so in a word of LDS before it ends.
//! Behind the barrier all look at that word, and who finds something there goes to the kernel's end. What else has to be done
//! so that all find it, the family knows: it defines [`ALL_ARE_HERE`].

use std::fmt::Write;

use super::{AXES, Gpu, KernelLowering, definitions};
use crate::{
    error::Error,
    ir::{Builder, Value},
    passes::group_scope::{BARRIER, BARRIER_OF_ALL, ITEM_PANICKED},
};

const GROUP_STARTS: &str = "__gb_group_starts";
/// Waits at the barrier, and gives an `i1`: whether no item of the group is missing. Its definition may call [`ITEM_PANICKED`],
/// [`BARRIER`] and [`ANY_PANICKED`].
pub const ALL_ARE_HERE: &str = "__gb_all_are_here";
/// Gives an `i1`: whether an item of the group has said that it panicked.
pub const ANY_PANICKED: &str = "__gb_any_panicked";

/// Gives the barrier of all its meaning, if the kernel has one left. `all_are_here` is the family's definition of
/// [`ALL_ARE_HERE`], in LLVM's assembly language.
pub fn lower(
    lowering: &KernelLowering<'_, '_>,
    kernel: Value,
    gpu: Gpu<'_>,
    all_are_here: impl FnOnce() -> String,
) -> Result<(), Error> {
    let module = lowering.module;
    let Some(barrier) = module.function(BARRIER_OF_ALL) else { return Ok(()) };
    let calls = barrier.users();
    if calls.iter().any(|call| call.function() != kernel) {
        return Err(Error::Unsupported {
            kernel: lowering.descriptor.name.clone(),
            target: gpu.name.to_owned(),
            reason: "a recursive function gives its work-group values of a type like `bool`, `char` or an enum, by LDS or by \
                     `once`, and the kernel can panic; use numbers there"
                .to_owned(),
        });
    }
    let text = definition(lowering.descriptor.workgroup, gpu) + &all_are_here();
    definitions::add(lowering, gpu, "defining the barrier of all", &text, |name| {
        [GROUP_STARTS, ALL_ARE_HERE, ANY_PANICKED, ITEM_PANICKED].contains(&name)
    })?;
    let (context, defined) = (module.context(), |name| module.function(name).expect("was just defined"));

    let start = kernel.first_instruction_after_allocas().expect("a kernel has instructions");
    Builder::before(context, start).call(defined(GROUP_STARTS), &[]);
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

/// The work-item's ids as text: values `%x`, `%y` and `%z`.
pub fn item_ids(workgroup: [u32; 3], gpu: Gpu<'_>) -> String {
    let mut ids = String::new();
    for ((axis, item_id), size) in AXES.into_iter().zip(gpu.dialect.item_id).zip(workgroup) {
        // With its range, as everywhere: see `intrinsics::item_id`.
        let value =
            if size == 1 { "add i32 0, 0".to_owned() } else { format!("call range(i32 0, {size}) i32 @{item_id}()") };
        writeln!(ids, "  %{axis} = {value}").expect("a string takes all");
    }
    ids
}

/// The functions' text. The word of LDS is changed by atomic operations only, after the group's first item has cleared it.
fn definition(workgroup: [u32; 3], gpu: Gpu<'_>) -> String {
    let (ids, lds, scope) = (item_ids(workgroup, gpu), gpu.dialect.spaces.lds, gpu.dialect.workgroup_scope);
    let [item_x, item_y, item_z] = gpu.dialect.item_id;
    format!(
        r#"
@__gb_panicked = internal addrspace({lds}) global i32 poison, align 4

define void @{GROUP_STARTS}() alwaysinline convergent nounwind {{
{ids}
  %xy = or i32 %x, %y
  %xyz = or i32 %xy, %z
  %is_first = icmp eq i32 %xyz, 0
  br i1 %is_first, label %clear, label %wait
clear:
  store atomic i32 0, ptr addrspace({lds}) @__gb_panicked syncscope("{scope}") monotonic, align 4
  br label %wait
wait:
  call void @{BARRIER}()
  ret void
}}

define void @{ITEM_PANICKED}() alwaysinline convergent nounwind {{
  %was = atomicrmw or ptr addrspace({lds}) @__gb_panicked, i32 1 syncscope("{scope}") monotonic, align 4
  fence syncscope("{scope}") release
  ret void
}}

define i1 @{ANY_PANICKED}() alwaysinline convergent nounwind {{
  %panicked = load atomic i32, ptr addrspace({lds}) @__gb_panicked syncscope("{scope}") monotonic, align 4
  %any = icmp ne i32 %panicked, 0
  ret i1 %any
}}

declare void @{BARRIER}()
declare i32 @{item_x}()
declare i32 @{item_y}()
declare i32 @{item_z}()
"#
    )
}
