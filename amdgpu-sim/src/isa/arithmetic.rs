//! The scalar meaning of operations that Rust has no operator for (*CDNA 3 ISA*, chapter 12 "Instructions").
//!
//! Accuracy. The hardware's reciprocal, root, exponential and trigonometric instructions are approximations that
//! compilers refine. Here they are the correctly rounded f32 of a result computed in f64 (`v_rcp_f64`, `v_rsq_f64` and
//! `v_sqrt_f64`: the f64 result of the host's division and root), so they are at least as good as the hardware's; a
//! program that needs their exact bits is not portable between AMD's own generations. Like on the hardware, the f32
//! ones take denormal sources as zero and give zero for denormal results.

use half::{bf16, f16};

use super::lane::Lane;
use crate::machine::wave::Mode;

/// Unbiased exponent of a finite non-zero number, denormals included; `frexp` minus 1.
fn exponent(x: f64) -> i32 {
    let raw = (x.to_bits() >> 52 & 0x7ff) as i32;
    if raw != 0 { raw - 1023 } else { -1011 - (x.to_bits() << 12 >> 12).leading_zeros() as i32 }
}

/// `x` times 2 to the power `n`, rounded once.
pub fn ldexp(x: f64, n: i32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let n = n.clamp(-4400, 4400);
    let e = exponent(x) + n;
    if e > 1023 {
        return f64::INFINITY.copysign(x);
    }
    let power = |n: i32| f64::from_bits(((1023 + n) as u64) << 52);
    // The mantissa in 1..2 first, exactly; then one multiplication that may round, or an exact one.
    let mantissa = scale_exactly(x, -exponent(x));
    if e >= -1022 {
        mantissa * power(e)
    } else if e >= -1080 {
        round_denormal(mantissa, e)
    } else {
        0.0_f64.copysign(x)
    }
}

fn round_denormal(mantissa: f64, e: i32) -> f64 {
    // 2^-1022 is the smallest normal power: the product by 2^(e+1022) <= 2^-1 is exact, the last one rounds.
    let power = |n: i32| f64::from_bits(((1023 + n) as u64) << 52);
    (mantissa * power(e + 1022)) * power(-1022)
}

fn scale_exactly(x: f64, mut n: i32) -> f64 {
    let power = |n: i32| f64::from_bits(((1023 + n) as u64) << 52);
    let mut x = x;
    while n > 1000 {
        x *= power(1000);
        n -= 1000;
    }
    while n < -1000 {
        x *= power(-1000);
        n += 1000;
    }
    x * power(n)
}

/// The same for f32: exact in f64, rounded once.
pub fn ldexp_f32(x: f32, n: i32) -> f32 {
    // Beyond this range every result is zero or infinite, and f64 still holds the product exactly.
    (f64::from(x) * f64::from_bits(((1023 + n.clamp(-400, 400)) as u64) << 52)) as f32
}

/// `v_frexp_exp`: the exponent of a mantissa in 0.5..1; 0 for zero, infinity and NaN.
pub fn frexp_exponent(x: f64) -> i32 {
    if x == 0.0 || !x.is_finite() { 0 } else { exponent(x) + 1 }
}

/// `v_frexp_mant`: the mantissa in 0.5..1; the number itself for zero, infinity and NaN.
pub fn frexp_mantissa(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() { x } else { scale_exactly(x, -exponent(x) - 1) }
}

/// `v_fract`: what is above the floor, less than 1.
pub fn fract(x: f64) -> f64 {
    if !x.is_finite() { f64::NAN } else { (x - x.floor()).min(f64::from_bits(0x3fef_ffff_ffff_ffff)) }
}

/// `v_fract_f32`.
pub fn fract_f32(x: f32) -> f32 {
    if !x.is_finite() { f32::NAN } else { (x - x.floor()).min(f32::from_bits(0x3f7f_ffff)) }
}

