//! Arguments with the specialisation constants for which code is made.

use geobacter_spool::descriptor::{KERNARG_ALIGN, ParamKind};

use super::Gpu;
use crate::{
    error::Error,
    ir::{Builder, Value},
    targets::KernelLowering,
};

/// The arguments with the specialisation constants for which the code is made: a copy, in which they are written over. Inlined into
/// the entry function, which copies the arguments too, nothing of either copy is left, and what is read of a constant is its value.
/// So it does not matter how the entry function reads its arguments.
///
/// `arguments` is the kernel's parameter; without constants it is given back.
///
/// # Errors
/// The bytes of the specialisation constants are not those that the descriptor tells of.
pub fn arguments(
    lowering: &KernelLowering<'_, '_>,
    gpu: Gpu<'_>,
    builder: &Builder<'_>,
    arguments: Value,
) -> Result<Value, Error> {
    let (context, descriptor) = (lowering.module.context(), lowering.descriptor);
    let mut constants = lowering.constants;
    if constants.is_empty() {
        return Ok(arguments);
    }
    let wrong = |reason: String| Error::Unsupported {
        kernel: descriptor.name.clone(),
        target: gpu.name.to_owned(),
        reason: format!("{reason}; is cargo-geobacter of another version than the program's `geobacter`?"),
    };
    let (size, i64) = (descriptor.explicit_kernarg_size(), context.int(64));
    let copy = builder.alloca(context.bytes(size.into()), context.int(32).integer(1));
    copy.set_alignment(KERNARG_ALIGN);
    let overloads = [copy.ty(), arguments.ty(), i64];
    let memcpy = lowering.module.intrinsic("llvm.memcpy", &overloads);
    builder.call(memcpy, &[copy, arguments, i64.integer(size.into()), context.int(1).zero()]);
    for (offset, param) in descriptor.arguments().filter(|(_, param)| param.kind == ParamKind::Spec) {
        let bytes = constants.split_off(..param.size as usize);
        let bytes = bytes.ok_or_else(|| wrong(format!("there is no value for the constant `{}`", param.name)))?;
        // In pieces of a size that an integer has.
        let mut rest = bytes;
        while let Some(piece) = [8, 4, 2, 1].iter().find_map(|&length| rest.split_off(..length)) {
            let at = u64::from(offset) + (bytes.len() - rest.len() - piece.len()) as u64;
            let value = piece.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            let value = context.int(8 * piece.len() as u32).integer(value);
            builder.store(value, builder.byte_offset(context, copy, at), 1);
        }
    }
    if !constants.is_empty() {
        return Err(wrong(format!("there are {} bytes beyond its specialisation constants", constants.len())));
    }
    Ok(copy)
}
