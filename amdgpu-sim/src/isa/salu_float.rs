//! Scalar arithmetic on floating-point numbers (*RDNA 4 ISA*, chapter 6 "Scalar ALU Operations").
//!
//! The operations are those of the vector instructions of the same names, for one value: with MODE's denormals, and NaNs
//! made quiet. A 16-bit result fills its register with zeros.

use half::f16;

use super::{
    arithmetic::{Extreme, approximate, extreme, f16_from_f64, f16_toward_zero, fma_f16, maximum, minimum},
    lane::Lane,
    rounding::{self, rounded},
    salu::{Source, put, source, target, un},
    step::{DecodeError, Flow, Step},
    text::Parsed,
    valu::Vop,
};
use crate::machine::wave::{LANES, Mode, Wave};

type Decoded = Result<Step, DecodeError>;

/// The step of a scalar floating-point instruction; `None` if it is none.
pub fn lookup(p: &Parsed) -> Option<Decoded> {
    let name = p.mnemonic.strip_prefix("s_")?;
    if let Some(rest) = name.strip_prefix("cmp_") {
        let (relation, ty) = rest.split_once('_')?;
        return match ty {
            "f32" => comparison::<f32>(p, relation),
            "f16" => comparison::<f16>(p, relation),
            _ => None,
        };
    }
    if let Some(rest) = name.strip_prefix("cvt_") {
        return conversion(p, rest);
    }
    let (operation, ty) = name.rsplit_once('_')?;
    match ty {
        "f32" => Some(match operation {
            "add" => arithmetic2(p, |m, a: f32, b| rounded(m, || a + b, |round| rounding::add(round, a, b))),
            "sub" => arithmetic2(p, |m, a: f32, b| rounded(m, || a - b, |round| rounding::sub(round, a, b))),
            "mul" => arithmetic2(p, |m, a: f32, b| rounded(m, || a * b, |round| rounding::mul(round, a, b))),
            "ceil" => arithmetic1(p, f32::ceil),
            "floor" => arithmetic1(p, f32::floor),
            "trunc" => arithmetic1(p, f32::trunc),
            "rndne" => arithmetic1(p, f32::round_ties_even),
            "fmac" => arithmetic3(p, [1, 2, 0], |m, a: f32, b, c| fma(m, f32::mul_add, a, b, c)),
            "fmaak" | "fmamk" => arithmetic3(p, [1, 2, 3], |m, a: f32, b, c| fma(m, f32::mul_add, a, b, c)),
            _ => return extremes::<f32>(p, operation),
        }),
        "f16" => Some(match operation {
            // Exact or innocuously rounded in f32, as in the vector table.
            "add" => arithmetic2(p, |m, a: f16, b| {
                rounded(m, || f16::from_f32(a.to_f32() + b.to_f32()), |round| rounding::add(round, a, b))
            }),
            "sub" => arithmetic2(p, |m, a: f16, b| {
                rounded(m, || f16::from_f32(a.to_f32() - b.to_f32()), |round| rounding::sub(round, a, b))
            }),
            "mul" => arithmetic2(p, |m, a: f16, b| {
                rounded(m, || f16::from_f32(a.to_f32() * b.to_f32()), |round| rounding::mul(round, a, b))
            }),
            "ceil" => arithmetic1(p, |a: f16| f16::from_f32(a.to_f32().ceil())),
            "floor" => arithmetic1(p, |a: f16| f16::from_f32(a.to_f32().floor())),
            "trunc" => arithmetic1(p, |a: f16| f16::from_f32(a.to_f32().trunc())),
            "rndne" => arithmetic1(p, |a: f16| f16::from_f32(a.to_f32().round_ties_even())),
            "fmac" => arithmetic3(p, [1, 2, 0], |m, a: f16, b, c| fma(m, fma_f16, a, b, c)),
            _ => return extremes::<f16>(p, operation),
        }),
        _ => None,
    }
}