/// A function that is computed in f64 and rounded, denormals flushed on both sides.
pub fn approximate(x: f32, f: impl Fn(f64) -> f64) -> f32 {
    (f(f64::from(x.flush())) as f32).flush()
}

/// `sin(2 pi x)`, exact in the reduction.
pub fn sin_turns(x: f64) -> f64 {
    if x.is_infinite() {
        return f64::NAN;
    }
    ((x - x.trunc()) * std::f64::consts::TAU).sin()
}

/// `cos(2 pi x)`, exact in the reduction.
pub fn cos_turns(x: f64) -> f64 {
    if x.is_infinite() {
        return f64::NAN;
    }
    ((x - x.trunc()) * std::f64::consts::TAU).cos()
}

/// What the minimum and maximum instructions do with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

fn signalling<T: Lane>(x: T) -> bool {
    x.is_nan() && x.quiet().words() != x.words()
}

/// `v_min`/`v_max`: a number beats a quiet NaN; -0 is less than +0; in IEEE mode a signalling NaN becomes quiet and wins.
pub fn extreme<T: Lane + PartialOrd>(mode: Mode, which: Extreme, a: T, b: T) -> T {
    if mode.ieee() && signalling(a) {
        a.quiet()
    } else if mode.ieee() && signalling(b) {
        b.quiet()
    } else if a.is_nan() {
        // Where both are NaNs, so is the result, and it does not signal.
        if b.is_nan() { b.quiet() } else { b }
    } else if b.is_nan() {
        a
    } else {
        let negative = |x: T| x.neg().abs().words() != x.words();
        let a_less = if a == b { negative(a) } else { a < b };
        if (which == Extreme::Min) == a_less { a } else { b }
    }
}

/// `v_minimum`: a NaN if one is; -0 is less than +0 (IEEE 754-2019, section 9.6).
pub fn minimum<T: Lane + PartialOrd>(a: T, b: T) -> T {
    ordered(Extreme::Min, a, b)
}

/// `v_maximum`, likewise.
pub fn maximum<T: Lane + PartialOrd>(a: T, b: T) -> T {
    ordered(Extreme::Max, a, b)
}

fn ordered<T: Lane + PartialOrd>(which: Extreme, a: T, b: T) -> T {
    if a.is_nan() {
        a.quiet()
    } else if b.is_nan() {
        b.quiet()
    } else {
        extreme(Mode::default(), which, a, b)
    }
}

/// `v_med3`: the middle one of three; the minimum if one is a NaN.
pub fn median<T: Lane + PartialOrd>(mode: Mode, a: T, b: T, c: T) -> T {
    let (min, max) = (|a, b| extreme(mode, Extreme::Min, a, b), |a, b| extreme(mode, Extreme::Max, a, b));
    if a.is_nan() || b.is_nan() || c.is_nan() {
        return min(min(a, b), c);
    }
    max(min(a, b), min(max(a, b), c))
}

/// `v_cmp_class`: whether the number is of one of the classes in the mask.
pub fn class<T: Lane + PartialOrd>(x: T, mask: u32) -> bool {
    let negative = x.abs().words() != x.words();
    let bit = if x.is_nan() {
        u32::from(!signalling(x))
    } else {
        let magnitude = x.abs();
        let infinite = !magnitude.is_nan() && is_infinite(magnitude);
        let zero = magnitude.words() == (0, 0);
        let denormal = !zero && magnitude.flush().words() == (0, 0);
        match (infinite, zero, denormal, negative) {
            (true, _, _, true) => 2,
            (_, true, _, true) => 5,
            (_, _, true, true) => 4,
            (false, false, false, true) => 3,
            (_, true, _, false) => 6,
            (_, _, true, false) => 7,
            (true, _, _, false) => 9,
            (false, false, false, false) => 8,
        }
    };
    mask >> bit & 1 != 0
}

