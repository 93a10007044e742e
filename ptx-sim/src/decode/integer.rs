//! Integer arithmetic, and operations on bits.

use super::{
    decoder::{Decoder, Result},
    lanes::{binary, quaternary, ternary, unary},
};
use crate::{
    machine::{
        code::Op,
        value::{LANES, Source, Value, X2},
        warp::Warp,
    },
    number::integer::{
        Integer, Permutation, bit_mask, extend, extract, find_highest, find_nth, insert, look_up, permute,
    },
    ptx::types::Type,
};

/// `add`, `sub`, `mul`, `div`, `rem`, `min`, `max` of integers.
pub fn arithmetic(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    if d.eat(".cc") {
        return carry(d, true);
    }
    let is_saturated = d.eat(".sat");
    let relu = matches!(opcode, "min" | "max") && d.eat(".relu");
    let ty = d.ty()?;
    if relu {
        d.need((8, 0), 90)?;
    }
    if is_saturated {
        if ty != Type::S32 || !matches!(opcode, "add" | "sub") {
            return Err(d.bad_type(ty));
        }
        let (to, from) = d.two(ty)?;
        return Ok(if opcode == "add" {
            binary(to, from, i32::saturating_add)
        } else {
            binary(to, from, i32::saturating_sub)
        });
    }
    if matches!(ty, Type::U16x2 | Type::S16x2) {
        d.need((8, 0), 90)?;
        return pairs(d, ty, relu);
    }
    if relu {
        if ty != Type::S32 {
            return Err(d.bad_type(ty));
        }
        let (to, from) = d.two(ty)?;
        return Ok(if opcode == "min" {
            binary(to, from, |a: i32, b: i32| a.min(b).max(0))
        } else {
            binary(to, from, |a: i32, b: i32| a.max(b).max(0))
        });
    }
    let (to, from) = d.two(ty)?;
    Ok(with_type!(d, ty, [U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64], T => match opcode {
        "add" => binary(to, from, <T as Integer>::add),
        "sub" => binary(to, from, <T as Integer>::sub),
        "div" => binary(to, from, <T as Integer>::div),
        "rem" => binary(to, from, <T as Integer>::rem),
        "min" => binary(to, from, |a: T, b: T| a.min(b)),
        "max" => binary(to, from, |a: T, b: T| a.max(b)),
        _ => return Err(d.unknown()),
    }))
}

