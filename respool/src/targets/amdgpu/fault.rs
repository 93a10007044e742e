//! Panics on AMD GPUs: fill the launch's fault record, end the item.
//!
//! The record's address comes in the hidden argument `hidden_printf_buffer`, at a fixed place of the implicit kernel
//! arguments of code object version 5. Each lane that panics adds one to the record's first word, and the one that finds 0
//! there owns it. LLVM lays this path out behind all others: lanes of the wave that did not panic have gone on, barriers
//! included, before its `s_endpgm` ends the wave ([`super::barrier_of_all`] is about what that means for the group). See
//! [`geobacter_spool::fault`] for the record.

use geobacter_spool::fault::{ANCHOR_SYMBOL, FaultKind, FaultRecord, NO_ADDRESS};
use llvm_sys::{LLVMLinkage, LLVMVisibility};

use super::{
    KernelLowering,
    address_space::{CONSTANT, GENERIC, GLOBAL},
    intrinsics,
};
use crate::{
    ir::{Builder, Ir, Value},
    passes::group_scope::{BARRIER_OF_ALL, ITEM_PANICKED},
};

/// Offset of `hidden_printf_buffer` in the implicit arguments of code object version 5.
const PRINTF_BUFFER_OFFSET: u64 = 72;

/// Defines the panic functions that the module declares.
pub fn lower(lowering: &KernelLowering<'_, '_>) {
    let module = lowering.module;
    let declared = |name| module.function(name).filter(|function| function.is_declaration());
    let text = declared("__gb_panic_text");
    let format = declared("__gb_panic_format");
    let bounds = declared("__gb_panic_bounds");
    if text.or(format).or(bounds).is_none() {
        return;
    }
    // LLVM describes the hidden argument in the code object's metadata only for modules with this node.
    module.add_named_metadata("llvm.printf.fmts");
    let fault = Fault::new(lowering);
    let context = module.context();
    let zero = context.int(64).integer(0);
    let kind = |kind: FaultKind| context.int(32).integer(kind as u64);
    if let Some(function) = text {
        fault.define(function, |_, params| Report {
            kind: kind(FaultKind::Text),
            message: params[0],
            message_length: params[1],
            values: [zero, zero],
        });
    }
    if let Some(function) = format {
        fault.define(function, |builder, params| {
            // `core::fmt::Arguments`: an odd second word is twice the length of plain text, plus one.
            let word = builder.pointer_to_integer(params[1], context.int(64));
            let is_template = builder.is_zero(builder.and(word, context.int(64).integer(1)));
            Report {
                kind: builder.select(is_template, kind(FaultKind::Format), kind(FaultKind::Text)),
                message: params[0],
                message_length: builder.shift_right(word, 1),
                values: [zero, zero],
            }
        });
    }
    if let Some(function) = bounds {
        fault.define(function, |_, params| Report {
            kind: kind(FaultKind::Bounds),
            message: context.pointer(GENERIC).zero(),
            message_length: zero,
            values: [params[0], params[1]],
        });
    }
}

struct Report {
    kind: Value,
    message: Value,
    message_length: Value,
    values: [Value; 2],
}

struct Fault<'a, 'c> {
    lowering: &'a KernelLowering<'a, 'c>,
    module: &'a Ir<'c>,
    anchor: Value,
}

impl<'a, 'c> Fault<'a, 'c> {
    fn new(lowering: &'a KernelLowering<'a, 'c>) -> Self {
        let module = lowering.module;
        let word = module.context().int(64);
        let anchor = module.add_global(ANCHOR_SYMBOL, word, CONSTANT);
        anchor.set_initializer(word.zero());
        anchor.set_global_constant(true);
        anchor.set_visibility(LLVMVisibility::LLVMProtectedVisibility);
        Self { lowering, module, anchor }
    }

    fn define(&self, function: Value, report: impl FnOnce(&Builder<'_>, &[Value]) -> Report) {
        let context = self.module.context();
        let half = context.int(32);
        let start = function.append_block(context, "start");
        let owner = function.append_block(context, "owner");
        let end = function.append_block(context, "end");

        let builder = Builder::at_end(context, start);
        let implicit = builder.call(self.module.intrinsic("llvm.amdgcn.implicitarg.ptr", &[]), &[]);
        let slot = builder.byte_offset(context, implicit, PRINTF_BUFFER_OFFSET);
        let record = builder.load(context.pointer(GLOBAL), slot, 8);
        let before = builder.add_relaxed(record, half.integer(1));
        builder.branch_if(builder.is_zero(before), owner, end);

        let builder = Builder::at_end(context, owner);
        let params = function.params();
        let report = report(&builder, &params);
        let location = params[params.len() - 1];
        let store = |offset: usize, value: Value, align: u32| {
            builder.store(value, builder.byte_offset(context, record, offset as u64), align);
        };
        store(std::mem::offset_of!(FaultRecord, kind), report.kind, 4);
        store(std::mem::offset_of!(FaultRecord, location), self.distance(&builder, location), 8);
        store(std::mem::offset_of!(FaultRecord, message), self.distance(&builder, report.message), 8);
        store(std::mem::offset_of!(FaultRecord, message_length), report.message_length, 8);
        for (i, value) in report.values.into_iter().enumerate() {
            store(std::mem::offset_of!(FaultRecord, values) + 8 * i, value, 8);
        }
        for (i, axis) in ["x", "y", "z"].into_iter().enumerate() {
            let group = self.module.intrinsic(&format!("llvm.amdgcn.workgroup.id.{axis}"), &[]);
            store(std::mem::offset_of!(FaultRecord, group) + 4 * i, builder.call(group, &[]), 4);
            // With its range: LLVM makes one of equal calls, and keeps of their ranges what all of them have.
            let item = intrinsics::item_id(self.lowering, &builder, i);
            store(std::mem::offset_of!(FaultRecord, item) + 4 * i, item, 4);
        }
        builder.branch(end);

        let builder = Builder::at_end(context, end);
        if self.module.function(BARRIER_OF_ALL).is_some() {
            let panicked = self.module.declare(ITEM_PANICKED, context.function(context.void(), &[]));
            builder.call(panicked, &[]);
        }
        builder.call(self.module.intrinsic("llvm.amdgcn.endpgm", &[]), &[]);
        builder.unreachable();

        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
        function.add_function_attribute(context.attribute("alwaysinline", 0));
    }

    /// How far a constant is from the anchor, which is what the host can make sense of.
    fn distance(&self, builder: &Builder<'_>, pointer: Value) -> Value {
        let context = self.module.context();
        let word = context.int(64);
        let address = builder.pointer_to_integer(pointer, word);
        let anchor = builder.pointer_to_integer(self.anchor, word);
        let distance = builder.subtract(address, anchor);
        builder.select(builder.is_zero(address), word.integer(NO_ADDRESS as u64), distance)
    }
}