fn is_infinite<T: Lane>(magnitude: T) -> bool {
    let (low, high) = magnitude.words();
    match T::BITS {
        16 => low == 0x7c00,
        32 => low == 0x7f80_0000,
        _ => (low, high) == (0, 0x7ff0_0000),
    }
}

/// What `v_div_scale` gives: the scaled operand, and the lane's VCC bit.
///
/// Sources: `s0` is the operand to be scaled (numerator or denominator, bit for bit), `s1` the denominator, `s2` the
/// numerator. `scale` multiplies by a power of two, and rounds.
pub fn div_scale_f32(s0: f32, s1: f32, s2: f32, scale: impl Fn(f32, i32) -> f32) -> (f32, bool) {
    let exponent = |x: f32| (x.to_bits() >> 23 & 0xff) as i32;
    let is_denorm = |x: f32| exponent(x) == 0 && x != 0.0;
    if s1 == 0.0 || s2 == 0.0 {
        return (f32::NAN, false);
    }
    let is_denominator = s0.to_bits() == s1.to_bits();
    let up = |x| scale(x, 64);
    if exponent(s2) - exponent(s1) >= 96 {
        // The quotient is near the largest number: only the denominator is scaled.
        (if is_denominator { up(s0) } else { s0 }, true)
    } else if is_denorm(s1) {
        (up(s0), false)
    } else if is_denorm((1.0 / f64::from(s1)) as f32) && is_denorm((f64::from(s2) / f64::from(s1)) as f32) {
        // The guide prints 2^64 here, with which a denominator of this size becomes infinite; the division's steps and
        // `v_div_fmas`, which scales back by 2^-64 for a small quotient, need 2^-64.
        (if is_denominator { scale(s0, -64) } else { s0 }, true)
    } else if is_denorm((1.0 / f64::from(s1)) as f32) {
        (scale(s0, -64), false)
    } else if is_denorm((f64::from(s2) / f64::from(s1)) as f32) {
        (if s0.to_bits() == s2.to_bits() { up(s0) } else { s0 }, true)
    } else if exponent(s2) <= 23 {
        (up(s0), false)
    } else {
        (s0, false)
    }
}

/// [`div_scale_f32`] for f64.
pub fn div_scale_f64(s0: f64, s1: f64, s2: f64, scale: impl Fn(f64, i32) -> f64) -> (f64, bool) {
    let exponent = |x: f64| (x.to_bits() >> 52 & 0x7ff) as i32;
    let is_denorm = |x: f64| exponent(x) == 0 && x != 0.0;
    if s1 == 0.0 || s2 == 0.0 {
        return (f64::NAN, false);
    }
    let is_denominator = s0.to_bits() == s1.to_bits();
    let up = |x| scale(x, 128);
    if exponent(s2) - exponent(s1) >= 768 {
        (if is_denominator { up(s0) } else { s0 }, true)
    } else if is_denorm(s1) {
        (up(s0), false)
    } else if is_denorm(1.0 / s1) && is_denorm(s2 / s1) {
        (if is_denominator { scale(s0, -128) } else { s0 }, true)
    } else if is_denorm(1.0 / s1) {
        (scale(s0, -128), false)
    } else if is_denorm(s2 / s1) {
        (if s0.to_bits() == s2.to_bits() { up(s0) } else { s0 }, true)
    } else if exponent(s2) <= 53 {
        (up(s0), false)
    } else {
        (s0, false)
    }
}

/// What `a * b + c` is more than its rounded value (Boldo and Muller, "Exact and approximated error of the FMA"); its sign
/// is exact.
fn fma_error(a: f64, b: f64, c: f64, rounded: f64) -> f64 {
    let two_sum = |x: f64, y: f64| {
        let sum = x + y;
        let back = sum - x;
        (sum, (x - (sum - back)) + (y - back))
    };
    let product = a * b;
    let product_error = a.mul_add(b, -product);
    let (u, u_error) = two_sum(c, product_error);
    let (v, v_error) = two_sum(product, u);
    ((v - rounded) + v_error) + u_error
}

