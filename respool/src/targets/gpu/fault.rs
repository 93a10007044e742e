//! Panics on GPUs: fill the launch's fault record, end the item.
//!
//! Each lane that panics adds one to the record's first word, and the one that finds 0 there owns it. See
//! [`geobacter_spool::fault`] for the record.

use geobacter_spool::{
    fault::{ANCHOR_SYMBOL, FaultRecord},
    format::{MAX_VALUES, Value as Stored},
};
use llvm_sys::{LLVMLinkage, LLVMVisibility};

use super::{Gpu, KernelLowering, hidden, intrinsics};
use crate::{
    ir::{Builder, Ir, Value},
    passes::{
        group_scope::{BARRIER_OF_ALL, ITEM_PANICKED, WAVE_OF_ALL},
        messages,
    },
};

/// Defines the panic functions that the module declares: those of [`messages`].
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) {
    let module = lowering.module;
    let declared = |values: &usize| {
        let function = module.function(&format!("{}{values}", messages::PANIC));
        function.filter(|function| function.is_declaration())
    };
    let functions: Vec<_> = (0..=MAX_VALUES).filter_map(|values| declared(&values)).collect();
    if functions.is_empty() {
        return;
    }
    let fault = Fault { lowering, gpu, module, anchor: anchor(module, gpu) };
    functions.into_iter().for_each(|function| fault.define(function));
}

/// The constant from which the host counts the distances of addresses.
pub fn anchor(module: &Ir<'_>, gpu: Gpu<'_>) -> Value {
    module.global(ANCHOR_SYMBOL).unwrap_or_else(|| {
        let word = module.context().int(64);
        let anchor = module.add_global(ANCHOR_SYMBOL, word, gpu.dialect.spaces.constant);
        anchor.set_initializer(word.zero());
        anchor.set_global_constant(true);
        anchor.set_visibility(LLVMVisibility::LLVMProtectedVisibility);
        anchor
    })
}

struct Fault<'a, 'c> {
    lowering: &'a KernelLowering<'a, 'c>,
    gpu: Gpu<'a>,
    module: &'a Ir<'c>,
    anchor: Value,
}

impl Fault<'_, '_> {
    fn define(&self, function: Value) {
        let context = self.module.context();
        let half = context.int(32);
        let start = function.append_block(context, "start");
        let owner = function.append_block(context, "owner");
        let end = function.append_block(context, "end");

        let builder = Builder::at_end(context, start);
        let record = builder.call(hidden::fault_record(self.module, self.gpu.dialect.spaces.global), &[]);
        let before = builder.add_relaxed(record, half.integer(1));
        builder.branch_if(builder.is_zero(before), owner, end);

        let builder = Builder::at_end(context, owner);
        let store = |offset: usize, value: Value, align: u32| {
            builder.store(value, builder.byte_offset(context, record, offset as u64), align);
        };
        let params = function.params();
        let [kind, message, length, location, ref values @ ..] = params[..] else { return };
        store(std::mem::offset_of!(FaultRecord, kind), kind, 4);
        store(std::mem::offset_of!(FaultRecord, anchor), self.anchor, 8);
        store(std::mem::offset_of!(FaultRecord, location), location, 8);
        store(std::mem::offset_of!(FaultRecord, message), message, 8);
        store(std::mem::offset_of!(FaultRecord, message_length), length, 8);
        for (i, [formatter, low, high]) in values.as_chunks().0.iter().enumerate() {
            let value = std::mem::offset_of!(FaultRecord, values) + Stored::SIZE * i;
            store(value + std::mem::offset_of!(Stored, bytes), *low, 8);
            store(value + std::mem::offset_of!(Stored, bytes) + 8, *high, 8);
            store(value + std::mem::offset_of!(Stored, formatter), *formatter, 4);
        }
        for (i, group) in self.gpu.dialect.group_id.into_iter().enumerate() {
            let group = self.module.intrinsic(group, &[]);
            store(std::mem::offset_of!(FaultRecord, group) + 4 * i, builder.call(group, &[]), 4);
            // With its range: LLVM makes one of equal calls, and keeps of their ranges what all of them have.
            let item = intrinsics::item_id(self.lowering, self.gpu, &builder, i);
            store(std::mem::offset_of!(FaultRecord, item) + 4 * i, item, 4);
        }
        builder.branch(end);

        let builder = Builder::at_end(context, end);
        if [BARRIER_OF_ALL, WAVE_OF_ALL].iter().any(|name| self.module.function(name).is_some()) {
            let panicked = self.module.declare(ITEM_PANICKED, context.function(context.void(), &[]));
            builder.call(panicked, &[]);
        }
        builder.call(self.module.intrinsic(self.gpu.dialect.end_item, &[]), &[]);
        builder.unreachable();

        function.set_linkage(LLVMLinkage::LLVMInternalLinkage);
        function.add_function_attribute(context.attribute("alwaysinline", 0));
    }
}
