//! Rounding other than to the nearest: MODE's bits 0 and 1 for f32, 2 and 3 for f64 and f16 (*CDNA 3 ISA*, section 3.4 "Mode
//! register").
//!
//! Rounding to the nearest is what the host's arithmetic does, and what all but a few programs want. The other directions
//! are computed by [`rustc_apfloat`], bit by bit. Which of the two fields counts is the type of the result.

use half::f16;
use rustc_apfloat::{
    Float, FloatConvert, Round, Status, StatusAnd,
    ieee::{Double, Half, Quad, Single},
};

use super::{arithmetic::fma_to_odd, lane::Lane};
use crate::machine::wave::Mode;

/// A type whose results are rounded.
pub trait Directed: Lane {
    /// The same type in software.
    type Soft: Float;
}

impl Directed for f16 {
    type Soft = Half;
}

impl Directed for f32 {
    type Soft = Single;
}

impl Directed for f64 {
    type Soft = Double;
}

/// How MODE has results of this type rounded; `None` is to the nearest.
#[inline]
pub fn direction<D: Lane>(mode: Mode) -> Option<Round> {
    match if D::BITS == 32 { mode.0 & 3 } else { mode.0 >> 2 & 3 } {
        1 => Some(Round::TowardPositive),
        2 => Some(Round::TowardNegative),
        3 => Some(Round::TowardZero),
        _ => None,
    }
}

/// A result of this type: `nearest`, or `directed` if MODE says so.
#[inline]
pub fn rounded<D: Lane>(mode: Mode, nearest: impl FnOnce() -> D, directed: impl FnOnce(Round) -> D) -> D {
    match direction::<D>(mode) {
        None => nearest(),
        Some(round) => directed(round),
    }
}

fn soft<T: Directed>(x: T) -> T::Soft {
    let (low, high) = x.words();
    Float::from_bits(u128::from(low) | u128::from(high) << 32)
}

fn hard<T: Directed>(x: T::Soft) -> T {
    let bits = x.to_bits();
    T::from_words(bits as u32, (bits >> 32) as u32)
}

/// `a + b`.
pub fn add<T: Directed>(round: Round, a: T, b: T) -> T {
    hard(soft(a).add_r(soft(b), round).value)
}

/// `a - b`.
pub fn sub<T: Directed>(round: Round, a: T, b: T) -> T {
    hard(soft(a).sub_r(soft(b), round).value)
}

/// `b - a`.
pub fn subrev<T: Directed>(round: Round, a: T, b: T) -> T {
    sub(round, b, a)
}

/// `a * b`.
pub fn mul<T: Directed>(round: Round, a: T, b: T) -> T {
    hard(soft(a).mul_r(soft(b), round).value)
}

/// `a * b + c`, rounded once.
pub fn fma<T: Directed>(round: Round, a: T, b: T, c: T) -> T {
    hard(soft(a).mul_add_r(soft(b), soft(c), round).value)
}

/// `a * b + c`, rounded twice.
pub fn mad<T: Directed>(round: Round, a: T, b: T, c: T) -> T {
    add(round, mul(round, a, b), c)
}

/// What is above the floor, less than 1.
pub fn fract<T: Directed>(round: Round, x: T) -> T {
    let value = soft(x);
    if !value.is_finite() {
        return T::default_nan();
    }
    // The largest number below 1, which rounding does not go beyond.
    let one = T::Soft::from_u128(1).value;
    let floor = value.round_to_integral(Round::TowardNegative).value;
    let rest = value.sub_r(floor, round).value;
    hard(if rest < one { rest } else { one.next_down().value })
}

/// The integer next to `x`, from 0 to 255.
pub fn byte(mode: Mode, x: f32) -> u8 {
    let x = match direction::<f32>(mode) {
        None => x.round_ties_even(),
        Some(Round::TowardPositive) => x.ceil(),
        Some(Round::TowardNegative) => x.floor(),
        Some(_) => x.trunc(),
    };
    x as u8
}

/// [`div_scale_f32`](super::arithmetic::div_scale_f32).
pub fn div_scale_f32(mode: Mode, s0: f32, s1: f32, s2: f32) -> (f32, bool) {
    super::arithmetic::div_scale_f32(s0, s1, s2, |x, n| {
        rounded(mode, || super::arithmetic::ldexp_f32(x, n), |round| ldexp(round, x, n))
    })
}

/// [`div_scale_f64`](super::arithmetic::div_scale_f64).
pub fn div_scale_f64(mode: Mode, s0: f64, s1: f64, s2: f64) -> (f64, bool) {
    super::arithmetic::div_scale_f64(s0, s1, s2, |x, n| {
        rounded(mode, || super::arithmetic::ldexp(x, n), |round| ldexp(round, x, n))
    })
}

/// `x` times 2 to the power `n`.
pub fn ldexp<T: Directed>(round: Round, x: T, n: i32) -> T {
    // Beyond this range every result is zero or infinite.
    hard(soft(x).scalbn_r(n.clamp(-4400, 4400), round))
}

/// The same number in another type.
pub fn convert<A: Directed, D: Directed>(round: Round, x: A) -> D
where
    A::Soft: FloatConvert<D::Soft>,
{
    hard(soft(x).convert_r(round, &mut false).value)
}

/// The number of an integer.
pub fn from_integer<A: Into<i64>, D: Directed>(round: Round, x: A) -> D {
    hard(D::Soft::from_i128_r(i128::from(x.into()), round).value)
}

/// [`div_fmas_f32`](super::arithmetic::div_fmas_f32).
pub fn div_fmas_f32(round: Round, a: f32, b: f32, c: f32, scaled: bool) -> f32 {
    if !scaled {
        return fma(round, a, b, c);
    }
    let by = if c.to_bits() >> 23 & 0xff > 127 { 64 } else { -64 };
    // Exact but for the last bit, which says that it is not: f64 has more than enough of them.
    let fused = fma_to_odd(f64::from(a), f64::from(b), f64::from(c));
    convert(round, super::arithmetic::ldexp(fused, by))
}

/// [`div_fmas_f64`](super::arithmetic::div_fmas_f64).
pub fn div_fmas_f64(round: Round, a: f64, b: f64, c: f64, scaled: bool) -> f64 {
    if !scaled {
        return fma(round, a, b, c);
    }
    let by = if c.to_bits() >> 52 & 0x7ff > 1023 { 128 } else { -128 };
    let wide = |x: f64| -> Quad { soft(x).convert_r(Round::TowardZero, &mut false).value };
    let StatusAnd { status, value } = wide(a).mul_add_r(wide(b), wide(c), Round::TowardZero);
    // To odd, as above.
    let value = if status.contains(Status::INEXACT) { Quad::from_bits(value.to_bits() | 1) } else { value };
    hard(value.scalbn_r(by, Round::TowardZero).convert_r(round, &mut false).value)
}