/// `a * b + c`, rounded so that rounding it to two or more bits less is right: inexact results are odd.
pub fn fma_to_odd(a: f64, b: f64, c: f64) -> f64 {
    let fused = a.mul_add(b, c);
    if !fused.is_finite() || fused == 0.0 || fused.to_bits() & 1 == 1 {
        return fused;
    }
    let error = fma_error(a, b, c, fused);
    if error == 0.0 || error.is_nan() {
        return fused;
    }
    f64::from_bits(if (error > 0.0) == (fused > 0.0) { fused.to_bits() + 1 } else { fused.to_bits() - 1 })
}

/// `v_div_fmas_f32`: a fused multiply-add; if the division was scaled, the result is scaled back before it is rounded.
pub fn div_fmas_f32(a: f32, b: f32, c: f32, scaled: bool) -> f32 {
    if !scaled {
        return a.mul_add(b, c);
    }
    // The exponent of the third source tells which way the scaling went.
    let by = if c.to_bits() >> 23 & 0xff > 127 { 64 } else { -64 };
    ldexp(fma_to_odd(f64::from(a), f64::from(b), f64::from(c)), by) as f32
}

/// `v_div_fmas_f64`.
pub fn div_fmas_f64(a: f64, b: f64, c: f64, scaled: bool) -> f64 {
    if !scaled {
        return a.mul_add(b, c);
    }
    let by = if c.to_bits() >> 52 & 0x7ff > 1023 { 128 } else { -128 };
    let fused = a.mul_add(b, c);
    let scaled = ldexp(fused, by);
    if scaled.abs() > f64::MIN_POSITIVE || !fused.is_finite() {
        // The multiply-add rounded it, once. (The smallest normal number may be a denormal that the scaling rounded up.)
        return scaled;
    }
    // The scaling rounded it again. That differs only where the first rounding made it look like a tie.
    let rest = fused - ldexp(scaled, -by);
    let error = fma_error(a, b, c, fused);
    if rest.abs() == ldexp(1.0, -1075 - by) && rest * error.signum() > 0.0 && error != 0.0 {
        let step = f64::from_bits(1).copysign(rest);
        return scaled + step;
    }
    scaled
}

/// `v_div_fixup`: the quotient for the cases that the steps before cannot do. Sources: quotient, denominator, numerator.
pub fn div_fixup(q: f64, denominator: f64, numerator: f64, smallest: i32, largest: i32) -> f64 {
    let negative = denominator.is_sign_negative() != numerator.is_sign_negative();
    let signed = |x: f64| if negative { -x } else { x };
    if numerator.is_nan() {
        numerator.quiet()
    } else if denominator.is_nan() {
        denominator.quiet()
    } else if denominator == 0.0 && numerator == 0.0 || denominator.is_infinite() && numerator.is_infinite() {
        // The ISA guide has a negative NaN here.
        f64::from_bits(0xfff8_0000_0000_0000)
    } else if denominator == 0.0 || numerator.is_infinite() {
        signed(f64::INFINITY)
    } else if denominator.is_infinite() || numerator == 0.0 {
        signed(0.0)
    } else {
        let difference = exponent(numerator) - exponent(denominator);
        if difference < smallest {
            signed(0.0)
        } else if difference > largest || q.is_nan() {
            // Finite operands: the steps before overflowed, as the quotient does.
            signed(f64::INFINITY)
        } else {
            signed(q.abs())
        }
    }
}

/// Which bits of 2/pi `v_trig_preop_f64` gives: a 53-bit piece of it, chosen by `segment` and the argument's exponent.
pub fn trig_preop(x: f64, segment: u32) -> f64 {
    let mut shift = (segment & 31) as i32 * 53;
    let exponent = (x.to_bits() >> 52 & 0x7ff) as i32;
    if exponent > 1077 {
        shift += exponent - 1077;
    }
    // 53 bits of 0.(2/pi's bits) from `shift` on.
    let mut piece = 0_u64;
    for bit in 0..53 {
        let at = (shift + bit) as usize;
        let value = TWO_OVER_PI.get(at / 32).map_or(0, |word| word >> (31 - at % 32) & 1);
        piece = piece << 1 | u64::from(value);
    }
    let mut scale = -53 - shift;
    if exponent >= 1968 {
        scale += 128;
    }
    ldexp(piece as f64, scale)
}

