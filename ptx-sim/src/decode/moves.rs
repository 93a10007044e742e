//! Moves, special registers, and addresses.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    decoder::{AddressBase, Decoder, Result},
    names::Symbol,
};
use crate::{
    fault::{FaultKind, Trap},
    machine::{
        code::{Op, function_address},
        env::{Env, specific, window},
        value::{Cell, LANES, Source},
        warp::{MOST_LOCAL, Warp},
    },
    ptx::{
        tree::Operand,
        types::{Space, Type},
    },
};

/// `mov`
pub fn mov(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    if ty == Type::Pred {
        let to = d.destination(ty)?;
        let (from, _) = d.predicate()?;
        return Ok(Op::Compute(Box::new(move |warp| warp.set_predicate(to, warp.predicate(from)))));
    }
    if !matches!(ty.bits(), 16 | 32 | 64 | 128)
        || matches!(ty, Type::F16x2 | Type::Bf16x2 | Type::Tf32 | Type::U16x2 | Type::S16x2)
    {
        return Err(d.bad_type(ty));
    }
    if ty == Type::B128 {
        d.need((8, 3), 70)?;
    }
    if let Some(Operand::Vector(parts)) = d.peek() {
        d.operand()?;
        return unpack(d, ty, parts);
    }
    let to = d.destination(ty)?;
    let operand = d.operand()?;
    match operand {
        Operand::Vector(parts) => return pack(d, ty, to, parts),
        Operand::Member(..) => return special(d, ty, to, operand),
        Operand::Name(name, offset) => {
            if d.frame.find(name, &d.module.symbols).is_none() {
                return special(d, ty, to, operand);
            }
            let symbol = d.symbol(name)?;
            if !matches!(symbol, Symbol::Register { .. }) {
                return address_of(d, ty, to, symbol, *offset);
            }
        }
        _ => {}
    }
    let (from, _) = d.source_of(operand, ty, false)?;
    Ok(match ty.bits() {
        128 => copy::<u128>(to, from),
        64 => copy::<u64>(to, from),
        _ => copy::<u32>(to, from),
    })
}

fn copy<C: Cell>(to: u32, from: Source) -> Op {
    Op::Compute(Box::new(move |warp| {
        let values = *warp.get::<C>(from);
        warp.set(to, &values);
    }))
}

/// The width of each part of a register that is packed or unpacked.
fn part(d: &Decoder<'_, '_>, ty: Type, parts: usize) -> Result<Type> {
    let part = match (ty.is_bits(), parts) {
        (true, 2 | 4) => ty.bits() / parts as u32,
        _ => 0,
    };
    match part {
        8 => Ok(Type::B8),
        16 => Ok(Type::B16),
        32 => Ok(Type::B32),
        64 => Ok(Type::B64),
        _ => Err(d.error(format!("{parts} values are no parts of one of type {}", ty.name()))),
    }
}

/// One lane's value, whatever cells hold it.
fn any_cell(warp: &Warp, source: Source, bits: u32, lane: usize) -> u128 {
    match bits {
        128 => warp.get::<u128>(source)[lane],
        64 => u128::from(warp.get::<u64>(source)[lane]),
        _ => u128::from(warp.get::<u32>(source)[lane]),
    }
}

fn put_any(warp: &mut Warp, row: u32, bits: u32, lane: usize, value: u128) {
    match bits {
        128 => warp.set_lane(row, lane, value),
        64 => warp.set_lane(row, lane, value as u64),
        _ => warp.set_lane(row, lane, value as u32),
    }
}

/// The row of a register that is a part of another one. Bytes lie in registers of 16 bits, too.
fn part_register(d: &Decoder<'_, '_>, name: &str, part: Type) -> Result<u32> {
    let (row, found) = d.register(name)?;
    let fits = found.bits() == part.bits() || part == Type::B8 && found.bits() == 16;
    if fits && found != Type::Pred { Ok(row) } else { Err(d.error(format!("`{name}` has not {} bits", part.bits()))) }
}

