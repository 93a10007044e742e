//! Reads a kernel's launch descriptor out of its bitcode.
//!
//! The entry function hands the constant to `__gb_kernel` before it does anything else. The offsets below are those of
//! `geobacter_lang::descriptor`, which is `repr(C)`; `tests/respool.rs` compiles and reads one of each kind.

use geobacter_spool::descriptor::{FloatingPoint, KernelDescriptor, LdsDescriptor, ParamDescriptor, ParamKind};

use super::{constant::ConstantData, names};
use crate::{
    error::Error,
    ir::{Ir, Value},
};

/// The intrinsic that names the descriptor.
pub const DESCRIPTOR_INTRINSIC: &str = "__gb_kernel";

const PARAM_SIZE: usize = 48;

const LDS_SIZE: usize = 40;

/// The launch descriptor of the kernel with this entry function.
pub fn read(module: &Ir<'_>, symbol: &str) -> Result<KernelDescriptor, Error> {
    let error = |reason: &str| Error::Descriptor { kernel: names::full(symbol), reason: reason.into() };
    let entry = module.function(symbol).ok_or_else(|| error("the entry function is missing"))?;
    let call = entry
        .instructions()
        .into_iter()
        .find(|call| call.is_call() && call.callee().is_function() && call.callee().name() == DESCRIPTOR_INTRINSIC)
        .ok_or_else(|| error("the entry function does not name it"))?;
    let descriptor = call.arguments().first().copied().and_then(resolve);
    let data = descriptor.and_then(|global| ConstantData::of(module, global));
    let data = data.ok_or_else(|| error("it is not a constant"))?;
    parse(module, &data).ok_or_else(|| error("its layout is unknown"))
}

/// The global behind a value: itself, or what a call of a function that only returns a constant returns.
fn resolve(value: Value) -> Option<Value> {
    if value.is_global_variable() {
        return Some(value);
    }
    if !value.is_call() || !value.callee().is_function() {
        return None;
    }
    let mut blocks = value.callee().blocks();
    let (block, more) = (blocks.next()?, blocks.next());
    let result = block.terminator()?.operands();
    if more.is_some() || result.len() != 1 { None } else { resolve(result[0]) }
}

fn parse(module: &Ir<'_>, data: &ConstantData) -> Option<KernelDescriptor> {
    Some(KernelDescriptor {
        name: data.str_at(module, 0)?,
        module: data.str_at(module, 16)?,
        file: data.str_at(module, 32)?,
        line: data.u32_at(80)?,
        column: data.u32_at(84)?,
        dimensions: data.u32_at(88)?,
        workgroup: [data.u32_at(92)?, data.u32_at(96)?, data.u32_at(100)?],
        fp: FloatingPoint::from_number(data.u32_at(104)?)?,
        params: slice(module, data, 48, PARAM_SIZE, |array, at| {
            Some(ParamDescriptor {
                name: array.str_at(module, at)?,
                ty: array.str_at(module, at + 16)?,
                kind: ParamKind::from_number(array.u32_at(at + 32)?)?,
                size: array.u32_at(at + 36)?,
                align: array.u32_at(at + 40)?,
                element_size: array.u32_at(at + 44)?,
            })
        })?,
        lds: slice(module, data, 64, LDS_SIZE, |array, at| {
            Some(LdsDescriptor {
                name: array.str_at(module, at)?,
                ty: array.str_at(module, at + 16)?,
                size: array.u32_at(at + 32)?,
                align: array.u32_at(at + 36)?,
            })
        })?,
    })
}

/// The elements of the slice at this offset, each `size` bytes.
fn slice<T>(
    module: &Ir<'_>,
    data: &ConstantData,
    at: usize,
    size: usize,
    read: impl Fn(&ConstantData, usize) -> Option<T>,
) -> Option<Vec<T>> {
    match data.u64_at(at + 8)? as usize {
        0 => Some(Vec::new()),
        count => {
            let array = data.pointee(module, at)?;
            (0..count).map(|i| read(&array, i * size)).collect()
        }
    }
}
