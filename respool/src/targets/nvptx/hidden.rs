//! A launch's fault record and output buffer on NVIDIA GPUs: two words in the launch's *hidden block*, whose address is the
//! kernel's last parameter.
//!
//! Only the entry itself sees its parameters. Almost always everything is inlined into it; a function that calls itself is not,
//! and takes the block's address from LDS, where every item puts it when the kernel starts. They all put the same there, so
//! whoever reads it needs no barrier.

use geobacter_spool::job::HIDDEN_BLOCK_WORDS;

use super::DIALECT;
use crate::{
    ir::{Builder, Ir, Value},
    targets::gpu::hidden::{FAULT_RECORD, OUTPUT_BUFFER},
};

/// Alignment of the block, and of its words.
const ALIGN: u32 = 8;

/// The word of LDS that holds the block's address for functions that are not inlined.
const SLOT: &str = "geobacter_hidden_block";

/// Whether the kernel needs the block.
pub fn is_asked_for(module: &Ir<'_>) -> bool {
    [FAULT_RECORD, OUTPUT_BUFFER].iter().any(|name| module.function(name).is_some())
}

/// Replaces the functions that give the addresses by loads from the block. Everything that can be is inlined into `kernel`.
pub fn replace(module: &Ir<'_>, kernel: Value) {
    let context = module.context();
    let (global, lds) = (context.pointer(DIALECT.spaces.global), DIALECT.spaces.lds);
    let mut slot = None;
    for (word, name) in [FAULT_RECORD, OUTPUT_BUFFER].into_iter().enumerate() {
        debug_assert!(word < HIDDEN_BLOCK_WORDS);
        let Some(function) = module.function(name) else { continue };
        for call in function.users() {
            let builder = Builder::before(context, call);
            let block = if call.function() == kernel {
                kernel.params()[1]
            } else {
                let slot = *slot.get_or_insert_with(|| {
                    let slot = module.add_global(SLOT, global, lds);
                    slot.set_linkage(llvm_sys::LLVMLinkage::LLVMInternalLinkage);
                    slot.set_initializer(global.poison());
                    slot.set_alignment(ALIGN);
                    slot
                });
                builder.load_relaxed(global, slot, ALIGN)
            };
            let at = builder.byte_offset(context, block, 8 * word as u64);
            call.replace_all_uses_with(builder.load(global, at, ALIGN));
            call.erase();
        }
        function.delete_function();
    }
    if let (Some(slot), Some(first)) = (slot, kernel.first_instruction_after_allocas()) {
        Builder::before(context, first).store_relaxed(kernel.params()[1], slot, ALIGN);
    }
}