fn pack(d: &mut Decoder<'_, '_>, ty: Type, to: u32, parts: &[Operand<'_>]) -> Result<Op> {
    let part = part(d, ty, parts.len())?;
    let mut sources = Vec::with_capacity(parts.len());
    for operand in parts {
        sources.push(match operand {
            Operand::Name(name, 0) => Source::Register(part_register(d, name, part)?),
            Operand::Integer(value) => d.module.constants.of_type(part, *value),
            Operand::Single(bits) if part == Type::B32 => d.module.constants.of_type(part, u64::from(*bits)),
            _ => return Err(d.error("a part is no register and no number of its width")),
        });
    }
    let (bits, width) = (ty.bits(), part.bits());
    Ok(match (width, bits, sources.as_slice()) {
        (32, 64, [low, high]) => {
            let (low, high) = (*low, *high);
            Op::Compute(Box::new(move |warp| {
                let (low, high) = (warp.get::<u32>(low), warp.get::<u32>(high));
                let values: [u64; LANES] =
                    std::array::from_fn(|lane| u64::from(high[lane]) << 32 | u64::from(low[lane]));
                warp.set(to, &values);
            }))
        }
        _ => Op::Compute(Box::new(move |warp| {
            for lane in warp.active() {
                let value = sources.iter().rev().fold(0, |value, source| {
                    value << width | any_cell(warp, *source, width, lane) & (u128::MAX >> (128 - width))
                });
                put_any(warp, to, bits, lane, value);
            }
        })),
    })
}

fn unpack(d: &mut Decoder<'_, '_>, ty: Type, parts: &[Operand<'_>]) -> Result<Op> {
    let part = part(d, ty, parts.len())?;
    let mut rows = Vec::with_capacity(parts.len());
    for operand in parts {
        rows.push(match operand {
            Operand::Sink => None,
            Operand::Name(name, 0) => Some(part_register(d, name, part)?),
            _ => return Err(d.error("a part is no register")),
        });
    }
    let source = d.source(ty)?;
    let (bits, width) = (ty.bits(), part.bits());
    Ok(Op::Compute(Box::new(move |warp| {
        for lane in warp.active() {
            let value = any_cell(warp, source, bits, lane);
            for (number, row) in rows.iter().enumerate() {
                if let Some(row) = row {
                    let value = value >> (number as u32 * width) & (u128::MAX >> (128 - width));
                    put_any(warp, *row, width, lane, value);
                }
            }
        }
    })))
}

/// The address of a variable in its space, or of a function.
fn address_of(d: &mut Decoder<'_, '_>, ty: Type, to: u32, symbol: Symbol, offset: i64) -> Result<Op> {
    if !ty.is_integer() || !matches!(ty.bits(), 32 | 64) {
        return Err(d.bad_type(ty));
    }
    let (base, begin) = match symbol {
        Symbol::Memory(memory) => d.memory_base(memory),
        Symbol::Function(number) => {
            d.frame.calls.push(number);
            (AddressBase::Zero, function_address(number) as i64)
        }
        Symbol::Register { .. } | Symbol::Registers { .. } => return Err(d.error("an operand has no address")),
    };
    let offset = begin.wrapping_add(offset) as u64;
    let bits = ty.bits();
    Ok(Op::Access(Box::new(move |warp, env| {
        for lane in warp.active() {
            let base = match base {
                AddressBase::Frame => u64::from(warp.lanes[lane].local_base),
                AddressBase::Shared(number) => u64::from(env.dispatch.shared_offsets[number as usize]),
                AddressBase::Zero | AddressBase::Wide(_) | AddressBase::Narrow(_) => 0,
            };
            put_any(warp, to, bits, lane, u128::from(base.wrapping_add(offset)));
        }
        Ok(())
    })))
}

type Special = fn(&Warp, &Env<'_>, usize) -> u64;

/// What a special register holds, and its bits.
fn special_register(name: &str, member: &str) -> Option<(u32, Special)> {
    macro_rules! axes {
        ($f:expr) => {
            match member {
                ".x" => |warp, env, lane| u64::from($f(warp, env, lane)[0]),
                ".y" => |warp, env, lane| u64::from($f(warp, env, lane)[1]),
                ".z" => |warp, env, lane| u64::from($f(warp, env, lane)[2]),
                ".w" => |_, _, _| 0,
                _ => return None,
            }
        };
    }
    Some(match name {
        "%tid" => (32, axes!(|warp: &Warp, _: &Env<'_>, lane: usize| warp.threads[lane])),
        "%ntid" => (32, axes!(|_: &Warp, env: &Env<'_>, _: usize| env.dispatch.block)),
        "%ctaid" => (32, axes!(|_: &Warp, env: &Env<'_>, _: usize| env.block)),
        "%nctaid" => (32, axes!(|_: &Warp, env: &Env<'_>, _: usize| env.dispatch.grid)),
        // Each block is a cluster of its own.
        "%clusterid" => (32, axes!(|_: &Warp, env: &Env<'_>, _: usize| env.block)),
        "%nclusterid" => (32, axes!(|_: &Warp, env: &Env<'_>, _: usize| env.dispatch.grid)),
        "%cluster_ctaid" => (32, axes!(|_: &Warp, _: &Env<'_>, _: usize| [0_u32; 3])),
        "%cluster_nctaid" => (32, axes!(|_: &Warp, _: &Env<'_>, _: usize| [1_u32; 3])),
        _ if !member.is_empty() => return None,
        "%cluster_ctarank" => (32, |_, _, _| 0),
        "%cluster_nctarank" => (32, |_, _, _| 1),
        "%laneid" => (32, |_, _, lane| lane as u64),
        "%warpid" => (32, |warp, _, _| u64::from(warp.number)),
        "%nwarpid" => (32, |_, _, _| 64),
        "%smid" => (32, |_, _, _| 0),
        "%nsmid" => (32, |_, _, _| 1),
        "%gridid" => (64, |_, _, _| 1),
        "%lanemask_eq" => (32, |_, _, lane| 1 << lane),
        "%lanemask_lt" => (32, |_, _, lane| (1 << lane) - 1),
        "%lanemask_le" => (32, |_, _, lane| (2 << lane) - 1),
        "%lanemask_gt" => (32, |_, _, lane| u64::from(u32::MAX) & !((2 << lane) - 1)),
        "%lanemask_ge" => (32, |_, _, lane| u64::from(u32::MAX) & !((1 << lane) - 1)),
        "%clock" => (32, |_, env, _| clock(env) & u64::from(u32::MAX)),
        "%clock_hi" => (32, |_, env, _| clock(env) >> 32),
        "%clock64" => (64, |_, env, _| clock(env)),
        "%globaltimer" => (64, |_, _, _| timer()),
        "%globaltimer_lo" => (32, |_, _, _| timer() & u64::from(u32::MAX)),
        "%globaltimer_hi" => (32, |_, _, _| timer() >> 32),
        "%dynamic_smem_size" => (32, |_, env, _| u64::from(env.dispatch.dynamic_shared)),
        "%total_smem_size" | "%aggr_smem_size" => (32, |_, env, _| u64::from(env.dispatch.shared)),
        _ if name.strip_prefix("%envreg").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < 32) => {
            (32, |_, _, _| 0)
        }
        _ => return None,
    })
}

/// A clock of 1 GHz that begins with the launch.
fn clock(env: &Env<'_>) -> u64 {
    env.started.elapsed().as_nanos() as u64
}

fn timer() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

fn special(d: &mut Decoder<'_, '_>, ty: Type, to: u32, operand: &Operand<'_>) -> Result<Op> {
    let (name, member) = match operand {
        Operand::Name(name, 0) => (*name, ""),
        Operand::Member(name, member) => (*name, *member),
        _ => return Err(d.error("an operand is missing")),
    };
    let Some((bits, value)) = special_register(name, member) else {
        return Err(d.error(format!("`{name}{member}` is not defined")));
    };
    // The low half of an id may be read, too: they had 16 bits once.
    let fits = ty.is_integer() && (ty.bits() == bits || bits == 32 && ty.bits() == 16 && !member.is_empty());
    if !fits {
        return Err(d.error(format!("`{name}{member}` has {bits} bits")));
    }
    let width = ty.bits();
    Ok(Op::Access(Box::new(move |warp, env| {
        for lane in warp.active() {
            let value = u128::from(value(warp, env, lane)) & (u128::MAX >> (128 - width));
            put_any(warp, to, width, lane, value);
        }
        Ok(())
    })))
}

/// `cvta`
pub fn convert_address(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let to_specific = d.eat(".to");
    let space = space(d)?;
    let ty = d.ty()?;
    if ty != Type::U64 {
        return Err(d.bad_type(ty));
    }
    if space == Space::Param {
        d.need((7, 7), 70)?;
    }
    let to = d.destination(ty)?;
    let operand = d.operand()?;
    let window = window(space);
    let shift = if to_specific { window.wrapping_neg() } else { window };
    // A variable may stand for its address.
    if let Operand::Name(name, offset) = operand
        && let Symbol::Memory(memory) = d.symbol(name)?
    {
        if to_specific || memory.space() != space {
            return Err(d.error(format!("`{name}` is in {} memory", memory.space().name())));
        }
        return address_of(d, ty, to, Symbol::Memory(memory), offset.wrapping_add(shift as i64));
    }
    let (from, _) = d.source_of(operand, ty, false)?;
    Ok(super::lanes::unary(to, from, move |address: u64| address.wrapping_add(shift)))
}

/// The next modifier, which is a state space that has addresses.
pub fn space(d: &mut Decoder<'_, '_>) -> Result<Space> {
    let space = d.modifier().and_then(Space::of);
    match (space, d.modifier()) {
        (Some(space), Some(word)) => {
            d.eat(word);
            Ok(space)
        }
        _ => Err(d.error("the state space is missing, or not simulated")),
    }
}

/// `isspacep`
pub fn is_in_space(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let space = space(d)?;
    let to = d.destination(Type::Pred)?;
    let from = d.source(Type::U64)?;
    Ok(Op::Compute(Box::new(move |warp| {
        let addresses = warp.get::<u64>(from);
        let mut bits = 0;
        for (lane, address) in addresses.iter().enumerate() {
            let found = specific(*address).0;
            let constants = &warp.code.constant_memory;
            let is_constant = || constants.iter().any(|(begin, end)| (*begin..*end).contains(address));
            let is_in = match space {
                Space::Const => is_constant(),
                Space::Global => found == Space::Global && !is_constant(),
                space => found == space,
            };
            bits |= u32::from(is_in) << lane;
        }
        warp.set_predicate(to, bits);
    })))
}

/// `alloca`, `stacksave`, `stackrestore`
pub fn stack(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.need((7, 3), 52)?;
    let opcode = d.instruction.opcode;
    let ty = d.ty()?;
    if ty != Type::U64 && ty != Type::B64 {
        return Err(d.bad_type(ty));
    }
    if opcode == "stackrestore" {
        let from = d.source(ty)?;
        return Ok(Op::Access(Box::new(move |warp, _| {
            let tops = *warp.get::<u64>(from);
            for lane in warp.active() {
                let state = &mut warp.lanes[lane];
                if tops[lane] < u64::from(state.local_base) || tops[lane] > u64::from(state.local_top) {
                    let detail = format!("{:#x} is no stack pointer that was saved in this function", tops[lane]);
                    return Err(Trap::at(FaultKind::Trap, tops[lane], detail).in_lane(lane));
                }
                state.local_top = tops[lane] as u32;
            }
            Ok(())
        })));
    }
    let to = d.destination(ty)?;
    if opcode == "stacksave" {
        return Ok(Op::Compute(Box::new(move |warp| {
            warp.each(to, |warp, lane| u64::from(warp.lanes[lane].local_top));
        })));
    }
    let size = d.source(ty)?;
    let align = if d.operands_left() > 0 { d.number()? } else { 8 };
    if !align.is_power_of_two() || align > 1 << 16 {
        return Err(d.error("the alignment must be a power of two"));
    }
    Ok(Op::Access(Box::new(move |warp, _| {
        let sizes = *warp.get::<u64>(size);
        for lane in warp.active() {
            let state = &mut warp.lanes[lane];
            let begin = u64::from(state.local_top).next_multiple_of(align);
            let end = begin.saturating_add(sizes[lane]);
            if end > u64::from(MOST_LOCAL) {
                let detail = format!(
                    "`alloca` of {} bytes: the thread's stack would have {end}; {MOST_LOCAL} is the most",
                    sizes[lane]
                );
                return Err(Trap::new(FaultKind::StackOverflow, detail).in_lane(lane));
            }
            state.local_top = end as u32;
            warp.set_lane(to, lane, begin);
        }
        Ok(())
    })))
}
