//! What the lanes of a warp do together.

use super::{
    access::nothing,
    decoder::{Decoder, Result},
};
use crate::{
    machine::{
        code::{Compute, Op, Together},
        value::{LANES, Source},
        warp::Warp,
    },
    ptx::{tree::Operand, types::Type},
};

fn together(members: Source, run: Compute) -> Op {
    Op::Together(Box::new(Together { members, is_same: true, run }))
}

/// The registers of `d|p`; `None` for those that do not matter.
fn with_predicate(d: &mut Decoder<'_, '_>, ty: Type) -> Result<(Option<u32>, Option<u32>)> {
    let row = |d: &Decoder<'_, '_>, name: &str, ty: Type| match name {
        "_" => Ok(None),
        name => match d.register(name)? {
            (row, found) if ty.takes(found) => Ok(Some(row)),
            _ => Err(d.error(format!("`{name}` is no register of type {}", ty.name()))),
        },
    };
    match d.operand()? {
        Operand::Pair(first, second) => Ok((row(d, first, ty)?, row(d, second, Type::Pred)?)),
        Operand::Name(name, 0) => Ok((row(d, name, ty)?, None)),
        Operand::Sink => Ok((None, None)),
        _ => Err(d.error("the first operand is no register")),
    }
}

/// `shfl.sync`
pub fn shuffle(d: &mut Decoder<'_, '_>) -> Result<Op> {
    #[derive(Clone, Copy)]
    enum Mode {
        Up,
        Down,
        Butterfly,
        Index,
    }
    if !d.eat(".sync") {
        return Err(d.error("without `.sync` it is not there from sm_70 on"));
    }
    let mode =
        d.must(&[(".up", Mode::Up), (".down", Mode::Down), (".bfly", Mode::Butterfly), (".idx", Mode::Index)])?;
    d.must(&[(".b32", ())])?;
    let (to, predicate) = with_predicate(d, Type::B32)?;
    let (from, by, clamp) = (d.source(Type::B32)?, d.source(Type::B32)?, d.source(Type::B32)?);
    let members = d.source(Type::B32)?;
    Ok(together(
        members,
        Box::new(move |warp| {
            let (a, by, clamp) = (*warp.get::<u32>(from), *warp.get::<u32>(by), *warp.get::<u32>(clamp));
            let mut values = a;
            let mut valid = 0;
            for lane in 0..LANES as u32 {
                let (b, c) = (by[lane as usize] & 31, clamp[lane as usize]);
                let (segment, clamp) = (c >> 8 & 31, c & 31);
                let least = lane & segment;
                let most = lane & segment | clamp & !segment;
                let (source, is_valid) = match mode {
                    Mode::Up => {
                        let source = lane as i32 - b as i32;
                        (source, source >= most as i32)
                    }
                    Mode::Down => ((lane + b) as i32, lane + b <= most),
                    Mode::Butterfly => ((lane ^ b) as i32, lane ^ b <= most),
                    Mode::Index => ((least | b & !segment) as i32, least | b & !segment <= most),
                };
                if is_valid {
                    values[lane as usize] = a[source as usize & 31];
                    valid |= 1 << lane;
                }
            }
            if let Some(to) = to {
                warp.set(to, &values);
            }
            if let Some(predicate) = predicate {
                warp.set_predicate(predicate, valid);
            }
        }),
    ))
}

/// `vote.sync`
pub fn vote(d: &mut Decoder<'_, '_>) -> Result<Op> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mode {
        All,
        Any,
        Uniform,
        Ballot,
    }
    if !d.eat(".sync") {
        return Err(d.error("without `.sync` it is not there from sm_70 on"));
    }
    let mode =
        d.must(&[(".all", Mode::All), (".any", Mode::Any), (".uni", Mode::Uniform), (".ballot", Mode::Ballot)])?;
    let ty = if mode == Mode::Ballot { Type::B32 } else { Type::Pred };
    if d.ty()? != ty {
        return Err(d.unknown());
    }
    let to = d.destination(ty)?;
    let (from, negated) = d.predicate()?;
    let members = d.source(Type::B32)?;
    Ok(together(
        members,
        Box::new(move |warp| {
            let bits = warp.predicate(from) ^ if negated { u32::MAX } else { 0 };
            let (mask, yes) = (warp.mask, warp.mask & bits);
            let holds = match mode {
                Mode::Ballot => {
                    warp.set(to, &[yes; LANES]);
                    return;
                }
                Mode::All => yes == mask,
                Mode::Any => yes != 0,
                Mode::Uniform => yes == mask || yes == 0,
            };
            warp.set_predicate(to, if holds { u32::MAX } else { 0 });
        }),
    ))
}

