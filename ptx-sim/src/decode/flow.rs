//! Branches, calls, barriers, and ends.

use super::{
    decoder::{Decoder, Result},
    exchange::synchronize,
    names::{Memory, Prototype, Symbol},
};
use crate::{
    machine::{
        code::{Argument, Barrier, Call, Op, Reduction, ReductionKind, Target},
        value::Source,
    },
    ptx::{tree::Operand, types::Type},
};

fn label(d: &Decoder<'_, '_>, name: &str) -> Result<u32> {
    d.frame.label(name).ok_or_else(|| d.error(format!("there is no label `{name}` in this function")))
}

/// `bra`
pub fn branch(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.eat(".uni");
    match d.operand()? {
        Operand::Name(name, 0) => Ok(Op::Branch(label(d, name)?)),
        _ => Err(d.error("the operand is no label")),
    }
}

/// `brx.idx`
pub fn branch_indexed(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.must(&[(".idx", ())])?;
    d.eat(".uni");
    let index = d.source(Type::U32)?;
    let Operand::Name(name, 0) = d.operand()? else {
        return Err(d.error("the second operand is no list of labels"));
    };
    let names = d.frame.targets.get(name).ok_or_else(|| d.error(format!("there is no list of labels `{name}`")))?;
    let targets = names.iter().map(|name| label(d, name)).collect::<Result<Box<[u32]>>>()?;
    Ok(Op::BranchIndexed { index, targets })
}

/// The signatures of the module's functions, by their numbers: parameters and results, and whether there is a body.
pub type Signatures = [(Prototype, bool)];

/// `call`
pub fn call(d: &mut Decoder<'_, '_>, signatures: &Signatures) -> Result<Op> {
    d.eat(".uni");
    let mut lists: Vec<&[Operand<'_>]> = Vec::new();
    let mut callee = None;
    let mut prototype = None;
    while let Some(operand) = d.peek() {
        d.operand()?;
        match operand {
            Operand::List(list) => lists.push(list),
            Operand::Name(name, 0) if callee.is_none() => {
                callee = Some(*name);
                // Results stand in front of it.
                if lists.is_empty() {
                    lists.push(&[]);
                }
            }
            Operand::Name(name, 0) if prototype.is_none() => prototype = Some(*name),
            _ => return Err(d.error("this is no form of a call")),
        }
    }
    let name = callee.ok_or_else(|| d.error("the function is missing"))?;
    let (results, arguments) = match lists.as_slice() {
        [results] => (*results, &[][..]),
        [results, arguments] => (*results, *arguments),
        _ => return Err(d.error("this is no form of a call")),
    };
    let (target, signature) = match d.symbol(name)? {
        Symbol::Function(number) => {
            let (signature, is_defined) = &signatures[number as usize];
            if !is_defined {
                return Err(d.error(format!("the function `{name}` has no body in this module")));
            }
            if prototype.is_some() {
                return Err(d.error("a call by name has no prototype"));
            }
            d.frame.calls.push(number);
            (Target::Function(number), signature.clone())
        }
        Symbol::Register { .. } => {
            let source = d.source_of(&Operand::Name(name, 0), Type::U64, false)?.0;
            let prototype = prototype.ok_or_else(|| d.error("a call by address needs a prototype"))?;
            let signature = d.frame.prototypes.get(prototype).cloned();
            let signature = signature.ok_or_else(|| d.error(format!("there is no prototype `{prototype}`")))?;
            (Target::Address(source), signature)
        }
        _ => return Err(d.error(format!("`{name}` is no function"))),
    };
    let arguments = values(d, arguments, &signature.params, "arguments")?;
    let results = values(d, results, &signature.returns, "results")?;
    if results.iter().any(|result| matches!(result, Argument::Value { source: Source::Constant(_), .. })) {
        return Err(d.error("a result must be a register or a parameter"));
    }
    Ok(Op::Call(Box::new(Call { target, arguments, results })))
}

/// The places of arguments or results, which must have these sizes.
fn values(d: &mut Decoder<'_, '_>, operands: &[Operand<'_>], sizes: &[u32], what: &str) -> Result<Box<[Argument]>> {
    if operands.len() != sizes.len() {
        return Err(d.error(format!("{} {what}; the function has {}", operands.len(), sizes.len())));
    }
    let mut all = Vec::with_capacity(operands.len());
    for (operand, size) in operands.iter().zip(sizes) {
        let place = match operand {
            Operand::Name(name, 0) => match d.symbol(name)? {
                Symbol::Memory(Memory::Param { offset, bytes }) => Argument::Memory { offset, bytes },
                Symbol::Register { row, ty } => {
                    let bytes = if ty == Type::Pred { 0 } else { ty.bytes() };
                    Argument::Value { source: Source::Register(row), bytes }
                }
                _ => return Err(d.error(format!("`{name}` is no parameter and no register"))),
            },
            Operand::Integer(value) => {
                let ty = match size {
                    1 => Type::B8,
                    2 => Type::B16,
                    4 => Type::B32,
                    8 => Type::B64,
                    _ => return Err(d.error("a number is no value of the parameter's type")),
                };
                Argument::Value { source: d.module.constants.of_type(ty, *value), bytes: *size }
            }
            Operand::Single(bits) if *size == 4 => {
                Argument::Value { source: d.module.constants.of_type(Type::B32, u64::from(*bits)), bytes: 4 }
            }
            Operand::Double(bits) if *size == 8 => {
                Argument::Value { source: d.module.constants.of_type(Type::B64, *bits), bytes: 8 }
            }
            _ => return Err(d.error(format!("{what} are parameters, registers and numbers"))),
        };
        if place.bytes() != *size {
            return Err(d.error(format!("{} bytes among the {what}, where the function has {size}", place.bytes())));
        }
        all.push(place);
    }
    Ok(all.into())
}

/// `bar`, `barrier`
pub fn barrier(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.eat(".warp") {
        d.must(&[(".sync", ())])?;
        return Ok(synchronize(d.source(Type::B32)?));
    }
    if d.modifier() == Some(".cluster") {
        return Err(d.unknown());
    }
    d.eat(".cta");
    #[derive(Clone, Copy, PartialEq)]
    enum Mode {
        Sync,
        Arrive,
        Reduce,
    }
    let mode = d.must(&[(".sync", Mode::Sync), (".arrive", Mode::Arrive), (".red", Mode::Reduce)])?;
    let kind = if mode == Mode::Reduce {
        Some(d.must(&[(".popc", ReductionKind::Count), (".and", ReductionKind::All), (".or", ReductionKind::Any)])?)
    } else {
        None
    };
    let is_aligned = d.instruction.opcode == "bar" || d.eat(".aligned");
    let mut to = 0;
    if let Some(kind) = kind {
        let ty = if kind == ReductionKind::Count { Type::U32 } else { Type::Pred };
        d.must(&[(ty.name(), ())])?;
        to = d.destination(ty)?;
    }
    let number = d.source(Type::U32)?;
    let left = d.operands_left() - usize::from(kind.is_some() && d.operands_left() > 0);
    let threads = if left > 0 { Some(d.source(Type::U32)?) } else { None };
    if mode == Mode::Arrive && threads.is_none() {
        return Err(d.error("the number of threads is missing"));
    }
    let reduction = match kind {
        None => None,
        Some(kind) => {
            let (predicate, is_negated) = d.predicate()?;
            Some(Reduction { kind, predicate, is_negated, row: to })
        }
    };
    Ok(Op::Barrier(Box::new(Barrier { number, threads, waits: mode != Mode::Arrive, is_aligned, reduction })))
}