fn pairs(d: &mut Decoder<'_, '_>, ty: Type, relu: bool) -> Result<Op> {
    let opcode = d.instruction.opcode;
    if relu && ty != Type::S16x2 {
        return Err(d.bad_type(ty));
    }
    let (to, from) = d.two(ty)?;
    let floor = if relu { 0 } else { i16::MIN };
    Ok(match (opcode, ty) {
        ("add", _) => binary(to, from, |a: X2<u16>, b: X2<u16>| a.with(b, u16::wrapping_add)),
        ("min", Type::U16x2) => binary(to, from, |a: X2<u16>, b: X2<u16>| a.with(b, u16::min)),
        ("max", Type::U16x2) => binary(to, from, |a: X2<u16>, b: X2<u16>| a.with(b, u16::max)),
        ("min", _) => binary(to, from, move |a: X2<i16>, b: X2<i16>| a.with(b, |a, b| a.min(b).max(floor))),
        ("max", _) => binary(to, from, move |a: X2<i16>, b: X2<i16>| a.with(b, |a, b| a.max(b).max(floor))),
        _ => return Err(d.bad_type(ty)),
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Low,
    High,
    Wide,
}

const PARTS: [(&str, Part); 3] = [(".lo", Part::Low), (".hi", Part::High), (".wide", Part::Wide)];

/// `mul` of integers.
pub fn multiply(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let part = d.must(&PARTS)?;
    let ty = d.ty()?;
    if part == Part::Wide {
        return wide(d, ty, false);
    }
    let (to, from) = d.two(ty)?;
    Ok(with_type!(d, ty, [U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64], T => {
        if part == Part::Low { binary(to, from, <T as Integer>::mul) } else { binary(to, from, <T as Integer>::mul_high) }
    }))
}

/// `mul.wide`, `mad.wide`
fn wide(d: &mut Decoder<'_, '_>, ty: Type, adds: bool) -> Result<Op> {
    let double = match ty {
        Type::U16 => Type::U32,
        Type::S16 => Type::S32,
        Type::U32 => Type::U64,
        Type::S32 => Type::S64,
        _ => return Err(d.bad_type(ty)),
    };
    let to = d.destination(double)?;
    let (a, b) = (d.source(ty)?, d.source(ty)?);
    let c = if adds { Some(d.source(double)?) } else { None };
    Ok(match (ty, c) {
        (Type::U16, None) => binary(to, (a, b), |a: u16, b: u16| u32::from(a) * u32::from(b)),
        (Type::S16, None) => binary(to, (a, b), |a: i16, b: i16| i32::from(a) * i32::from(b)),
        (Type::U32, None) => binary(to, (a, b), |a: u32, b: u32| u64::from(a) * u64::from(b)),
        (_, None) => binary(to, (a, b), |a: i32, b: i32| i64::from(a) * i64::from(b)),
        (Type::U16, Some(c)) => {
            ternary(to, (a, b, c), |a: u16, b: u16, c: u32| (u32::from(a) * u32::from(b)).wrapping_add(c))
        }
        (Type::S16, Some(c)) => {
            ternary(to, (a, b, c), |a: i16, b: i16, c: i32| (i32::from(a) * i32::from(b)).wrapping_add(c))
        }
        (Type::U32, Some(c)) => {
            ternary(to, (a, b, c), |a: u32, b: u32, c: u64| (u64::from(a) * u64::from(b)).wrapping_add(c))
        }
        (_, Some(c)) => ternary(to, (a, b, c), |a: i32, b: i32, c: i64| (i64::from(a) * i64::from(b)).wrapping_add(c)),
    })
}

/// `mad` of integers.
pub fn multiply_add(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let part = d.must(&PARTS)?;
    if part != Part::Wide && d.eat(".cc") {
        return carry_product(d, part, true, false);
    }
    let is_saturated = part == Part::High && d.eat(".sat");
    let ty = d.ty()?;
    if part == Part::Wide {
        return wide(d, ty, true);
    }
    let (to, from) = d.three(ty)?;
    if is_saturated {
        if ty != Type::S32 {
            return Err(d.bad_type(ty));
        }
        return Ok(ternary(to, from, |a: i32, b: i32, c: i32| a.mul_high(b).saturating_add(c)));
    }
    Ok(with_type!(d, ty, [U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64], T => {
        if part == Part::Low {
            ternary(to, from, |a: T, b: T, c: T| Integer::add(Integer::mul(a, b), c))
        } else {
            ternary(to, from, |a: T, b: T, c: T| Integer::add(a.mul_high(b), c))
        }
    }))
}

/// `mul24`, `mad24`
pub fn multiply_24(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let part = d.must(&PARTS[..2])?;
    let adds = d.instruction.opcode == "mad24";
    let is_saturated = adds && part == Part::High && d.eat(".sat");
    let ty = d.ty()?;
    if !matches!(ty, Type::U32 | Type::S32) || is_saturated && ty != Type::S32 {
        return Err(d.bad_type(ty));
    }
    let to = d.destination(ty)?;
    let (a, b) = (d.source(ty)?, d.source(ty)?);
    let c = if adds { d.source(ty)? } else { d.module.constants.source(0_u32) };
    let is_signed = ty == Type::S32;
    Ok(ternary(to, (a, b, c), move |a: u32, b: u32, c: u32| {
        let of =
            |value: u32| if is_signed { i64::from((value << 8) as i32 >> 8) } else { i64::from(value & 0xff_ffff) };
        let product = of(a) * of(b);
        let half = (if part == Part::Low { product } else { product >> 16 }) as u32;
        if is_saturated { (half as i32).saturating_add(c as i32) as u32 } else { half.wrapping_add(c) }
    }))
}

/// `sad`
pub fn absolute_difference(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let (to, from) = d.three(ty)?;
    Ok(with_type!(d, ty, [U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64], T => {
        ternary(to, from, |a: T, b: T, c: T| {
            let difference = if a > b { Integer::sub(a, b) } else { Integer::sub(b, a) };
            Integer::add(c, difference)
        })
    }))
}

/// `abs`, `neg` of integers.
pub fn sign(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let ty = d.ty()?;
    let (to, from) = (d.destination(ty)?, d.source(ty)?);
    Ok(with_type!(d, ty, [S16 => i16, S32 => i32, S64 => i64], T => {
        if opcode == "abs" { unary(to, from, <T as Integer>::abs) } else { unary(to, from, <T as Integer>::neg) }
    }))
}

/// `addc`, `subc`
pub fn carry_in(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let sets = d.eat(".cc");
    carry(d, sets)
}

/// Adds and subtracts with the carry flag: `sets` it, and reads it if the opcode ends with `c`.
fn carry(d: &mut Decoder<'_, '_>, sets: bool) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let subtracts = match opcode {
        "add" | "addc" => false,
        "sub" | "subc" => true,
        _ => return Err(d.unknown()),
    };
    let reads = opcode.ends_with('c');
    let ty = d.ty()?;
    let (to, (a, b)) = d.two(ty)?;
    Ok(match ty {
        Type::U32 | Type::S32 => carried(to, (a, b), sets, reads, move |a: u32, b: u32, carry| {
            let (first, one) = if subtracts { a.overflowing_sub(b) } else { a.overflowing_add(b) };
            let carry = u32::from(carry);
            let (second, two) = if subtracts { first.overflowing_sub(carry) } else { first.overflowing_add(carry) };
            (second, one || two)
        }),
        Type::U64 | Type::S64 => carried(to, (a, b), sets, reads, move |a: u64, b: u64, carry| {
            let (first, one) = if subtracts { a.overflowing_sub(b) } else { a.overflowing_add(b) };
            let carry = u64::from(carry);
            let (second, two) = if subtracts { first.overflowing_sub(carry) } else { first.overflowing_add(carry) };
            (second, one || two)
        }),
        _ => return Err(d.bad_type(ty)),
    })
}

fn carried<T: Value>(
    to: u32,
    (a, b): (Source, Source),
    sets: bool,
    reads: bool,
    f: impl Fn(T, T, bool) -> (T, bool) + Send + Sync + 'static,
) -> Op {
    Op::Compute(Box::new(move |warp: &mut Warp| {
        let (a, b) = (warp.get::<T::Cell>(a), warp.get::<T::Cell>(b));
        let mut carry = 0;
        let values: [T::Cell; LANES] = std::array::from_fn(|lane| {
            let (value, out) = f(T::of(a[lane]), T::of(b[lane]), reads && warp.carry >> lane & 1 != 0);
            carry |= u32::from(out) << lane;
            value.cell()
        });
        warp.set(to, &values);
        if sets {
            warp.carry = warp.carry & !warp.mask | carry & warp.mask;
        }
    }))
}

/// `madc`
pub fn multiply_carry(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let part = d.must(&PARTS[..2])?;
    let sets = d.eat(".cc");
    carry_product(d, part, sets, true)
}

fn carry_product(d: &mut Decoder<'_, '_>, part: Part, sets: bool, reads: bool) -> Result<Op> {
    let ty = d.ty()?;
    let (to, (a, b, c)) = d.three(ty)?;
    // The product goes through the register that gets the sum, so it must not be the summand's.
    Ok(with_type!(d, ty, [U32 => u32, S32 => i32, U64 => u64, S64 => i64], T => {
        Op::Compute(Box::new(move |warp: &mut Warp| {
            type C = <T as Value>::Cell;
            let (a, b, c) = (warp.get::<C>(a), warp.get::<C>(b), warp.get::<C>(c));
            let mut carry = 0;
            let values: [C; LANES] = std::array::from_fn(|lane| {
                let (a, b) = (<T as Value>::of(a[lane]), <T as Value>::of(b[lane]));
                let product = if part == Part::Low { Integer::mul(a, b) } else { a.mul_high(b) }.cell();
                let (sum, one) = product.overflowing_add(c[lane]);
                let (sum, two) = sum.overflowing_add(C::from(reads && warp.carry >> lane & 1 != 0));
                carry |= u32::from(one || two) << lane;
                sum
            });
            warp.set(to, &values);
            if sets {
                warp.carry = warp.carry & !warp.mask | carry & warp.mask;
            }
        }))
    }))
}

/// `popc`, `clz`, `bfind`, `brev`, `fns`
pub fn count(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let shift_amount = opcode == "bfind" && d.eat(".shiftamt");
    let ty = d.ty()?;
    let is_bits = matches!(ty, Type::B32 | Type::B64);
    if opcode != "bfind" && !is_bits {
        return Err(d.bad_type(ty));
    }
    let to = d.destination(if opcode == "brev" { ty } else { Type::U32 })?;
    let from = d.source(ty)?;
    Ok(match (opcode, ty) {
        ("popc", Type::B32) => unary(to, from, u32::count_ones),
        ("popc", _) => unary(to, from, u64::count_ones),
        ("clz", Type::B32) => unary(to, from, u32::leading_zeros),
        ("clz", _) => unary(to, from, u64::leading_zeros),
        ("brev", Type::B32) => unary(to, from, u32::reverse_bits),
        ("brev", _) => unary(to, from, u64::reverse_bits),
        _ => with_type!(d, ty, [U32 => u32, S32 => i32, U64 => u64, S64 => i64], T => {
            unary(to, from, move |value: T| find_highest(value, shift_amount))
        }),
    })
}

/// `fns`
pub fn nth_bit(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.ty()? != Type::B32 {
        return Err(d.unknown());
    }
    let to = d.destination(Type::B32)?;
    let from = (d.source(Type::B32)?, d.source(Type::B32)?, d.source(Type::S32)?);
    Ok(ternary(to, from, find_nth))
}

/// `bfe`
pub fn extract_field(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let to = d.destination(ty)?;
    let from = (d.source(ty)?, d.source(Type::U32)?, d.source(Type::U32)?);
    Ok(with_type!(d, ty, [U32 => u32, S32 => i32, U64 => u64, S64 => i64], T => ternary(to, from, extract::<T>)))
}

/// `bfi`
pub fn insert_field(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let to = d.destination(ty)?;
    let from = (d.source(ty)?, d.source(ty)?, d.source(Type::U32)?, d.source(Type::U32)?);
    Ok(with_type!(d, ty, [B32 => u32, B64 => u64], T => quaternary(to, from, insert::<T>)))
}

/// `bmsk`, `szext`
pub fn mask(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.need((7, 6), 70)?;
    let clamp = d.must(&[(".clamp", true), (".wrap", false)])?;
    let ty = d.ty()?;
    let to = d.destination(ty)?;
    let from = (d.source(ty)?, d.source(Type::U32)?);
    match (d.instruction.opcode, ty) {
        ("bmsk", Type::B32) => Ok(binary(to, from, move |position, width| bit_mask(position, width, clamp))),
        ("szext", Type::U32 | Type::S32) => {
            let is_signed = ty == Type::S32;
            Ok(binary(to, from, move |value, width| extend(value, width, clamp, is_signed)))
        }
        _ => Err(d.bad_type(ty)),
    }
}

/// `dp4a`, `dp2a`
pub fn dot(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let halves = match d.instruction.opcode {
        "dp2a" => Some(d.must(&[(".lo", 0), (".hi", 2)])?),
        _ => None,
    };
    let words = [(".u32", false), (".s32", true)];
    let (a_signed, b_signed) = (d.must(&words)?, d.must(&words)?);
    let sum = if a_signed || b_signed { Type::S32 } else { Type::U32 };
    let to = d.destination(sum)?;
    let from = (d.source(Type::B32)?, d.source(Type::B32)?, d.source(sum)?);
    let byte = |word: u32, at: u32, is_signed: bool| {
        let byte = (word >> (8 * at)) as u8;
        if is_signed { i32::from(byte as i8) } else { i32::from(byte) }
    };
    let half = |word: u32, at: u32, is_signed: bool| {
        let half = (word >> (16 * at)) as u16;
        if is_signed { i32::from(half as i16) } else { i32::from(half) }
    };
    Ok(ternary(to, from, move |a: u32, b: u32, c: u32| match halves {
        None => (0..4).fold(c, |sum, at| sum.wrapping_add((byte(a, at, a_signed) * byte(b, at, b_signed)) as u32)),
        Some(first) => {
            (0..2).fold(c, |sum, at| sum.wrapping_add((half(a, at, a_signed) * byte(b, first + at, b_signed)) as u32))
        }
    }))
}

/// `prmt`
pub fn permute_bytes(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.ty()? != Type::B32 {
        return Err(d.unknown());
    }
    let permutation = d.one_of(&[
        (".f4e", Permutation::Forward4),
        (".b4e", Permutation::Backward4),
        (".rc8", Permutation::Replicate8),
        (".ecl", Permutation::ClampLeft),
        (".ecr", Permutation::ClampRight),
        (".rc16", Permutation::Replicate16),
    ]);
    let permutation = permutation.unwrap_or(Permutation::Index);
    let (to, from) = d.three(Type::B32)?;
    Ok(ternary(to, from, move |a, b, selector| permute(a, b, selector, permutation)))
}

/// `and`, `or`, `xor`, `not`, `cnot`
pub fn logic(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let ty = d.ty()?;
    if ty == Type::Pred {
        return predicates(d);
    }
    if matches!(opcode, "not" | "cnot") {
        let (to, from) = (d.destination(ty)?, d.source(ty)?);
        return Ok(with_type!(d, ty, [B16 => u16, B32 => u32, B64 => u64], T => {
            if opcode == "not" { unary(to, from, |a: T| !a) } else { unary(to, from, |a: T| T::from(a == 0)) }
        }));
    }
    let (to, from) = d.two(ty)?;
    Ok(with_type!(d, ty, [B16 => u16, B32 => u32, B64 => u64], T => match opcode {
        "and" => binary(to, from, |a: T, b: T| a & b),
        "or" => binary(to, from, |a: T, b: T| a | b),
        _ => binary(to, from, |a: T, b: T| a ^ b),
    }))
}

fn predicates(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let opcode = d.instruction.opcode;
    let to = d.destination(Type::Pred)?;
    let (a, _) = d.predicate()?;
    if opcode == "not" {
        return Ok(Op::Compute(Box::new(move |warp| warp.set_predicate(to, !warp.predicate(a)))));
    }
    let (b, _) = d.predicate()?;
    let f: fn(u32, u32) -> u32 = match opcode {
        "and" => |a, b| a & b,
        "or" => |a, b| a | b,
        "xor" => |a, b| a ^ b,
        _ => return Err(d.unknown()),
    };
    Ok(Op::Compute(Box::new(move |warp| warp.set_predicate(to, f(warp.predicate(a), warp.predicate(b))))))
}

/// `lop3`
pub fn look_up_table(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.ty()? != Type::B32 {
        return Err(d.unknown());
    }
    let to = d.destination(Type::B32)?;
    let from = (d.source(Type::B32)?, d.source(Type::B32)?, d.source(Type::B32)?);
    let table = u32::try_from(d.number()?).ok().filter(|table| *table < 256);
    let table = table.ok_or_else(|| d.error("the table of `lop3` has 8 bits"))?;
    Ok(ternary(to, from, move |a, b, c| look_up(a, b, c, table)))
}

/// `shl`, `shr`
pub fn shift(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let ty = d.ty()?;
    let to = d.destination(ty)?;
    let from = (d.source(ty)?, d.source(Type::U32)?);
    if d.instruction.opcode == "shl" {
        return Ok(with_type!(d, ty, [B16 => u16, B32 => u32, B64 => u64], T => binary(to, from, <T as Integer>::shl)));
    }
    Ok(with_type!(d, ty, [
        B16 => u16, B32 => u32, B64 => u64, U16 => u16, U32 => u32, U64 => u64, S16 => i16, S32 => i32, S64 => i64
    ], T => binary(to, from, <T as Integer>::shr)))
}

/// `shf`
pub fn funnel(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let is_left = d.must(&[(".l", true), (".r", false)])?;
    let clamp = d.must(&[(".clamp", true), (".wrap", false)])?;
    if d.ty()? != Type::B32 {
        return Err(d.unknown());
    }
    let (to, from) = d.three(Type::B32)?;
    Ok(ternary(to, from, move |low: u32, high: u32, by: u32| {
        let by = if clamp { by.min(32) } else { by & 31 };
        let both = u64::from(high) << 32 | u64::from(low);
        if is_left { (both << by >> 32) as u32 } else { (both >> by) as u32 }
    }))
}