/// The step of an approximation of a scalar, which the vector unit computes; `None` if it is none.
pub fn transcendental(v: &Vop<'_>) -> Option<Decoded> {
    let (name, ty) = v.parsed.mnemonic.strip_prefix("v_s_")?.rsplit_once('_')?;
    let f: fn(f64) -> f64 = match name {
        "exp" => f64::exp2,
        "log" => f64::log2,
        "rcp" => f64::recip,
        "rsq" => |x| 1.0 / x.sqrt(),
        "sqrt" => f64::sqrt,
        _ => return None,
    };
    Some(match ty {
        "f32" => scalar_of_vector(v, move |a: f32| approximate(a, f)),
        "f16" => scalar_of_vector(v, move |a: f16| f16_from_f64(f(a.to_f64()))),
        _ => return None,
    })
}

fn scalar_of_vector<T: Lane>(v: &Vop<'_>, f: impl Fn(T) -> T + Send + Sync + 'static) -> Decoded {
    let (to, a) = (target::<T>(v.parsed)?, v.source::<T>(1, 0)?);
    if v.parsed.flag("clamp") || v.parsed.flag("mul") || v.parsed.flag("div") {
        return Err(DecodeError::new(v.parsed, "no semantics for output modifiers of a scalar result"));
    }
    Ok(Box::new(move |wave, _| {
        let mut room = [T::default(); LANES];
        let a = a.fetch(wave, &mut room, true)[0];
        put(wave, to, settle(f(a), &[a], wave.mode));
        Ok(Flow::Next)
    }))
}

fn extremes<T: Lane + PartialOrd>(p: &Parsed, operation: &str) -> Option<Decoded> {
    Some(match operation {
        "min_num" => arithmetic2(p, |mode, a: T, b| extreme(mode, Extreme::Min, a, b)),
        "max_num" => arithmetic2(p, |mode, a: T, b| extreme(mode, Extreme::Max, a, b)),
        "minimum" => arithmetic2(p, |_, a: T, b| minimum(a, b)),
        "maximum" => arithmetic2(p, |_, a: T, b| maximum(a, b)),
        _ => return None,
    })
}

fn conversion(p: &Parsed, name: &str) -> Option<Decoded> {
    Some(match name {
        "f32_i32" => from_integer(p, |a: i32| a as f32),
        "f32_u32" => from_integer(p, |a: u32| a as f32),
        "i32_f32" => arithmetic1(p, |a: f32| a as i32),
        "u32_f32" => arithmetic1(p, |a: f32| a as u32),
        "f16_f32" => {
            arithmetic1_mode(p, |m, a: f32| rounded(m, || f16::from_f32(a), |round| rounding::convert(round, a)))
        }
        "f32_f16" => arithmetic1(p, f16::to_f32),
        "hi_f32_f16" => un(p, |a: u32, _| (f16::from_bits((a >> 16) as u16).to_f32(), None)),
        "pk_rtz_f16_f32" => arithmetic2(p, |_, a: f32, b: f32| {
            let half = |x: f32| u32::from(f16_toward_zero(x).to_bits());
            f32::from_bits(half(a) | half(b) << 16)
        }),
        _ => return None,
    })
}

/// A source with its denormals as MODE says.
fn fetch<T: Lane>(source: Source<T>, wave: &Wave) -> T {
    let value = source.get(wave);
    if T::FLOAT && T::flushes(wave.mode).0 { value.flush() } else { value }
}

/// A result with its denormals as MODE says, and of NaNs the first source's.
fn settle<A: Lane, D: Lane>(value: D, sources: &[A], mode: Mode) -> D {
    if value.is_nan() {
        let nan = sources.iter().find(|source| source.is_nan() && A::BITS == D::BITS);
        return nan.map_or_else(D::default_nan, |nan| D::from_words(nan.words().0, nan.words().1)).quiet();
    }
    if D::FLOAT && D::flushes(mode).1 { value.flush() } else { value }
}

fn fma<T: rounding::Directed>(mode: Mode, nearest: fn(T, T, T) -> T, a: T, b: T, c: T) -> T {
    rounded(mode, || nearest(a, b, c), |round| rounding::fma(round, a, b, c))
}