/// The bits of 2/pi after the point.
const TWO_OVER_PI: [u32; 40] = [
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a,
    0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41,
    0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf,
    0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08,
    0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d,
];

/// An f32 that rounds to the same number of 16 bits as `x` does: inexact results are odd.
fn f32_to_odd(x: f64) -> f32 {
    let single = x as f32;
    if !single.is_finite() || f64::from(single) == x || single.to_bits() & 1 == 1 {
        return single;
    }
    let away = f64::from(single).abs() < x.abs();
    f32::from_bits(if away { single.to_bits() + 1 } else { single.to_bits() - 1 })
}

/// The nearest f16, ties to even. (`f16::from_f64` drops the low half of the f64 and so misses what breaks a tie.)
pub fn f16_from_f64(x: f64) -> f16 {
    f16::from_f32(f32_to_odd(x))
}

/// A fused multiply-add of bf16, rounded once.
pub fn fma_bf16(a: bf16, b: bf16, c: bf16) -> bf16 {
    bf16::from_f32(f32_to_odd(fma_to_odd(a.to_f64(), b.to_f64(), c.to_f64())))
}

/// A fused multiply-add of f16, rounded once.
pub fn fma_f16(a: f16, b: f16, c: f16) -> f16 {
    f16_from_f64(fma_to_odd(a.to_f64(), b.to_f64(), c.to_f64()))
}

/// `v_cvt_pkrtz_f16_f32`: to f16, rounded to zero.
pub fn f16_toward_zero(x: f32) -> f16 {
    let nearest = f16::from_f32(x);
    if x.is_finite() && nearest.to_f32().abs() > x.abs() { f16::from_bits(nearest.to_bits() - 1) } else { nearest }
}

