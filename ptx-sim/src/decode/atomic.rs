//! Atomic operations.

use half::{bf16, f16};

use super::{
    access::{SCOPES, addresses, value},
    decoder::{Decoder, Result},
    moves::space,
};
use crate::{
    machine::{
        code::Op,
        env::Kind,
        value::{Value, X2},
    },
    number::{float::Float, round::Rounding},
    ptx::{
        tree::Operand,
        types::{Space, Type},
    },
};

/// Old value, operand, second operand: new value.
type Change = fn(u64, u64, u64) -> u64;

/// `atom`, `red`
pub fn atomic(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let gives = d.instruction.opcode == "atom";
    let orders: &[(&str, ())] = if gives {
        &[(".relaxed", ()), (".acquire", ()), (".release", ()), (".acq_rel", ())]
    } else {
        &[(".relaxed", ()), (".release", ())]
    };
    d.one_of(orders);
    d.one_of(&SCOPES);
    let space = match d.modifier() {
        Some(word) if Space::of(word).is_some() => space(d)?,
        _ => Space::Generic,
    };
    if !matches!(space, Space::Generic | Space::Global | Space::Shared) {
        return Err(d.error("there are atomic operations on global and on shared memory alone"));
    }
    let operation = d.modifier().unwrap_or_default();
    d.eat(operation);
    let full = d.eat(".noftz");
    let has_policy = d.eat(".L2::cache_hint");
    let ty = d.ty()?;
    let change = change(d, operation, ty, full)?;
    let flushes_on_global = operation == ".add" && ty == Type::F32;
    if matches!(operation, ".cas" | ".exch") && !gives {
        return Err(d.error(format!("`red` has no operation `{operation}`")));
    }
    // The result may not matter.
    let to = match d.peek() {
        Some(Operand::Sink) if gives => {
            d.operand()?;
            None
        }
        _ if gives => Some(d.destination(ty)?),
        _ => None,
    };
    let address = d.address(space)?;
    let first = d.source(ty)?;
    let second = if operation == ".cas" { d.source(ty)? } else { first };
    if has_policy {
        d.source(Type::B64)?;
    }
    let (bytes, is_wide) = (ty.bytes(), ty.bits() == 64);
    Ok(Op::Access(Box::new(move |warp, env| {
        let all = addresses(warp, env, address);
        for lane in warp.active() {
            let place = env.place(warp, lane, (address.space, all[lane]), u64::from(bytes), Kind::Atomic)?;
            let (a, b) = (value(warp, first, is_wide, lane), value(warp, second, is_wide, lane));
            let flushes = flushes_on_global && matches!(place, crate::machine::env::Place::Global(_));
            let old = env
                .update(warp, lane, place, bytes, |old| if flushes { add_flushed(old, a) } else { change(old, a, b) });
            match to {
                Some(row) if is_wide => warp.set_lane(row, lane, old),
                Some(row) => warp.set_lane(row, lane, old as u32),
                None => {}
            }
        }
        Ok(())
    })))
}

/// On global memory f32 is added without denormal numbers.
fn add_flushed(old: u64, a: u64) -> u64 {
    let of = |bits: u64| f32::from_bits(bits as u32).flush();
    u64::from(of(old).add(of(a), Rounding::Nearest).flush().to_bits())
}

fn add<T: Float>(old: u64, a: u64, _: u64) -> u64 {
    T::of_bits(old).add(T::of_bits(a), Rounding::Nearest).bits()
}

fn add_pair<T: Float>(old: u64, a: u64, _: u64) -> u64
where
    X2<T>: Value<Cell = u32>,
{
    u64::from(X2::<T>::of(old as u32).with(X2::<T>::of(a as u32), |a, b| a.add(b, Rounding::Nearest)).cell())
}

fn change(d: &Decoder<'_, '_>, operation: &str, ty: Type, full: bool) -> Result<Change> {
    let change: Change = match (operation, ty) {
        (".and", Type::B32 | Type::B64) => |old, a, _| old & a,
        (".or", Type::B32 | Type::B64) => |old, a, _| old | a,
        (".xor", Type::B32 | Type::B64) => |old, a, _| old ^ a,
        (".exch", Type::B32 | Type::B64) => |_, a, _| a,
        (".cas", Type::B16 | Type::B32 | Type::B64) => |old, compare, new| if old == compare { new } else { old },
        (".add", Type::U32 | Type::S32) => |old, a, _| u64::from((old as u32).wrapping_add(a as u32)),
        (".add", Type::U64) => |old, a, _| old.wrapping_add(a),
        (".inc", Type::U32) => |old, a, _| if old >= a { 0 } else { old + 1 },
        (".dec", Type::U32) => |old, a, _| if old == 0 || old > a { a } else { old - 1 },
        (".min", Type::U32 | Type::U64) => |old, a, _| old.min(a),
        (".max", Type::U32 | Type::U64) => |old, a, _| old.max(a),
        (".min", Type::S32) => |old, a, _| (old as u32 as i32).min(a as u32 as i32) as u32 as u64,
        (".max", Type::S32) => |old, a, _| (old as u32 as i32).max(a as u32 as i32) as u32 as u64,
        (".min", Type::S64) => |old, a, _| (old as i64).min(a as i64) as u64,
        (".max", Type::S64) => |old, a, _| (old as i64).max(a as i64) as u64,
        (".add", Type::F32) => add::<f32>,
        (".add", Type::F64) => add::<f64>,
        (".add", Type::F16) if full => add::<f16>,
        (".add", Type::Bf16) if full => add::<bf16>,
        (".add", Type::F16x2) if full => add_pair::<f16>,
        (".add", Type::Bf16x2) if full => add_pair::<bf16>,
        (".add", Type::F16 | Type::Bf16 | Type::F16x2 | Type::Bf16x2) => {
            return Err(d.error("an addition of halves needs `.noftz`"));
        }
        _ => return Err(d.error(format!("there is no atomic operation `{operation}` of type {}", ty.name()))),
    };
    match ty {
        Type::B16 => d.need((6, 3), 70)?,
        Type::Bf16 | Type::Bf16x2 => d.need((7, 8), 90)?,
        Type::F16 => d.need((6, 3), 70)?,
        _ if full && ty != Type::F16x2 => return Err(d.error("the modifier `.noftz` is not known here")),
        _ => {}
    }
    Ok(change)
}
