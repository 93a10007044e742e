//! Moves stack slots and globals into the address spaces that the target has for them.
//!
//! Must run before any optimisation: a constant that is left in address space 0 makes LLVM's SimplifyCFG crash when it
//! builds a lookup table. Every use sees a cast back to the generic address space, which LLVM's own inference removes
//! later. `llvm.lifetime.*` must name the stack slot itself.

use llvm_sys::{LLVMLinkage, LLVMOpcode, LLVMVisibility};

use crate::ir::{Builder, Ir, Value};

/// Where a target keeps what.
#[derive(Clone, Copy, Debug)]
pub struct AddressSpaces {
    /// Stack slots.
    pub stack: u32,
    /// Constants.
    pub constant: u32,
    /// Globals that are not constant.
    pub global: u32,
}

pub fn run(module: &Ir<'_>, spaces: AddressSpaces) {
    for function in module.functions().filter(|function| !function.is_declaration()) {
        // Gathered first: moving a slot erases the calls that mark its lifetime.
        let mut slots = function.instructions();
        slots.retain(|instruction| instruction.opcode() == LLVMOpcode::LLVMAlloca);
        for slot in slots {
            move_stack_slot(module, slot, spaces.stack);
        }
    }
    for global in module.globals().filter(|global| !global.name().starts_with("llvm.")) {
        if global.ty().address_space() == 0 {
            move_global(module, global, spaces);
        }
    }
}

fn move_stack_slot(module: &Ir<'_>, slot: Value, space: u32) {
    let context = module.context();
    if slot.ty().address_space() == space {
        return;
    }
    let builder = Builder::before(context, slot);
    let moved = builder.alloca(slot.allocated_type(), slot.operand(0));
    moved.set_alignment(slot.alignment());
    for user in slot.users() {
        if !user.is_call() || !user.callee().is_function() {
            continue;
        }
        let callee = user.callee().name();
        let Some(name) = ["llvm.lifetime.start", "llvm.lifetime.end"].into_iter().find(|name| callee.starts_with(name))
        else {
            continue;
        };
        let intrinsic = module.intrinsic(name, &[context.pointer(space)]);
        Builder::before(context, user).call(intrinsic, &[moved]).set_debug_location_of(user);
        user.erase();
    }
    let generic = builder.address_space_cast(moved, slot.ty());
    slot.replace_all_uses_with(generic);
    slot.erase();
}

fn move_global(module: &Ir<'_>, global: Value, spaces: AddressSpaces) {
    let space = if global.is_global_constant() { spaces.constant } else { spaces.global };
    let name = global.name();
    global.set_name("");
    let moved = module.add_global(&name, global.value_type(), space);
    moved.set_global_constant(global.is_global_constant());
    moved.set_alignment(global.alignment());
    moved.set_linkage(LLVMLinkage::LLVMInternalLinkage);
    moved.set_visibility(LLVMVisibility::LLVMDefaultVisibility);
    moved.set_unnamed_address();
    if let Some(initializer) = global.initializer() {
        moved.set_initializer(initializer);
    }
    global.replace_all_uses_with(moved.const_address_space_cast(global.ty()));
    global.delete_global();
}
