//! `cvt`.

use half::{bf16, f16};

use super::{
    decoder::{Decoder, Result},
    float::{ROUNDINGS, tf32},
    lanes::{binary, unary},
};
use crate::{
    machine::{
        code::Op,
        value::{Cell, LANES, Source, X2},
    },
    number::{float::Float, round::Rounding},
    ptx::types::Type,
};

const INTEGRAL: [(&str, Rounding); 4] =
    [(".rni", Rounding::Nearest), (".rzi", Rounding::Zero), (".rmi", Rounding::Down), (".rpi", Rounding::Up)];

/// From the bits of a register to those of another one.
type Convert = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// `cvt`
pub fn convert(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let integral = d.one_of(&INTEGRAL);
    let rounding = if integral.is_none() { d.one_of(&ROUNDINGS) } else { None };
    let away = integral.is_none() && rounding.is_none() && d.eat(".rna");
    let relu = d.eat(".relu");
    let finite = d.eat(".satfinite");
    let relu = relu || d.eat(".relu");
    let flushes = d.eat(".ftz");
    let saturates = d.eat(".sat");
    let (to, from) = (d.ty()?, d.ty()?);
    if finite {
        return Err(d.error("`.satfinite` is not simulated"));
    }
    if away || to == Type::Tf32 {
        return to_tf32(d, rounding.or(away.then_some(Rounding::Away)), relu, (to, from));
    }
    if matches!(to, Type::F16x2 | Type::Bf16x2) {
        return two_halves(d, rounding, relu, (to, from));
    }
    for ty in [to, from] {
        let is_known =
            ty.is_signed() || ty.is_unsigned() || matches!(ty, Type::F16 | Type::Bf16 | Type::F32 | Type::F64);
        if !is_known {
            return Err(d.bad_type(ty));
        }
    }
    if relu {
        if from != Type::F32 || !matches!(to, Type::F16 | Type::Bf16) {
            return Err(d.error("the modifier `.relu` is not known here"));
        }
        d.need((7, 0), 80)?;
    }
    match (to, from) {
        (Type::Bf16, Type::F32) => d.need((7, 0), 80)?,
        (Type::F32, Type::Bf16) => d.need((7, 1), 80)?,
        (Type::Bf16, _) | (_, Type::Bf16) => d.need((7, 8), 90)?,
        _ => {}
    }
    if flushes && to != Type::F32 && from != Type::F32 {
        return Err(d.error("`.ftz` is for f32"));
    }
    if matches!((to, from), (Type::Bf16, Type::U8 | Type::S8) | (Type::U8 | Type::S8, Type::Bf16)) {
        return Err(d.bad_type(Type::Bf16));
    }
    if saturates && !to.is_float() && !from.is_float() {
        // Where all values fit, the modifier is refused.
        let (inner, outer) = (bounds(from), bounds(to));
        if inner.0 >= outer.0 && inner.1 <= outer.1 {
            return Err(d.error(format!("`.sat` has no meaning from {} to {}", from.name(), to.name())));
        }
    }
    check_rounding(d, (to, from), integral.is_some(), rounding.is_some())?;
    let operand = d.operand()?;
    let (row, register) = d.register_of(operand, to, true)?;
    let operand = d.operand()?;
    let (source, source_register) = d.source_of(operand, from, true)?;
    if let (Some(op), false) =
        (common((to, from), (row, register), (source, source_register), rounding), flushes || saturates)
    {
        return Ok(op);
    }
    let around = Around { integral, rounding: rounding.unwrap_or(Rounding::Nearest), flushes, saturates, relu };
    let f = extend(conversion(to, from, around), to, register);
    Ok(match (register.bits(), source_register.bits()) {
        (64, 64) => through::<u64, u64>(row, source, f),
        (64, _) => through::<u64, u32>(row, source, f),
        (_, 64) => through::<u32, u64>(row, source, f),
        _ => through::<u32, u32>(row, source, f),
    })
}