fn from_integer<A: Lane + Into<i64>>(p: &Parsed, nearest: fn(A) -> f32) -> Decoded {
    let (to, a) = (target::<f32>(p)?, source::<A>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        let a = a.get(wave);
        put(wave, to, rounded(wave.mode, || nearest(a), |round| rounding::from_integer(round, a)));
        Ok(Flow::Next)
    }))
}

fn arithmetic1<A: Lane, D: Lane>(p: &Parsed, f: impl Fn(A) -> D + Send + Sync + 'static) -> Decoded {
    arithmetic1_mode(p, move |_, a| f(a))
}

fn arithmetic1_mode<A: Lane, D: Lane>(p: &Parsed, f: impl Fn(Mode, A) -> D + Send + Sync + 'static) -> Decoded {
    let (to, a) = (target::<D>(p)?, source::<A>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        let a = fetch(a, wave);
        put(wave, to, settle(f(wave.mode, a), &[a], wave.mode));
        Ok(Flow::Next)
    }))
}

fn arithmetic2<T: Lane>(p: &Parsed, f: impl Fn(Mode, T, T) -> T + Send + Sync + 'static) -> Decoded {
    let (to, a, b) = (target::<T>(p)?, source::<T>(p, 1)?, source::<T>(p, 2)?);
    let packs = p.mnemonic.starts_with("s_cvt_pk");
    Ok(Box::new(move |wave, _| {
        let (a, b) = (fetch(a, wave), fetch(b, wave));
        let value = f(wave.mode, a, b);
        put(wave, to, if packs { value } else { settle(value, &[a, b], wave.mode) });
        Ok(Flow::Next)
    }))
}

fn arithmetic3<T: Lane>(
    p: &Parsed,
    index: [usize; 3],
    f: impl Fn(Mode, T, T, T) -> T + Send + Sync + 'static,
) -> Decoded {
    let (to, [a, b, c]) = (target::<T>(p)?, index.map(|index| source::<T>(p, index)));
    let (a, b, c) = (a?, b?, c?);
    Ok(Box::new(move |wave, _| {
        let (a, b, c) = (fetch(a, wave), fetch(b, wave), fetch(c, wave));
        put(wave, to, settle(f(wave.mode, a, b, c), &[a, b, c], wave.mode));
        Ok(Flow::Next)
    }))
}

/// The names say which of less, equal, greater and unordered make the comparison true.
fn comparison<T: Lane + PartialOrd>(p: &Parsed, relation: &str) -> Option<Decoded> {
    let f: fn(Option<std::cmp::Ordering>) -> bool = match relation {
        "lt" => |order| order.is_some_and(|order| order.is_lt()),
        "eq" => |order| order.is_some_and(|order| order.is_eq()),
        "le" => |order| order.is_some_and(|order| order.is_le()),
        "gt" => |order| order.is_some_and(|order| order.is_gt()),
        "lg" => |order| order.is_some_and(|order| order.is_ne()),
        "ge" => |order| order.is_some_and(|order| order.is_ge()),
        "o" => |order| order.is_some(),
        "u" => |order| order.is_none(),
        "nge" => |order| order.is_none_or(|order| order.is_lt()),
        "nlg" => |order| order.is_none_or(|order| order.is_eq()),
        "ngt" => |order| order.is_none_or(|order| order.is_le()),
        "nle" => |order| order.is_none_or(|order| order.is_gt()),
        "neq" => |order| order.is_none_or(|order| order.is_ne()),
        "nlt" => |order| order.is_none_or(|order| order.is_ge()),
        _ => return None,
    };
    Some(compare::<T>(p, f))
}

fn compare<T: Lane + PartialOrd>(p: &Parsed, f: fn(Option<std::cmp::Ordering>) -> bool) -> Decoded {
    let (a, b) = (source::<T>(p, 0)?, source::<T>(p, 1)?);
    Ok(Box::new(move |wave, _| {
        wave.scc = f(fetch(a, wave).partial_cmp(&fetch(b, wave)));
        Ok(Flow::Next)
    }))
}