/// `match.sync`
pub fn find_equal(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let all = d.must(&[(".any", false), (".all", true)])?;
    d.must(&[(".sync", ())])?;
    let ty = d.ty()?;
    if !matches!(ty, Type::B32 | Type::B64) {
        return Err(d.bad_type(ty));
    }
    let (to, predicate) = with_predicate(d, Type::B32)?;
    if predicate.is_some() && !all {
        return Err(d.error("`match.any` gives no predicate"));
    }
    let from = d.source(ty)?;
    let members = d.source(Type::B32)?;
    let is_wide = ty == Type::B64;
    Ok(together(
        members,
        Box::new(move |warp| {
            let values: [u64; LANES] =
                if is_wide { *warp.get::<u64>(from) } else { warp.get::<u32>(from).map(u64::from) };
            let mask = warp.mask;
            let equal = |value: u64| {
                warp.active().filter(|lane| values[*lane] == value).fold(0_u32, |mask, lane| mask | 1 << lane)
            };
            let mut results = [0_u32; LANES];
            let mut agreed = 0;
            for lane in warp.active() {
                let same = equal(values[lane]);
                let is_all = same == mask;
                results[lane] = if all && !is_all { 0 } else { same };
                agreed |= u32::from(is_all) << lane;
            }
            if let Some(to) = to {
                warp.set(to, &results);
            }
            if let Some(predicate) = predicate {
                warp.set_predicate(predicate, agreed);
            }
        }),
    ))
}

/// `redux.sync`
pub fn reduce(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.need((7, 0), 80)?;
    d.must(&[(".sync", ())])?;
    let operation = d.modifier().unwrap_or_default();
    d.eat(operation);
    let ty = d.ty()?;
    let combine: fn(u32, u32) -> u32 = match (operation, ty) {
        (".add", Type::U32 | Type::S32) => u32::wrapping_add,
        (".min", Type::U32) => u32::min,
        (".max", Type::U32) => u32::max,
        (".min", Type::S32) => |a, b| (a as i32).min(b as i32) as u32,
        (".max", Type::S32) => |a, b| (a as i32).max(b as i32) as u32,
        (".and", Type::B32) => |a, b| a & b,
        (".or", Type::B32) => |a, b| a | b,
        (".xor", Type::B32) => |a, b| a ^ b,
        _ => return Err(d.error(format!("there is no `redux.sync{operation}{}`, or it is not simulated", ty.name()))),
    };
    let to = d.destination(ty)?;
    let from = d.source(ty)?;
    let members = d.source(Type::B32)?;
    Ok(together(
        members,
        Box::new(move |warp| {
            let values = *warp.get::<u32>(from);
            if let Some(total) = warp.active().map(|lane| values[lane]).reduce(combine) {
                warp.set(to, &[total; LANES]);
            }
        }),
    ))
}

/// `elect.sync`
pub fn elect(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.need((8, 0), 90)?;
    d.must(&[(".sync", ())])?;
    let (to, predicate) = with_predicate(d, Type::B32)?;
    let members = d.source(Type::B32)?;
    Ok(together(
        members,
        Box::new(move |warp: &mut Warp| {
            let leader = warp.mask.trailing_zeros();
            if let Some(to) = to {
                warp.set(to, &[leader; LANES]);
            }
            if let Some(predicate) = predicate {
                warp.set_predicate(predicate, 1 << leader);
            }
        }),
    ))
}

/// `activemask`
pub fn active_mask(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.must(&[(".b32", ())])?;
    let to = d.destination(Type::B32)?;
    Ok(Op::Compute(Box::new(move |warp| {
        let mask = warp.mask;
        warp.set(to, &[mask; LANES]);
    })))
}

/// `bar.warp.sync`: lanes may come to it at different instructions.
pub fn synchronize(members: Source) -> Op {
    Op::Together(Box::new(Together { members, is_same: false, run: Box::new(|_| {}) }))
}

/// `nanosleep`, `pmevent`, `griddepcontrol`: nothing that is to be seen.
pub fn pause(d: &mut Decoder<'_, '_>) -> Result<Op> {
    match d.instruction.opcode {
        "nanosleep" => {
            d.must(&[(".u32", ())])?;
            d.source(Type::U32)?;
        }
        "pmevent" => {
            d.eat(".mask");
            d.number()?;
        }
        _ => {
            d.need((7, 8), 90)?;
            d.must(&[(".launch_dependents", ()), (".wait", ())])?;
        }
    }
    Ok(nothing())
}