/// Whether the rounding is there that a conversion needs, and no other one.
fn check_rounding(d: &Decoder<'_, '_>, (to, from): (Type, Type), integral: bool, rounding: bool) -> Result<()> {
    let fits = match (from.is_float(), to.is_float()) {
        (false, false) => !integral && !rounding,
        (false, true) => rounding,
        (true, false) => integral,
        (true, true) if to == from => !rounding,
        // Both have 16 bits.
        (true, true) if to.bits() <= from.bits() => rounding,
        (true, true) => !rounding && !integral,
    };
    if fits {
        Ok(())
    } else {
        Err(d.error(format!("from {} to {} another rounding is wanted, or none", from.name(), to.name())))
    }
}

/// Conversions that most loops have, for which lanes need no call each. Registers must be as wide as the types.
fn common(
    (to, from): (Type, Type),
    (row, register): (u32, Type),
    (source, source_register): (Source, Type),
    rounding: Option<Rounding>,
) -> Option<Op> {
    let is_wide = register.bits() != to.bits() || source_register.bits() != from.bits();
    if is_wide || rounding.is_some_and(|rounding| rounding != Rounding::Nearest) {
        return None;
    }
    Some(match (to, from) {
        (Type::F32, Type::S32) => unary(row, source, |x: i32| x as f32),
        (Type::F32, Type::U32) => unary(row, source, |x: u32| x as f32),
        (Type::F64, Type::S32) => unary(row, source, |x: i32| f64::from(x)),
        (Type::F64, Type::U32) => unary(row, source, |x: u32| f64::from(x)),
        (Type::U64 | Type::S64, Type::U32) => unary(row, source, |x: u32| u64::from(x)),
        (Type::U64 | Type::S64, Type::S32) => unary(row, source, |x: i32| i64::from(x)),
        _ => return None,
    })
}

fn through<D: Cell, A: Cell>(row: u32, source: Source, f: Convert) -> Op {
    Op::Compute(Box::new(move |warp| {
        let a = warp.get::<A>(source);
        let mask = warp.mask;
        let values: [D; LANES] = std::array::from_fn(|lane| {
            if mask >> lane & 1 != 0 { D::of_bits(u128::from(f(a[lane].bits() as u64))) } else { D::default() }
        });
        warp.set(row, &values);
    }))
}

/// What a conversion does beside it.
#[derive(Clone, Copy)]
struct Around {
    integral: Option<Rounding>,
    rounding: Rounding,
    flushes: bool,
    saturates: bool,
    relu: bool,
}

/// The value of an integer type's low bits.
fn integer(ty: Type, bits: u64) -> i128 {
    let unused = 64 - ty.bits();
    if ty.is_signed() { i128::from((bits << unused) as i64 >> unused) } else { i128::from(bits << unused >> unused) }
}

