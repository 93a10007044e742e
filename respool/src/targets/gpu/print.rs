//! Lines that work-items print, on GPUs: a record in the launch's buffer.
//!
//! That the kernel prints, the host knows by a symbol of the code object. See [`geobacter_spool::output`] for what stands in
//! the buffer.

use std::{fmt::Write, mem::offset_of};

use geobacter_spool::{
    fault::ANCHOR_SYMBOL,
    format::{MAX_VALUES, Value},
    output::{HEADER, OutputRecord, PRINTS_SYMBOL, header},
};
use llvm_sys::LLVMVisibility;

use super::{AXES, Gpu, KernelLowering, definitions, fault, hidden::OUTPUT_BUFFER};
use crate::{error::Error, passes::messages};

/// Defines the functions that print which the module declares: those of [`messages`].
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let name = |values: usize| format!("{}{values}", messages::PRINT);
    let is_declared =
        |values: &usize| module.function(&name(*values)).is_some_and(|function| function.is_declaration());
    let mut text = String::new();
    for values in (0..=MAX_VALUES).filter(is_declared) {
        text.push_str(&definition(&name(values), values, gpu));
    }
    if text.is_empty() {
        return Ok(());
    }
    fault::anchor(module, gpu);
    let (constant, global) = (gpu.dialect.spaces.constant, gpu.dialect.spaces.global);
    let byte = module.context().int(8);
    let marker = module.add_global(PRINTS_SYMBOL, byte, constant);
    marker.set_initializer(byte.zero());
    marker.set_global_constant(true);
    marker.set_visibility(LLVMVisibility::LLVMProtectedVisibility);
    let _ = writeln!(text, "@{ANCHOR_SYMBOL} = external protected addrspace({constant}) constant i64");
    let _ = writeln!(text, "declare ptr addrspace({global}) @{OUTPUT_BUFFER}() nounwind willreturn memory(none)");
    for group_id in gpu.dialect.group_id {
        let _ = writeln!(text, "declare i32 @{group_id}()");
    }
    definitions::add(lowering, gpu, "defining what prints", &text, |name| name.starts_with(messages::PRINT))
}

/// The function that prints a line with so many values.
fn definition(name: &str, values: usize, gpu: Gpu<'_>) -> String {
    let (constant, global) = (gpu.dialect.spaces.constant, gpu.dialect.spaces.global);
    let size = OutputRecord::size_with(values);
    let mut parameters = String::new();
    let mut stores = String::new();
    // A string takes all.
    let mut store = |ty: &str, value: &str, offset: usize, align: u32| {
        let _ = writeln!(
            stores,
            "  %at.{offset} = getelementptr i8, ptr addrspace({global}) %record, i64 {offset}
  store {ty} {value}, ptr addrspace({global}) %at.{offset}, align {align}"
        );
    };
    store("i32", &size.to_string(), offset_of!(OutputRecord, size), 4);
    for (i, axis) in AXES.into_iter().enumerate() {
        store("i32", &format!("%group.{axis}"), offset_of!(OutputRecord, group) + 4 * i, 4);
        store("i32", &format!("%{axis}"), offset_of!(OutputRecord, item) + 4 * i, 4);
    }
    let anchor = format!("@{ANCHOR_SYMBOL}");
    store(&format!("ptr addrspace({constant})"), &anchor, offset_of!(OutputRecord, anchor), 8);
    store("ptr", "%text", offset_of!(OutputRecord, message), 8);
    store("i64", "%length", offset_of!(OutputRecord, message_length), 8);
    for i in 0..values {
        let _ = write!(parameters, ", i32 %formatter.{i}, i64 %low.{i}, i64 %high.{i}");
        let value = OutputRecord::size_with(i);
        store("i64", &format!("%low.{i}"), value + offset_of!(Value, bytes), 8);
        store("i64", &format!("%high.{i}"), value + offset_of!(Value, bytes) + 8, 8);
        store("i32", &format!("%formatter.{i}"), value + offset_of!(Value, formatter), 4);
    }
    let [group_x, group_y, group_z] = gpu.dialect.group_id;
    let (reserved, capacity, lost) = (header::RESERVED, header::CAPACITY, header::LOST);
    format!(
        r#"
define void @{name}(ptr %text, i64 %length, i32 %x, i32 %y, i32 %z{parameters}) alwaysinline convergent nounwind {{
  %buffer = call ptr addrspace({global}) @{OUTPUT_BUFFER}()
  %reserved = getelementptr inbounds i8, ptr addrspace({global}) %buffer, i64 {reserved}
  %begin = atomicrmw add ptr addrspace({global}) %reserved, i64 {size} monotonic, align 8
  %end = add i64 %begin, {size}
  %capacity.at = getelementptr inbounds i8, ptr addrspace({global}) %buffer, i64 {capacity}
  %capacity = load i64, ptr addrspace({global}) %capacity.at, align 8
  %fits = icmp ule i64 %end, %capacity
  br i1 %fits, label %write, label %full
write:
  %group.x = call i32 @{group_x}()
  %group.y = call i32 @{group_y}()
  %group.z = call i32 @{group_z}()
  %records = getelementptr inbounds i8, ptr addrspace({global}) %buffer, i64 {HEADER}
  %record = getelementptr i8, ptr addrspace({global}) %records, i64 %begin
{stores}  br label %end.of.line
full:
  %lost = getelementptr inbounds i8, ptr addrspace({global}) %buffer, i64 {lost}
  %before = atomicrmw add ptr addrspace({global}) %lost, i64 1 monotonic, align 8
  br label %end.of.line
end.of.line:
  ret void
}}
"#
    )
}
