//! Says that what is read through `In` and `Slice` does not change while the kernel runs.
//!
//! A launch refuses a buffer that is given to be read and to be written, and nobody else writes it meanwhile: that is what a launch
//! waits for. LLVM then takes such a load out of loops and across barriers, and emits `ld.global.nc`. CUDA C++ learns the same from `const
//! T *__restrict__`.

use std::collections::HashSet;

use geobacter_spool::descriptor::{KernelDescriptor, ParamKind};
use llvm_sys::{LLVMOpcode, LLVMValueKind};

use crate::ir::{Context, Value};

/// Marks the loads, of a kernel whose functions are inlined.
pub fn run(context: &Context, kernel: Value, descriptor: &KernelDescriptor) {
    let buffers = buffers(context, kernel, descriptor);
    let mut others = HashSet::new();
    // Addresses that may come from elsewhere, too, are none of them, and so is what is made of those.
    let addresses = loop {
        let addresses = derived(&buffers, &others);
        let mixed: Vec<_> = addresses.iter().copied().filter(|&address| !is_pure(address, &addresses)).collect();
        if mixed.is_empty() {
            break addresses;
        }
        others.extend(mixed);
    };
    for address in &addresses {
        for user in address.users() {
            if user.opcode() == LLVMOpcode::LLVMLoad && !user.is_atomic() && !user.is_volatile() {
                user.set_empty_metadata(context, "invariant.load");
            }
        }
    }
}

/// The addresses of buffers that are only read, where they are loaded from the kernel's arguments.
fn buffers(context: &Context, kernel: Value, descriptor: &KernelDescriptor) -> Vec<Value> {
    let is_read = |offset: u64| {
        descriptor.arguments().any(|(at, param)| {
            let range = u64::from(at)..u64::from(at + param.size);
            matches!(param.kind, ParamKind::In | ParamKind::Slice) && range.contains(&offset)
        })
    };
    let mut loads = Vec::new();
    let mut places = vec![(kernel.params()[0], 0)];
    while let Some((place, offset)) = places.pop() {
        for user in place.users() {
            match user.opcode() {
                // In bytes: what the instruction combiner makes of every constant place in the arguments.
                LLVMOpcode::LLVMGetElementPtr
                    if user.operands().len() == 2 && user.indexed_type() == context.int(8) =>
                {
                    places.extend(user.operand(1).const_u64().map(|further| (user, offset + further)));
                }
                LLVMOpcode::LLVMLoad if user.ty().is_pointer() && is_read(offset) => loads.push(user),
                _ => {}
            }
        }
    }
    loads
}

/// Everything that may be an address within the buffers, but for these and what is made of them.
fn derived(buffers: &[Value], others: &HashSet<Value>) -> HashSet<Value> {
    let mut found: HashSet<_> = buffers.iter().copied().collect();
    let mut left = buffers.to_vec();
    while let Some(address) = left.pop() {
        for user in address.users() {
            let derives = match user.opcode() {
                LLVMOpcode::LLVMGetElementPtr | LLVMOpcode::LLVMAddrSpaceCast => user.operand(0) == address,
                LLVMOpcode::LLVMPHI | LLVMOpcode::LLVMSelect | LLVMOpcode::LLVMFreeze => user.ty().is_pointer(),
                _ => false,
            };
            if derives && !others.contains(&user) && found.insert(user) {
                left.push(user);
            }
        }
    }
    found
}

/// Whether an address is made of these and of constants that are no object's address: those of empty slices.
fn is_pure(address: Value, addresses: &HashSet<Value>) -> bool {
    let sources = match address.opcode() {
        LLVMOpcode::LLVMPHI => address.operands(),
        LLVMOpcode::LLVMSelect => vec![address.operand(1), address.operand(2)],
        _ => return true,
    };
    sources.into_iter().all(|source| addresses.contains(&source) || is_no_object(source))
}

fn is_no_object(value: Value) -> bool {
    use LLVMValueKind::{LLVMConstantPointerNullValueKind, LLVMPoisonValueKind, LLVMUndefValueValueKind};
    let is_number = value.is_constant_expression() && value.const_opcode() == LLVMOpcode::LLVMIntToPtr;
    is_number
        || matches!(value.kind(), LLVMConstantPointerNullValueKind | LLVMPoisonValueKind | LLVMUndefValueValueKind)
}