/// The least and the greatest value of an integer type.
fn bounds(ty: Type) -> (i128, i128) {
    let bits = ty.bits();
    if ty.is_signed() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

/// A conversion whose result is in the low bits.
fn conversion(to: Type, from: Type, around: Around) -> Convert {
    match from {
        Type::F16 => of_float::<f16>(to, from, around),
        Type::Bf16 => of_float::<bf16>(to, from, around),
        Type::F32 => of_float::<f32>(to, from, around),
        Type::F64 => of_float::<f64>(to, from, around),
        _ => match to {
            Type::F16 => of_integer::<f16>(from, around),
            Type::Bf16 => of_integer::<bf16>(from, around),
            Type::F32 => of_integer::<f32>(from, around),
            Type::F64 => of_integer::<f64>(from, around),
            _ => {
                let (low, high) = bounds(to);
                let saturates = around.saturates;
                Box::new(move |bits| {
                    let value = integer(from, bits);
                    (if saturates { value.clamp(low, high) } else { value }) as u64
                })
            }
        },
    }
}

fn of_integer<T: Float>(from: Type, around: Around) -> Convert {
    Box::new(move |bits| {
        let value = T::of_integer(integer(from, bits), around.rounding);
        (if around.saturates { value.saturate() } else { value }).bits()
    })
}

fn of_float<A: Float>(to: Type, from: Type, around: Around) -> Convert {
    match to {
        Type::F16 => between::<A, f16>(to == from, around),
        Type::Bf16 => between::<A, bf16>(to == from, around),
        Type::F32 => between::<A, f32>(to == from, around),
        Type::F64 => between::<A, f64>(to == from, around),
        _ => {
            let (low, high) = bounds(to);
            let rounding = around.integral.unwrap_or(Rounding::Zero);
            // What is no number is 0, or the upper bit of 64 bits where f64 or 64 bits take part.
            let nan = if from == Type::F64 || to.bits() == 64 { 1_u64 << (to.bits() - 1) } else { 0 };
            Box::new(move |bits| {
                let value = A::of_bits(bits);
                if value.is_nan() {
                    return nan;
                }
                let value = if around.flushes { value.flush() } else { value };
                (rounding.integral(value.f64()) as i128).clamp(low, high) as u64
            })
        }
    }
}

fn between<A: Float, D: Float>(is_same: bool, around: Around) -> Convert {
    Box::new(move |bits| {
        let value = A::of_bits(bits);
        let value = if around.flushes { value.flush() } else { value };
        let value = match around.integral {
            Some(rounding) => value.integral(rounding),
            None => value,
        };
        let value =
            if is_same { D::of_bits(value.bits()) } else { D::of_f64(value.f64(), around.rounding) }.canonical();
        let value = if around.flushes { value.flush() } else { value };
        let value = if around.saturates { value.saturate() } else { value };
        (if around.relu { value.relu() } else { value }).bits()
    })
}

/// The result as the register has it, which may be wider than the type.
fn extend(f: Convert, to: Type, register: Type) -> Convert {
    if to.is_float() {
        return f;
    }
    let kept = 64 - register.bits();
    Box::new(move |bits| integer(to, f(bits)) as u64 & u64::MAX >> kept)
}

fn to_tf32(d: &mut Decoder<'_, '_>, rounding: Option<Rounding>, relu: bool, (to, from): (Type, Type)) -> Result<Op> {
    let Some(rounding) = rounding.filter(|_| (to, from) == (Type::Tf32, Type::F32)) else {
        return Err(d.error("a rounding to tf32 is from f32, to the nearest or to zero"));
    };
    if rounding == Rounding::Away {
        d.need((7, 0), 80)?;
    } else {
        d.need((7, 8), 90)?;
    }
    let row = d.destination(Type::B32)?;
    let source = d.source(Type::F32)?;
    Ok(unary(row, source, move |x: f32| tf32(if relu { x.relu() } else { x }, rounding)))
}

/// Two numbers made halves of one register: the first one is the upper half.
fn two_halves(d: &mut Decoder<'_, '_>, rounding: Option<Rounding>, relu: bool, (to, from): (Type, Type)) -> Result<Op> {
    d.need((7, 0), 80)?;
    let Some(rounding) =
        rounding.filter(|rounding| from == Type::F32 && matches!(rounding, Rounding::Nearest | Rounding::Zero))
    else {
        return Err(d.error("two halves are made of f32, rounded to the nearest or to zero"));
    };
    let row = d.destination(to)?;
    let from = (d.source(Type::F32)?, d.source(Type::F32)?);
    fn half<T: Float>(x: f32, rounding: Rounding, relu: bool) -> T {
        let x = T::of_f64(f64::from(x), rounding);
        if relu { x.relu() } else { x }
    }
    Ok(if to == Type::F16x2 {
        binary(row, from, move |high: f32, low: f32| X2::<f16>(half(low, rounding, relu), half(high, rounding, relu)))
    } else {
        binary(row, from, move |high: f32, low: f32| X2::<bf16>(half(low, rounding, relu), half(high, rounding, relu)))
    })
}
