//! Says that pointers in the kernel's arguments point to global memory.
//!
//! They are the addresses of buffers; no argument holds an address of anything else. LLVM's back end knows that of kernels for
//! CUDA, too, but only behind the optimiser, which so cannot tell buffers from LDS.

use llvm_sys::LLVMOpcode;

use super::DIALECT;
use crate::ir::{Builder, Context, Value};

/// Casts what is loaded from the kernel's arguments to the global address space and back. The inference of address spaces does
/// the rest.
pub fn run(context: &Context, kernel: Value) {
    let global = context.pointer(DIALECT.spaces.global);
    let mut addresses = vec![kernel.params()[0]];
    while let Some(address) = addresses.pop() {
        for user in address.users() {
            match user.opcode() {
                LLVMOpcode::LLVMGetElementPtr => addresses.push(user),
                LLVMOpcode::LLVMLoad if user.ty().is_pointer() => {
                    let users = user.users();
                    let Some(next) = user.next_instruction() else { continue };
                    let builder = Builder::before(context, next);
                    let generic = builder.address_space_cast(builder.address_space_cast(user, global), user.ty());
                    for later in users {
                        later.replace_operand(user, generic);
                    }
                }
                _ => {}
            }
        }
    }
}