/// Selects bytes of `high:low` as `v_perm_b32` does.
pub fn permute(high: u32, low: u32, selector: u32) -> u32 {
    let bytes = u64::from(high) << 32 | u64::from(low);
    let pick = |sel: u32| -> u32 {
        match sel {
            0..=7 => (bytes >> (8 * sel)) as u32 & 0xff,
            // Bytes 1, 3, 5, 7's signs.
            8..=11 => {
                if bytes >> (16 * (sel - 8) + 15) & 1 != 0 {
                    0xff
                } else {
                    0
                }
            }
            12 => 0,
            _ => 0xff,
        }
    };
    (0..4).fold(0, |d, i| d | pick(selector >> (8 * i) & 0xff) << (8 * i))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// LLVM's division of f32, step for step (`SITargetLowering::LowerFDIV32`).
    fn divide_f32(n: f32, d: f32) -> f32 {
        let (ds, _) = div_scale_f32(d, d, n, ldexp_f32);
        let (ns, scaled) = div_scale_f32(n, d, n, ldexp_f32);
        let r = approximate(ds, f64::recip);
        let r = (-ds).mul_add(r, 1.0).mul_add(r, r);
        let q = ns * r;
        let q = (-ds).mul_add(q, ns).mul_add(r, q);
        let q = div_fmas_f32((-ds).mul_add(q, ns), r, q, scaled);
        div_fixup(f64::from(q), f64::from(d), f64::from(n), -150, 256) as f32
    }

    /// LLVM's division of f64 (`SITargetLowering::LowerFDIV64`).
    fn divide_f64(n: f64, d: f64) -> f64 {
        let (ds, _) = div_scale_f64(d, d, n, ldexp);
        let (ns, scaled) = div_scale_f64(n, d, n, ldexp);
        let r = 1.0 / ds;
        let r = (-ds).mul_add(r, 1.0).mul_add(r, r);
        let r = (-ds).mul_add(r, 1.0).mul_add(r, r);
        let q = ns * r;
        let q = div_fmas_f64((-ds).mul_add(q, ns), r, q, scaled);
        div_fixup(q, d, n, -1075, 2047)
    }

    #[test]
    fn a_quotient_below_the_smallest_normal_is_rounded_once() {
        let (n, d) = (f64::from_bits(0x800f_ffff_ffff_ffff), f64::from_bits(0x3fef_ffff_ffff_ffff));
        assert_eq!(divide_f64(n, d).to_bits(), 0x800f_ffff_ffff_ffff);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn division_is_rounded_correctly_f32(n: u32, d: u32) {
            let (n, d) = (f32::from_bits(n), f32::from_bits(d));
            let (q, expected) = (divide_f32(n, d), n / d);
            prop_assert!(q.to_bits() == expected.to_bits() || q.is_nan() && expected.is_nan(), "{n:e} / {d:e} = {q:e}");
        }

        #[test]
        fn division_is_rounded_correctly_f64(n: u64, d: u64) {
            let (n, d) = (f64::from_bits(n), f64::from_bits(d));
            let (q, expected) = (divide_f64(n, d), n / d);
            prop_assert!(q.to_bits() == expected.to_bits() || q.is_nan() && expected.is_nan(), "{n:e} / {d:e} = {q:e}");
        }

        #[test]
        fn division_is_rounded_correctly_at_the_smallest_normal(near in 0_u64..64, below in 0_u64..64, sign: bool) {
            // The quotients lie around the smallest normal number, many of them next to a tie.
            let n = f64::from_bits(((1 << 52) + 8 - near) | u64::from(sign) << 63);
            let d = f64::from_bits(1.0_f64.to_bits() - below);
            prop_assert_eq!(divide_f64(n, d).to_bits(), (n / d).to_bits(), "{:e} / {:e}", n, d);
        }

        #[test]
        fn ldexp_is_a_product(x: u64, n in -1022..1023) {
            let x = f64::from_bits(x);
            prop_assume!(!x.is_nan());
            // The power is a normal number, so that the product is rounded once.
            let power = f64::from_bits(((1023 + n) as u64) << 52);
            prop_assert_eq!(ldexp(x, n).to_bits(), (x * power).to_bits());
        }

        #[test]
        fn frexp_takes_numbers_apart(x: u64) {
            let x = f64::from_bits(x);
            prop_assume!(x.is_finite() && x != 0.0);
            let mantissa = frexp_mantissa(x);
            prop_assert!((0.5..1.0).contains(&mantissa.abs()));
            prop_assert_eq!(ldexp(mantissa, frexp_exponent(x)).to_bits(), x.to_bits());
        }

        #[test]
        fn f16_multiply_add_is_rounded_once(a: u16, b: u16, c: u16) {
            // No infinities, no NaNs.
            let finite = |x: u16| f16::from_bits(if x & 0x7c00 == 0x7c00 { x & !0x4000 } else { x });
            let (a, b, c) = (finite(a), finite(b), finite(c));
            // All f16 numbers are multiples of 2^-24, products of 2^-48: integers of 128 bits hold them exactly.
            let fixed = |x: f16| (x.to_f64() * 2_f64.powi(24)) as i128;
            let exact = fixed(a) * fixed(b) + (fixed(c) << 24);
            let result = fma_f16(a, b, c);
            if result.is_finite() {
                let distance = |x: f16| ((fixed(x) << 24) - exact).abs();
                for neighbour in [result.to_bits().wrapping_sub(1), result.to_bits().wrapping_add(1)] {
                    let neighbour = f16::from_bits(neighbour);
                    let (near, far) = (distance(result), distance(neighbour));
                    let even = near == far && result.to_bits() & 1 == 0;
                    prop_assert!(!neighbour.is_finite() || near < far || even, "{a} * {b} + {c} = {result}");
                }
            }
        }
    }

    #[test]
    fn a_tie_of_f16_is_broken_by_the_last_bit() {
        let (a, b) = (f16::from_bits(20608), f16::from_bits(52940));
        assert_eq!(fma_f16(a, b, f16::from_bits(1)).to_f32(), -978.5);
        assert_eq!(fma_f16(a, b, f16::from_bits(0x8001)).to_f32(), -979.0);
    }

    #[test]
    fn division_of_edge_cases() {
        let edges = [
            0.0,
            1.0,
            3.0,
            f32::MIN_POSITIVE,
            f32::MIN_POSITIVE / 8.0,
            f32::from_bits(1),
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
            f32::MAX / 3.0,
            1e-38,
            1e38,
            7e-45,
        ];
        for n in edges.iter().flat_map(|x| [*x, -x]) {
            for d in edges {
                let (q, expected) = (divide_f32(n, d), n / d);
                assert!(q.to_bits() == expected.to_bits() || q.is_nan() && expected.is_nan(), "{n:e} / {d:e} = {q:e}");
                let (n, d) = (f64::from(n) * 1e-260, f64::from(d) * 1e30);
                let (q, expected) = (divide_f64(n, d), n / d);
                assert!(q.to_bits() == expected.to_bits() || q.is_nan() && expected.is_nan(), "{n:e} / {d:e} = {q:e}");
            }
        }
    }

    #[test]
    fn minimum_and_maximum_order_zeros_and_nans() {
        let (ieee, plain) = (Mode(0x200), Mode(0));
        let signalling = f32::from_bits(0x7f80_0001);
        let min = |mode, a, b| extreme::<f32>(mode, Extreme::Min, a, b).to_bits();
        let max = |mode, a, b| extreme::<f32>(mode, Extreme::Max, a, b).to_bits();
        assert_eq!(min(ieee, 0.0, -0.0), (-0.0_f32).to_bits());
        assert_eq!(max(ieee, -0.0, 0.0), 0.0_f32.to_bits());
        assert_eq!(min(ieee, f32::NAN, 2.0), 2.0_f32.to_bits());
        assert_eq!(max(ieee, 2.0, f32::NAN), 2.0_f32.to_bits());
        assert_eq!(min(ieee, 2.0, signalling), 0x7fc0_0001);
        assert_eq!(min(plain, 2.0, signalling), 2.0_f32.to_bits());
        assert_eq!(median(ieee, 3.0_f32, -1.0, 2.0), 2.0);
        assert_eq!(median(ieee, f32::NAN, -1.0, 2.0), -1.0);
    }

    #[test]
    fn every_number_has_one_class() {
        let numbers = [
            f64::from_bits(0x7ff0_0000_0000_0001),
            f64::NAN,
            f64::NEG_INFINITY,
            -1.0,
            -5e-324,
            -0.0,
            0.0,
            5e-324,
            1.0,
            f64::INFINITY,
        ];
        for (bit, x) in numbers.into_iter().enumerate() {
            assert!(class(x, 1 << bit) && !class(x, !(1 << bit)), "{x} is of class {bit}");
        }
        assert!(class(f32::from_bits(1), 1 << 7) && class(f16::NEG_INFINITY, 1 << 2));
    }

    #[test]
    fn the_pieces_of_two_over_pi_add_up() {
        let sum: f64 = (0..3).rev().map(|segment| trig_preop(1.0, segment)).sum();
        assert_eq!(sum, std::f64::consts::FRAC_2_PI);
    }

    #[test]
    fn bytes_are_permuted() {
        assert_eq!(permute(0x8811_2233, 0x4455_6677, 0x0706_0100), 0x8811_6677);
        assert_eq!(permute(0x8811_2233, 0x4455_6677, 0x0d0c_0b08), 0xff00_ff00);
    }
}
